"""Files that are downloaded where they are missing, and verified before they are used."""

import hashlib
from pathlib import Path

import requests

from ..utils.files import write_atomically

__all__ = ["read_file"]

#: For how many seconds a server may take to accept a connection, and to send something on it
TIMEOUT = (10.0, 60.0)


def read_file(path: Path, *, url: str, sha256: str | None) -> bytes:
    """Read a file, download it first if it is missing, and verify it.

    The files are small, so a download is kept in memory until it is verified. Nothing is left of one that fails, not
    even a folder. (``pystow`` would write into the file itself, save the page of an error like a file, and wait forever
    for a server that stops sending.)

    :param path: the file
    :param url: where it can be downloaded from
    :param sha256: the SHA-256 it must have. If None, it may be anything.

    :returns: its content

    :raises ValueError: if it is not the right file; the message names it, and the expected and the found hash
    :raises OSError: if it is missing, and cannot be downloaded
    """  # noqa: DOC503
    is_missing = not path.is_file()
    if is_missing:
        response = requests.get(url, timeout=TIMEOUT)
        response.raise_for_status()
        content, name, advice = response.content, url, f"It was not saved as {path}. Try again."
    else:
        content, name, advice = path.read_bytes(), str(path), f"Remove it to get it from {url}, or use another folder."
    found = hashlib.sha256(content).hexdigest()
    if sha256 not in {None, found}:
        raise ValueError(
            f"{name} is not the file that is needed, or cut off: expected SHA-256 {sha256}, found {found} "
            f"({len(content)} bytes). {advice}"
        )
    if is_missing:
        with write_atomically(path) as file:
            file.write(content)
    return content
