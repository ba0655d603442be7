"""Results on disk: one file per run, and one with its ranks."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .configuration import Run

__all__ = ["load_ranks", "load_run", "save_run", "stale_files", "take_over"]

Ranks = np.ndarray[Any, np.dtype[np.float32]]


def save_run(folder: Path, key: str, content: dict[str, Any], ranks: Ranks) -> None:
    """Save the result of a run.

    :param folder: the folder of the comparison
    :param key: the key of the run
    :param content: the result
    :param ranks: shape: (2, num_triples) the ranks of all test triples
    """
    folder.mkdir(parents=True, exist_ok=True)
    # ranks are multiples of one half
    _replace(folder / f"{key}.npz", lambda path: _save_array(path, np.round(2 * ranks).astype(np.uint32)))
    # in the end, since a run is finished if this file is there
    text = json.dumps(content, indent=1) + "\n"
    _replace(folder / f"{key}.json", lambda path: path.write_text(text, encoding="utf8"))


def _save_array(path: Path, array: np.ndarray[Any, Any]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, twice_ranks=array)


def _replace(target: Path, write: Any) -> None:
    """Write a file such that it is never there in part."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        write(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def load_run(folder: Path, run: Run) -> dict[str, Any] | None:
    """Load the result of a run.

    :param folder: the folder of the comparison
    :param run: the run

    :returns: the result, or None, if the run is not finished

    :raises ValueError: if the file is damaged
    """  # noqa: DOC502
    path = folder / f"{run.key}.json"
    return _read(path) if path.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is damaged ({error}). Delete it, and the run will be done again.") from error
    return result


def load_ranks(folder: Path, run: Run) -> Ranks:
    """Load the ranks of a run.

    :param folder: the folder of the comparison
    :param run: the run

    :returns: shape: (2, num_triples), the rank of the head and of the tail of each test triple
    """
    return _read_ranks(folder / f"{run.key}.npz")


def _read_ranks(path: Path) -> Ranks:
    with np.load(path, allow_pickle=False) as file:
        ranks: Ranks = (file["twice_ranks"] / 2).astype(np.float32)
    return ranks


def take_over(folder: Path, run: Run) -> Path | None:
    """Take the result of a run from another comparison, or another cell, that has done the same.

    A run is determined by its arguments and its seed, wherever it is done. Where it comes from is noted in the result.

    :param folder: the folder of the comparison. Those of others are next to it.
    :param run: the run

    :returns: the file that it was taken from, or None, if there is none

    :raises ValueError: if that file is damaged
    """  # noqa: DOC502
    for path in sorted(folder.parent.glob(f"*/*-{run.digest}.json")):
        content = _read(path)
        # the digest is a short one
        if content["seed"] != run.seed or content["arguments"] != run.arguments:
            continue
        # if it was taken over there, too, its origin stays
        origin = dict(taken_from=path.relative_to(folder.parent).as_posix())
        content = origin | content | run.to_dict() | dict(key=run.key)
        save_run(folder, run.key, content, _read_ranks(path.with_suffix(".npz")))
        return path
    return None


def stale_files(folder: Path, runs: Iterable[Run]) -> list[Path]:
    """Find results which do not belong to a comparison any more, since its file has changed.

    :param folder: the folder of the comparison
    :param runs: all of its runs

    :returns: their files
    """
    keys = {run.key for run in runs}
    return sorted(path for path in folder.glob("*.json") if path.stem not in keys)
