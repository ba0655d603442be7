"""Files that are either complete, or not there."""

import contextlib
import json
import os
import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np

__all__ = [
    "FloatArray",
    "read_json",
    "to_path",
    "write_array",
    "write_json",
]

#: An array of float32
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


def to_path(name: str, value: Any, what: str = "a path") -> Path:
    """Convert to a path.

    :param name: what it is, for messages
    :param value: a path
    :param what: what it must be, for messages

    :returns: the path, with the home directory for ``~``, and the values of environment variables for ``$NAME``

    :raises TypeError: if it is no path
    :raises ValueError: if there is no such home directory
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name}={reprlib.repr(value)} is a {type(value).__name__}: it must be {what}.")
    try:
        return Path(os.path.expandvars(value)).expanduser()
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{name}={str(value)!r} is not a valid path: {error}") from error


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
        raise ValueError(
            f"{str(path)!r} is no valid JSON file: {error}. Restore it, or delete it, and what belongs to it."
        ) from error
    if not isinstance(content, dict):
        message = f"{str(path)!r} holds a {type(content).__name__}: it must hold an object."
        raise ValueError(message)  # noqa: TRY004
    return content


@contextlib.contextmanager
def _replace(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of another one once it is complete: a process can be killed at any time."""
    # always the same name, such that the next run replaces what a killed one has left
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise type(error)(
            f"{str(path)!r} cannot be written: {error}. Use a path in a folder that can be written to."
        ) from error
