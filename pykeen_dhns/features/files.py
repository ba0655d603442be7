"""Files that are either complete, or not there."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np

__all__ = [
    "FloatArray",
    "read_json",
    "write_array",
    "write_json",
]

#: An array of float32
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


def write_array(path: Path, array: FloatArray) -> None:
    """Write an array.

    :param path: a path with suffix ``.npy``
    :param array: the array
    """
    with _replace(path) as file:
        np.save(file, array, allow_pickle=False)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write what is no array.

    :param path: a path with suffix ``.json``
    :param content: what to write
    """
    with _replace(path) as file:
        file.write(json.dumps(content, indent=2).encode() + b"\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read what is no array.

    :param path: the path

    :returns: its content

    :raises ValueError: if it is no JSON file with an object
    """
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is no valid JSON file: {error}") from error
    if not isinstance(content, dict):
        message = f"{str(path)!r} holds a {type(content).__name__}: it must hold an object."
        raise ValueError(message)  # noqa: TRY004
    return content


@contextlib.contextmanager
def _replace(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of another one once it is complete: a process can be killed at any time."""
    # always the same name, such that the next run replaces what a killed one has left
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
