"""Finished runs on disk, as gzipped JSON lines.

Each run writes a file of its own, which is complete or not there. So a kill loses nothing that is finished, and
processes do not wait for each other. Files of several runs can be concatenated: all files are read.
"""

import functools
import gzip
import hashlib
import itertools
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..utils.files import write_atomically

__all__ = ["SUFFIX", "Result", "hash_files", "load_results", "save_result"]

#: The end of the names of files with results
SUFFIX = ".jsonl.gz"
#: How much of a file to read at once, in bytes
CHUNK_SIZE = 2**20

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


def load_results(folder: Path) -> dict[str, Result]:
    """Load the results of a comparison.

    :param folder: the folder of the comparison

    :returns: a mapping from the digests of runs to their results

    :raises ValueError: if a file cannot be read
    """  # noqa: DOC502
    return {digest: result for path in sorted(folder.glob(f"*{SUFFIX}")) for digest, result in _read(path).items()}


def _read(path: Path) -> dict[str, Result]:
    """Read results from a file."""
    try:
        with gzip.open(path, "rt", encoding="utf8") as file:
            return dict(map(_check, map(json.loads, file)))
    except (EOFError, OSError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} cannot be read as results ({error!r}). If it is damaged, delete it, and its runs will be done "
            f"again. If it is something else, choose another folder for results."
        ) from error


def _check(result: Result) -> tuple[str, Result]:
    """Check that something can be the result of a run, and return its digest."""
    for name in (
        () if "diverged" in result else ("arguments", "validation", "test", "seconds", "peak_memory", "machine")
    ):
        result[name].keys()
    if not isinstance(result["seed"], int):
        raise TypeError(f"seed is {result['seed']!r}")
    return result["key"].rpartition("-")[2], result


def hash_files(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Hash the files that arguments name, e.g., triples, and features of entities.

    :param arguments: the arguments of a run

    :returns: a mapping from files, as they are in the arguments, to the SHA-256 of their content
    """
    # what a tracker of results writes is not read
    inputs = {key: value for key, value in arguments.items() if key != "result_tracker_kwargs"}
    # names of these may look like any other text
    triples = [inputs[name] for name in ("training", "testing", "validation") if isinstance(inputs.get(name), str)]
    texts = itertools.chain(triples, _find_paths(inputs))
    paths = {text: os.path.expanduser(os.path.expandvars(text)) for text in texts}  # noqa: PTH111
    # unlike pathlib, this takes any text, e.g., a long one
    files = {text: path for text, path in paths.items() if os.path.isfile(path)}  # noqa: PTH113
    return {text: _hash_file(Path(path).resolve(), Path(path).stat().st_mtime_ns) for text, path in files.items()}


def _find_paths(content: Any) -> Iterator[str]:
    """Find all texts that look like a path. Without this, the name of a dataset could be that of a file."""
    if isinstance(content, str) and (os.sep in content or Path(content).suffix):
        yield content
    elif isinstance(content, Mapping | list | tuple):
        for value in content.values() if isinstance(content, Mapping) else content:
            yield from _find_paths(value)


@functools.cache
def _hash_file(path: Path, modified: int) -> str:  # noqa: ARG001
    """Hash a file, once for each time that it was modified."""
    digest = hashlib.sha256()
    # not all of it at once, which would count as memory of the training
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_SIZE):
            digest.update(chunk)
    return digest.hexdigest()
