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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: b'' is malformed, it must be the number of lines that follow"),
        (b"4 0 1\n", "line 1: b'4 0 1' is malformed, it must be the number of lines"),
        (b"-1\n", "line 1: b'-1' is malformed"),
        (b"0\n", "line 1: b'0' is malformed, it must be the number of lines that follow, at least 1"),
        (b"1" * 5000 + b"\n", f"line 1: {b'1' * 80!r}... (5000 bytes) is malformed"),
        (b"4 0 1\r" * 5000, f"line 1: {(b'4 0 1' + bytes([13])) * 13 + b'4 '!r}... (29999 bytes) is malformed"),
        (b"\x1f\x8b\x08\0", "line 1: b'\\x1f\\x8b\\x08\\x00' is malformed"),
        (b"1\n4 0 " + b"1" * 5000 + b"\n", f"line 2: {b'4 0 ' + b'1' * 76!r}... (5004 bytes) is malformed"),
        (b"1\n4,0,1\n", "line 2: b'4,0,1' is malformed"),
        (b"2\n4 0 1\n4 0\n", "line 3: b'4 0' is malformed, it must be the IDs of head, tail, and relation"),
        (b"1\n4 0 1 1\n", "line 2: b'4 0 1 1' is malformed"),
        (b"2\n\n4 0 1\n", "line 2: b'' is malformed"),
        (b"1\n4 -1 1\n", "line 2: b'4 -1 1' is malformed"),
        (b"1\n4 0 1.0\n", "line 2: b'4 0 1.0' is malformed"),
        (b"1\n4 1_0 1\n", "line 2: b'4 1_0 1' is malformed"),
        ("1\n4 ٣ 1\n".encode(), "line 2: b'4 \\xd9\\xa3 1' is malformed"),
        (b"2\n4 0 1\n5 0 1\n", "line 3: head 5 and tail 0 must be less than 5"),
        (b"2\n4 0 1\n0 5 1\n", "line 3: head 0 and tail 5 must be less than 5"),
        (
            b"1\n1 0 2\n",
            "line 2: head 1 and tail 0 must be less than 5, the number of entities, and relation 2 less than 2",
        ),
        (b"3\n4 0 1\n4 0 0\n", "line 1: 3 lines must follow, but there are 2. The last one is line 3"),
        (b"1\n4 0 1\n4 0 0\n", "line 1: 1 lines must follow, but there are 2"),
    ],
)
def test_bad_triples(content: bytes, message: str) -> None:
    """What is wrong is an error with file and line."""
    with pytest.raises(ValueError, match=re.escape(f"{PATH}, {message}")):
        read(content)


def test_labels() -> None:
    """IDs are those of the file, in whatever order; a label may contain what Unicode regards as the end of a line."""
    content = 'a "b" 1\nJūrmala 0\nnext\u0085line\u2028too 2\n1 3\n'.encode()
    labels = read_labels(PATH, b"4\n" + content)
    assert labels == {'a "b"': 1, "Jūrmala": 0, "next\u0085line\u2028too": 2, "1": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: b'' is malformed, it must be the number of lines that follow"),
        (b"a 0\n", "line 1: b'a 0' is malformed"),
        (b"2\na 0\nb\n", "line 3: b'b' is malformed, it must be a label and its ID"),
        (b"2\na 0\n1\n", "line 3: b'1' is malformed"),
        (b"2\n\na 0\n", "line 2: b'' is malformed"),
        (b"1\na b\n", "line 2: b'a b' is malformed"),
        (b"1\na -1\n", "line 2: b'a -1' is malformed"),
        (b"2\na 0\nb 2\n", "line 3: the ID is 2, but it must be less than 2, the count"),
        (b"3\na 0\nb 1\nc 1\n", "line 4: the ID 1 was already in line 3"),
        (b"3\na 0\nb 1\na 2\n", "line 4: the label 'a' was already in line 2"),
        (b"2\na 0\n\xff 1\n", "line 3: b'\\xff 1' is malformed, it must be UTF-8"),
        (b"3\na 0\nb 1\n", "line 1: 3 lines must follow, but there are 2. The last one is line 3"),
    ],
)
def test_bad_labels(content: bytes, message: str) -> None:
    """What is wrong is an error with file and line."""
    with pytest.raises(ValueError, match=re.escape(f"{PATH}, {message}")):
        read_labels(PATH, content)
