"""Tests for files that are downloaded and verified, with a server on this machine."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from pykeen_dhns.datasets import download
from pykeen_dhns.datasets.download import read_file

from .conftest import Server
from .small import FILES, Small

NAME = "train2id.txt"
CONTENT, SHA256 = FILES[NAME], Small.sha256[NAME]
HALF = CONTENT[: len(CONTENT) // 2]


def fetch(server: Server, path: Path, sha256: str | None = SHA256) -> bytes:
    """Read a file, from the server if it is missing."""
    return read_file(path, url=f"{server.url}/{NAME}", sha256=sha256)


@pytest.mark.parametrize("answer", ["right", "slow"])
def test_download(answer: str, server: Server, tmp_path: Path) -> None:
    """A missing file is downloaded once, also from a slow server, and nothing else is left."""
    server.answers = [answer]
    path = tmp_path / "new" / "folder" / NAME
    assert fetch(server, path) == CONTENT
    assert path.read_bytes() == CONTENT
    assert fetch(server, path) == CONTENT
    assert server.paths == [f"/benchmarks/{NAME}"]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("answer", "cls", "message"),
    [
        # there is no length to tell that it is cut off
        ("cut off, without length", ValueError, hashlib.sha256(HALF).hexdigest()),
        ("wrong", ValueError, hashlib.sha256(CONTENT[::-1]).hexdigest()),
        # urllib3 looks at the length since version 2
        ("cut off", (OSError, ValueError), "IncompleteRead|cut off"),
        ("missing", OSError, "404"),
        ("silent", OSError, "timed out"),
        ("stalled", OSError, "timed out"),
    ],
)
def test_bad_download(
    answer: str, cls: Any, message: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left of a download that fails, so that the next one is tried."""
    monkeypatch.setattr(download, "TIMEOUT", (0.2, 0.2))
    server.answers = [answer]
    path = tmp_path / "folder" / NAME
    with pytest.raises(cls, match=message) as info:
        fetch(server, path)
    if cls is ValueError:
        assert f"expected SHA-256 {SHA256}, found {message}" in str(info.value)
        assert f"{server.url}/{NAME} is not the file that is needed" in str(info.value)
        assert f"It was not saved as {path}. Try again." in str(info.value)
    assert list(tmp_path.iterdir()) == []
    assert fetch(server, path) == CONTENT


def test_unknown_hash(server: Server, tmp_path: Path) -> None:
    """Without a hash, a file may be anything."""
    server.answers = ["wrong"]
    assert fetch(server, tmp_path / NAME, sha256=None) == CONTENT[::-1]


def test_wrong_file(server: Server, tmp_path: Path) -> None:
    """A wrong file that is already there is an error, and stays."""
    path = tmp_path / NAME
    path.write_bytes(HALF)
    found = hashlib.sha256(HALF).hexdigest()
    message = f"{path} is not the file that is needed, or cut off: expected SHA-256 {SHA256}, found {found} "
    advice = f"({len(HALF)} bytes). Remove it to get it from {server.url}/{NAME}, or use another folder."
    with pytest.raises(ValueError, match=re.escape(message + advice)):
        fetch(server, path)
    assert path.read_bytes() == HALF
    assert server.paths == []
