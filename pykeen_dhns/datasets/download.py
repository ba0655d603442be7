"""Files that are downloaded where they are missing, and verified before they are used."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pystow.utils import download

__all__ = ["read_file"]

#: For how many seconds a server may take to accept a connection, and to send something on it
TIMEOUT = (10.0, 60.0)


def read_file(path: Path, *, url: str, sha256: str | None, is_cached: bool) -> bytes:
    """Read a file, download it first if it is missing, and verify it.

    :param path: the file
    :param url: where it can be downloaded from
    :param sha256: the SHA-256 it must have. If None, it may be anything.
    :param is_cached: whether the file lies in a cache, from which it is removed if it is wrong, rather than in a folder
        of the user's, where nothing is ever removed

    :returns: its content

    :raises ValueError: if it is not the right file; the message names it, and the expected and the found hash
    :raises ConnectionError: if it is missing, and cannot be downloaded
    """  # noqa: DOC503
    if not path.is_file():
        return _download(path, url=url, sha256=sha256)
    content = path.read_bytes()
    if sha256 is not None and _hash(content) != sha256:
        if is_cached:
            path.unlink()
        raise ValueError(
            f"{path} is not the file that is needed: {_describe(content, sha256)}. "
            + (
                "It has been removed: try again."
                if is_cached
                else f"If it belongs to something else, use another folder. Else, replace it, or remove it to get it "
                f"from {url}."
            )
        )
    return content


def _download(path: Path, *, url: str, sha256: str | None) -> bytes:
    """Download a file, such that nothing is left of it unless it is right."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_make_folder(path.parent))
            # not next to the other files, where a later run, or one at the same time, could take a part for the whole
            folder = TemporaryDirectory(dir=path.parent, prefix=".download-")
        except OSError as error:
            raise ConnectionError(f"{url} could not be downloaded to {path}: {error}") from error
        stack.enter_context(folder)
        part = Path(folder.name, path.name)
        try:
            _fetch(url, part, sha256=sha256)
        except Exception as error:
            # of each library's own kind
            received = part.read_bytes() if part.is_file() else b""
            details = f" ({_describe(received, sha256)})" if received else ""
            # what pystow raises instead of some does not say why
            raise ConnectionError(
                f"{url} could not be downloaded to {path}{details}: {error.__cause__ or error}"
            ) from error
        content = part.read_bytes()
        if sha256 is not None and _hash(content) != sha256:
            raise ValueError(
                f"{url} is wrong or cut off, and was not saved as {path}: {_describe(content, sha256)}. Try again."
            )
        part.replace(path)
    return content


@contextlib.contextmanager
def _make_folder(folder: Path) -> Iterator[None]:
    """Make a folder, and remove it again if nothing gets there: its name may be a mistake."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        # those that are not empty stay
        with contextlib.suppress(OSError):
            for parent in missing:
                parent.rmdir()
        raise


def _fetch(url: str, path: Path, *, sha256: str | None) -> None:
    def check(response: Any, *_: Any, **__: Any) -> None:
        # the page of an error is no file
        response.raise_for_status()
        # a hash tells what is missing better than the length does, and needs all that came
        response.raw.enforce_content_length = sha256 is None

    # not by pystow's default, which waits forever for a server that stops sending; its older versions save what is
    # compressed as it is
    headers = {"Accept-Encoding": "identity"}
    options: dict[str, Any] = dict(timeout=TIMEOUT, headers=headers, hooks=dict(response=check))
    download(url=url, path=path, backend="requests", clean_on_failure=False, **options)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _describe(content: bytes, sha256: str | None) -> str:
    return f"expected SHA-256 {sha256 or 'unknown'}, found {_hash(content)} ({len(content)} bytes)"
