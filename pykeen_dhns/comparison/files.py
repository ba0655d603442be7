"""The files that a run reads: its arguments only name them, so a result has to say what was in them."""

import functools
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["changed_files", "describe_files"]

#: The arguments whose files are written, not read
OUTPUTS = ("result_tracker_kwargs",)


def describe_files(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Get the content of the files that arguments name, e.g., triples, and features of entities.

    :param arguments: the arguments of a run

    :returns: a mapping from files, as they are in the arguments, to the SHA-256 of their content
    """
    inputs = {key: value for key, value in arguments.items() if key not in OUTPUTS}
    digests = {name: _digest(name) for name in sorted(set(_texts(inputs)))}
    return {name: digest for name, digest in digests.items() if digest is not None}


def changed_files(files: Mapping[str, str]) -> list[str]:
    """Find files that are not what they were.

    :param files: what they were

    :returns: those which have another content now. Those which are not there (any more) are not among them: what was
        read from them is still true.
    """
    return [name for name, digest in files.items() if _digest(name) not in {None, digest}]


def _texts(content: Any) -> Iterator[str]:
    """Get all texts that look like a path: others may have the name of a file, too, e.g., that of a dataset."""
    if isinstance(content, str):
        if os.sep in content or Path(content).suffix:
            yield content
    elif isinstance(content, Mapping):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _texts(value)


def _digest(name: str) -> str | None:
    try:
        path = Path(os.path.expandvars(name)).expanduser()
        if not path.is_file():
            return None
    except (OSError, RuntimeError):
        # what cannot be a path: a longer text, or one that starts like the home folder of nobody
        return None
    status = path.stat()
    return _read_digest(path.resolve(), status.st_mtime_ns, status.st_size)


@functools.cache
def _read_digest(path: Path, modified: int, size: int) -> str:  # noqa: ARG001
    """Read a file once, as long as it is the same."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
