"""Finished runs on disk, as gzipped JSON lines.

Each run writes a file of its own, which is complete or not there. So a kill loses nothing that is finished, and
processes do not wait for each other. Files of several runs can be concatenated: all files are read.
"""

import contextlib
import functools
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..utils.files import write_atomically

__all__ = ["SUFFIX", "Result", "changed_files", "describe_files", "load_others", "load_results", "save_result"]

#: The end of the names of files with results
SUFFIX = ".jsonl.gz"
#: The arguments whose files are written, not read
OUTPUTS = ("result_tracker_kwargs",)

#: The result of a run, cf. :func:`pykeen_dhns.comparison.running.execute`
Result = dict[str, Any]


def save_result(folder: Path, result: Result) -> None:
    """Save the result of a run.

    :param folder: the folder of its comparison
    :param result: the result
    """
    line = json.dumps(result) + "\n"
    with write_atomically(folder / f"{result['key']}{SUFFIX}") as file:
        file.write(gzip.compress(line.encode("utf8"), mtime=0))


def load_results(folder: Path, pattern: str = "*") -> dict[str, Result]:
    """Load the results of a comparison.

    :param folder: the folder of the comparison
    :param pattern: the names of the files to read. Defaults to all. A run writes a file with its key as name.

    :returns: a mapping from the digests of runs to their results

    :raises ValueError: if a file cannot be read
    """  # noqa: DOC502
    return {digest: result for path in sorted(folder.glob(f"{pattern}{SUFFIX}")) for digest, result in _read(path)}


def load_others(folder: Path) -> dict[str, Result]:
    """Load the results in all folders next to that of a comparison. Files that are no results are ignored."""
    results: dict[str, Result] = {}
    for path in sorted(folder.parent.glob(f"*/*{SUFFIX}")):
        with contextlib.suppress(ValueError):
            results.update(_read(path))
    return results


def _read(path: Path) -> list[tuple[str, Result]]:
    """Read the digests of runs, and their results."""
    try:
        with gzip.open(path, "rt", encoding="utf8") as file:
            return [(result["key"].rpartition("-")[2], result) for result in map(json.loads, file)]
    except (EOFError, OSError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} cannot be read as results ({error!r}). If it is damaged, delete it, and its runs will be done "
            f"again. If it is something else, choose another folder for results."
        ) from error


def describe_files(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Get the content of the files that arguments name, e.g., triples, and features of entities.

    :param arguments: the arguments of a run

    :returns: a mapping from files, as they are in the arguments, to the SHA-256 of their content
    """
    inputs = {key: value for key, value in arguments.items() if key not in OUTPUTS}
    digests = {name: _digest(name) for name in sorted(set(_find_paths(inputs)))}
    return {name: digest for name, digest in digests.items() if digest is not None}


def changed_files(result: Result) -> list[str]:
    """Find the files whose content has changed since a run has read them. Files that are gone do not count."""
    return [name for name, digest in result.get("files", {}).items() if _digest(name) not in {None, digest}]


def _find_paths(content: Any) -> Iterator[str]:
    """Find all texts that look like a path. Without this, the name of a dataset could be that of a file."""
    if isinstance(content, str) and (os.sep in content or Path(content).suffix):
        yield content
    elif isinstance(content, Mapping | list | tuple):
        for value in content.values() if isinstance(content, Mapping) else content:
            yield from _find_paths(value)


def _digest(name: str) -> str | None:
    """Hash a file, or return None, if there is no such file."""
    try:
        path = Path(os.path.expandvars(name)).expanduser().resolve()
        if not path.is_file():
            return None
    except (OSError, RuntimeError):
        # a longer text, or the home folder of an unknown user
        return None
    return _hash_file(path, path.stat().st_mtime_ns)


@functools.cache
def _hash_file(path: Path, modified: int) -> str:  # noqa: ARG001
    """Hash a file, once for each time that it was modified."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
