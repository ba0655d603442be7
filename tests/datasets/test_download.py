"""Tests for files that are downloaded and verified, with a server on this machine."""

import re
from pathlib import Path
from typing import Any

import pytest

from pykeen_dhns.datasets import download as files
from pykeen_dhns.datasets.download import read_file

from .conftest import Server
from .small import FILES, Small

NAME = "train2id.txt"
CONTENT, SHA256 = FILES[NAME], Small.sha256[NAME]
HALF = CONTENT[: len(CONTENT) // 2]


def fetch(server: Server, path: Path, sha256: str | None = SHA256) -> bytes:
    """Read a file, from the server if it is missing."""
    return read_file(path, url=f"{server.url}/{NAME}", sha256=sha256, is_cached=True)


@pytest.mark.parametrize("answer", ["right", "slow"])
def test_download(answer: str, server: Server, tmp_path: Path) -> None:
    """A missing file is downloaded, also from a slow server, and nothing else is left. It is downloaded once."""
    server.answers = [answer]
    path = tmp_path / "new" / "folder" / NAME
    assert fetch(server, path) == CONTENT
    assert path.read_bytes() == CONTENT
    assert fetch(server, path) == CONTENT
    assert server.paths == [f"/benchmarks/{NAME}"]
    # not all versions of pystow decompress what they get
    assert server.encodings == ["identity"]
    assert list(path.parent.iterdir()) == [path]


def test_bad_downloads(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of a download that fails, so that the next one is tried, and what is right is taken."""
    monkeypatch.setattr(files, "TIMEOUT", (0.2, 0.2))
    cases: list[tuple[str, type[Exception], str]] = [
        ("cut off", ValueError, files._hash(HALF)),
        ("cut off, without length", ValueError, files._hash(HALF)),
        ("wrong", ValueError, files._hash(CONTENT[::-1])),
        ("missing", ConnectionError, "404"),
        ("silent", ConnectionError, "timed out"),
        ("stalled", ConnectionError, "timed out"),
    ]
    server.answers = [answer for answer, *_ in cases]
    path = tmp_path / "folder" / NAME
    for answer, cls, message in cases:
        with pytest.raises(cls, match=message) as info:
            fetch(server, path)
        assert str(path) in str(info.value), answer
        assert f"{server.url}/{NAME}" in str(info.value)
        assert (f"expected SHA-256 {SHA256}, found {message}" in str(info.value)) == (cls is ValueError)
        assert list(tmp_path.iterdir()) == [], answer
    assert fetch(server, path) == CONTENT
    assert len(server.paths) == len(cases) + 1


def test_large_file(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a connection fails in the midst of a file, it is said what has arrived so far."""
    server.files = {NAME: 1000 * CONTENT}
    server.answers = ["stalled"]
    message = rf"expected SHA-256 {SHA256}, found [0-9a-f]{{64}} \([1-9]\d* bytes\)\):"
    with monkeypatch.context() as context:
        context.setattr(files, "TIMEOUT", (0.2, 0.2))
        with pytest.raises(ConnectionError, match=message):
            fetch(server, tmp_path / NAME)
    assert list(tmp_path.iterdir()) == []
    server.answers = ["slow"]
    assert fetch(server, tmp_path / NAME, sha256=files._hash(1000 * CONTENT)) == 1000 * CONTENT


def test_unknown_hash(server: Server, tmp_path: Path) -> None:
    """Without a hash, a file may be anything, but must still be whole."""
    server.answers = ["cut off", "wrong"]
    path = tmp_path / NAME
    with pytest.raises(ConnectionError, match="IncompleteRead"):
        fetch(server, path, sha256=None)
    assert list(tmp_path.iterdir()) == []
    assert fetch(server, path, sha256=None) == CONTENT[::-1]


def test_nobody_listens(tmp_path: Path) -> None:
    """Without a network, this is said."""
    with pytest.raises(ConnectionError, match=re.escape(f"http://127.0.0.1:9/x could not be downloaded to {tmp_path}")):
        read_file(tmp_path / NAME, url="http://127.0.0.1:9/x", sha256=SHA256, is_cached=True)
    assert list(tmp_path.iterdir()) == []


def test_no_place(server: Server, tmp_path: Path) -> None:
    """Without a folder to download to, this is said."""
    (tmp_path / "file").touch()
    with pytest.raises(ConnectionError, match="could not be downloaded to"):
        fetch(server, tmp_path / "file" / NAME)
    assert server.paths == []


def test_interrupted(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of a download that the user stops."""

    def stop(path: Path, **_: Any) -> None:
        path.write_bytes(CONTENT[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "download", stop)
    with pytest.raises(KeyboardInterrupt):
        fetch(server, tmp_path / NAME)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_cached", [True, False])
def test_wrong_file(server: Server, tmp_path: Path, is_cached: bool) -> None:
    """A file that is already there, but wrong, is an error; it is removed from the cache, but not from elsewhere."""
    path, url = tmp_path / NAME, f"{server.url}/{NAME}"
    path.write_bytes(CONTENT[:-1])
    found = files._hash(CONTENT[:-1])
    message = (
        f"{path} is not the file that is needed: expected SHA-256 {SHA256}, found {found} ({len(CONTENT) - 1} bytes)"
    )
    with pytest.raises(ValueError, match=re.escape(message)) as info:
        read_file(path, url=url, sha256=SHA256, is_cached=is_cached)
    assert path.exists() != is_cached
    assert ("It has been removed: try again." in str(info.value)) == is_cached
    assert (f"remove it to get it from {url}" in str(info.value)) != is_cached
    assert server.paths == []
