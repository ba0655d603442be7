"""Test that files of triples are checked."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from pykeen_dhns.datasets.triple_files import check_triple_files


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
    (tmp_path / "file.tsv").write_bytes(content)
    arguments = dict(dataset_kwargs=dict(load_triples_kwargs=kwargs))
    check_triple_files(dict(training=tmp_path / "file.tsv", **arguments))
    (tmp_path / "file.tsv.gz").write_bytes(gzip.compress(content))
    check_triple_files(dict(testing=str(tmp_path / "file.tsv.gz"), validation=None, **arguments))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,r,b\n", r"separated by '\t', but its first line is 'a,r,b'. Other separators are possible by, e.g., "),
        (b"a r b\n", r"but its first line is 'a r b'"),
        (b"a\tr\n", r"but its first line is 'a\tr'"),
        (b"", "cannot be read as triples: No columns"),
        (b"\xff\tr\tb\n", "cannot be read as triples: 'utf-8' codec"),
    ],
)
def test_no_triples(content: bytes, message: str, tmp_path: Path) -> None:
    """The message names the file, shows its first line, and has what to do."""
    path = tmp_path / "file.tsv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))} .*{re.escape(message)}"):
        check_triple_files(dict(validation=path))
