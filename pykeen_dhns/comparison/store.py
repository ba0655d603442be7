"""Finished runs on disk, as gzipped JSON lines.

Each run writes a file of its own, which is complete or not there. So a kill loses nothing that is finished, and
processes do not wait for each other. Files of several runs can be concatenated: all files of a folder are read.
"""

import contextlib
import functools
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .configuration import Run
from ..utils.files import write_atomically

__all__ = ["SUFFIX", "Result", "describe_files", "find_same", "load_results", "save_result"]

#: The end of the names of files with results
SUFFIX = ".jsonl.gz"
#: The arguments whose files are written, not read
OUTPUTS = ("result_tracker_kwargs",)

#: The result of a run, cf. :func:`pykeen_dhns.comparison.running.execute`
Result = dict[str, Any]


def save_result(folder: Path, result: Result) -> None:
    """Save the result of a run.

    :param folder: the folder of the comparison
    :param result: the result
    """
    line = json.dumps(result) + "\n"
    with write_atomically(folder / f"{result['key']}{SUFFIX}") as file:
        file.write(gzip.compress(line.encode("utf8"), mtime=0))


def load_results(folder: Path, pattern: str = "*") -> dict[str, Result]:
    """Load results of a comparison.

    :param folder: the folder of the comparison
    :param pattern: the names of the files to read. Defaults to all. A run writes a file with its key as name.

    :returns: a mapping from the keys of runs to their results

    :raises ValueError: if a file is damaged
    """  # noqa: DOC502
    return {result["key"]: result for path in sorted(folder.glob(f"{pattern}{SUFFIX}")) for result in _read(path)}


def _read(path: Path) -> list[Result]:
    try:
        with gzip.open(path, "rt", encoding="utf8") as file:
            return list(map(json.loads, file))
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}). Delete it, and its runs will be done again.") from error


def find_same(folder: Path, runs: Iterable[Run]) -> dict[str, Result]:
    """Find results of runs with the same arguments, files, and seeds: of other cells, or in folders next to this one.

    :param folder: the folder of the comparison
    :param runs: the runs

    :returns: a mapping from the keys of the runs to their results, which say where they are taken from
    """
    wanted: dict[str, list[Run]] = {}
    for run in runs:
        wanted.setdefault(run.digest, []).append(run)
    found: dict[str, Result] = {}
    for path in sorted(folder.parent.glob(f"*/*{SUFFIX}")):
        # the comparison that a damaged file belongs to will say so
        with contextlib.suppress(ValueError):
            for result in _read(path):
                for run in wanted.get(result["key"].rpartition("-")[2], ()):
                    # digests are short, so different runs may share one
                    is_same = (result["arguments"], result["seed"]) == (run.arguments, run.seed)
                    if is_same and not changed_files(result):
                        origin = dict(taken_from=f"{path.parent.name}/{result['key']}")
                        found.setdefault(run.key, origin | result | run.to_dict())
    return found


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
