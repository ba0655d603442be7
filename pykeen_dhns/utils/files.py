"""Write files so that a reader never sees half of one."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["write_atomically"]


@contextlib.contextmanager
def write_atomically(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing, and give it its name only once it is complete.

    If the process fails or is killed in between, the old file stays as it was, or there is none. Missing folders are
    created.

    :param path: the path of the file

    :yields: the file, opened in binary mode
    """  # noqa: DOC404
    path.parent.mkdir(parents=True, exist_ok=True)
    # in the same folder, since files cannot be renamed across file systems; two processes do not share it
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            # without this, a power loss may leave the name without the content
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
