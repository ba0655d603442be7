"""Test that files of triples are checked."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from pykeen_dhns.datasets.triple_files import load_dataset


@pytest.mark.parametrize(
    ("content", "kwargs"),
    [
        (b"a\tr\tb\n", None),
        (b"a b\tr\tc, d\nNA\t\tx\n", {}),
        (b"a,r,b\n", {"delimiter": ","}),
        ("ä r b\n".encode("latin-1"), {"delimiter": " ", "encoding": "latin-1"}),
    ],
)
def test_triples(content: bytes, kwargs: Any, tmp_path: Path) -> None:
    """Whatever PyKEEN can read passes, compressed or not."""
    training, testing = tmp_path / "file.tsv", tmp_path / "file.tsv.gz"
    training.write_bytes(content)
    testing.write_bytes(gzip.compress(content))
    arguments = dict(dataset_kwargs=dict(load_triples_kwargs=kwargs))
    dataset = load_dataset(dict(training=training, testing=str(testing), validation=None, **arguments))
    assert dataset.training.num_triples == dataset.testing.num_triples == content.count(b"\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,r,b\n", r"separated by '\t', but its first line is 'a,r,b'. Other separators are possible by, e.g., "),
        (b"a r b\n", r"but its first line is 'a r b'"),
        (b"a\tr\n", r"but its first line is 'a\tr'"),
        (b"", "is empty. It must have triples"),
        (b"\xff\tr\tb\n", "cannot be read as triples: 'utf-8' codec"),
    ],
)
def test_no_triples(content: bytes, message: str, tmp_path: Path) -> None:
    """The message names the file, shows its first line, and has what to do."""
    path = tmp_path / "file.tsv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))} .*{re.escape(message)}"):
        load_dataset(dict(training=path, testing=path))


def test_nothing_left(tmp_path: Path) -> None:
    """PyKEEN leaves out triples with unknown entities, and would fail after the training if none is left."""
    for name, content in {"training": "a\tr\tb\nb\tr\tc\n", "testing": "a\tr\td\n"}.items():
        (tmp_path / f"{name}.tsv").write_text(content, encoding="utf8")
    training, testing = tmp_path / "training.tsv", tmp_path / "testing.tsv"
    with pytest.raises(ValueError, match=rf"^testing: {re.escape(str(testing))} has no triple whose entities and rel"):
        load_dataset(dict(training=training, testing=testing))
    with testing.open("a", encoding="utf8") as file:
        file.write("a\tr\tc\n")
    assert load_dataset(dict(training=training, testing=testing)).testing.num_triples == 1


def test_validation_beside_dataset() -> None:
    """PyKEEN would ignore the file, without a word."""
    with pytest.raises(ValueError, match="validation='held-out' has no effect beside dataset='nations'"):
        load_dataset(dict(dataset="nations", validation="held-out"))
    assert load_dataset(dict(dataset="nations", validation=None)).validation is not None
