"""Tests for the format of the published files."""

import re
from pathlib import Path

import pytest
import torch

from pykeen_dhns.datasets.openke_format import read_labels, read_triples

PATH = Path("folder", "file.txt")


def read(content: bytes) -> list[list[int]]:
    """Read triples of five entities and two relations."""
    triples = read_triples(PATH, content, num_entities=5, num_relations=2)
    assert triples.dtype == torch.long
    assert triples.shape == (len(triples), 3)
    return triples.tolist()


def test_order() -> None:
    """The relation comes last in the file, but not in PyKEEN; triples stay in order, and repeated ones too."""
    assert read(b"4\n4 0 1\n0 3 0\n2 2 1\n4 0 1\n") == [[4, 1, 0], [0, 0, 3], [2, 1, 2], [4, 1, 0]]


@pytest.mark.parametrize("content", [b"1\n4 0 1", b"\xef\xbb\xbf1\n4 0 1\n", b"1\r\n4 0 1\r\n", b" 1 \n4\t0  1 \n\n"])
def test_tolerance(content: bytes) -> None:
    """White space makes no difference."""
    assert read(content) == [[4, 1, 0]]


def test_labels() -> None:
    """IDs are those of the file, in whatever order; a label may contain what Unicode regards as the end of a line."""
    content = 'a "b" 1\nJūrmala 0\nnext\u0085line\u2028too 2\n1 3\n'.encode()
    labels = read_labels(PATH, b"4\n" + content)
    assert labels == {'a "b"': 1, "Jūrmala": 0, "next\u0085line\u2028too": 2, "1": 3}


@pytest.mark.parametrize(
    "content", [b"", b"4 0 1\n", b"-1\n", b"0\n", b"3\n4 0 1\n", b"1\n4 0 1\n4 0 0\n", b"\x1f\x8b\0"]
)
def test_wrong_count(content: bytes) -> None:
    """The first line must be the number of those that follow."""
    first, *lines = content.rstrip().split(b"\n")
    message = f"{PATH}, line 1: {first!r} must be the number of lines that follow. There are {len(lines)}."
    with pytest.raises(ValueError, match=re.escape(message)):
        read(content)
    with pytest.raises(ValueError, match=re.escape(message)):
        read_labels(PATH, content)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"4 0",
        b"4 0 1 1",
        b"4,0,1",
        b"4 -1 1",
        b"-1 4 1",
        b"4 0 1.0",
        b"4 0 -1",
        b"5 0 1",
        b"0 5 1",
        b"1 0 2",
        "4 ٣ 1".encode(),
    ],
)
def test_bad_triple(line: bytes) -> None:
    """What is wrong with a triple is an error with file and line."""
    with pytest.raises(ValueError, match=re.escape(f"{PATH}, line 3: {line!r} must be the IDs of head, tail, and")):
        read(b"3\n4 0 1\n" + line + b"\n4 0 1\n")


@pytest.mark.parametrize("line", [b"", b"b", b"1", b"a b", b"b -1", b"b 3", b"b 0", b"a 1", b"\xff 1"])
def test_bad_label(line: bytes) -> None:
    """What is wrong with a label or its ID is an error with file and line."""
    with pytest.raises(ValueError, match=re.escape(f"{PATH}, line 3: {line!r} must be a label, in UTF-8, and its ID")):
        read_labels(PATH, b"3\na 0\n" + line + b"\nc 2\n")


def test_long_line() -> None:
    """Only the beginning of a line is shown, as it may be a whole file."""
    with pytest.raises(ValueError, match=re.escape(f"line 1: {b'1' * 80!r} must be")):
        read(b"1" * 5000)
