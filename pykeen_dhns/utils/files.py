"""Write files so that a reader never sees half of one, and no two processes mix theirs."""

import contextlib
import glob
import importlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

__all__ = ["lock_folder", "write_atomically"]

try:
    fcntl: Any = importlib.import_module("fcntl")
except ImportError:
    # Windows, which does not let others remove what a process has opened
    fcntl = None


def _lock(descriptor: int, *, wait: bool = False) -> None:
    """Lock a file or folder, or raise an OSError. The lock ends with the process, however that ends."""
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Let no other process enter this context for the same folder. On Windows, nothing is locked.

    :param folder: the folder

    :yields: nothing

    :raises FileExistsError: if another process is in it
    """  # noqa: DOC404
    with contextlib.ExitStack() as stack:
        if fcntl is not None:
            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            try:
                _lock(descriptor)
            except BlockingIOError as error:
                raise FileExistsError(f"Another process is writing to {folder}. Choose another folder.") from error
            except OSError:
                # some file systems have no locks
                pass
        yield


@contextlib.contextmanager
def write_atomically(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing, and give it its name only once it is complete.

    If the process fails or is killed in between, the old file stays as it was, or there is none. What is left of a
    killed process is removed when the same file is written again. Missing folders are created.

    :param path: the path of the file

    :yields: the file, opened in binary mode
    """  # noqa: DOC404
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_overs(path)
    file = _create_temporary(path)
    # in the same folder, since files cannot be renamed across file systems
    temporary = Path(file.name)
    try:
        with file:
            yield file
            # without this, a power loss may leave the name without the content
            file.flush()
            os.fsync(file.fileno())
            if fcntl is not None:
                # before the file is closed, which ends the lock
                temporary.replace(path)
        if fcntl is None:
            # Windows does not rename what is open
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _create_temporary(path: Path) -> IO[bytes]:
    """Create a file next to another one, and lock it, so that no other process removes it."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        # fails if anything has this name, so no symbolic link is followed
        file = temporary.open("xb")
        # some file systems have no locks
        with contextlib.suppress(OSError):
            _lock(file.fileno(), wait=True)
        if temporary.exists():
            return file
        # before it was locked, another process took it for a left-over
        file.close()


def _remove_left_overs(path: Path) -> None:
    """Remove what killed processes have left of a file."""
    for other in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        # raised if a process is still writing, or if there are no locks
        with contextlib.suppress(OSError):
            if fcntl is None:
                other.unlink()
                continue
            with other.open("rb") as file:
                _lock(file.fileno())
                other.unlink()
