"""Results on disk: one file per run, and one with its ranks."""

import dataclasses
import json
import os
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .configuration import Run
from .files import changed_files

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
        # else, after a loss of power, the name may be there without the content
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def load_run(folder: Path, run: Run) -> dict[str, Any] | None:
    """Load the result of a run.

    :param folder: the folder of the comparison
    :param run: the run

    :returns: the result, or None, if the run is not finished, i.e., if one of its files is missing

    :raises ValueError: if the file is damaged, or if a file that the run has read, e.g., triples, is another one now
    """
    path = folder / f"{run.key}.json"
    if not path.is_file() or not path.with_suffix(".npz").is_file():
        return None
    result = _read(path)
    if changed := changed_files(result.get("files", {})):
        raise ValueError(
            f"{path} was obtained with another content of {', '.join(changed)}. Delete it, and the run will be done "
            f"again, or name another folder for the results of the new files."
        )
    return result


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

    :raises ValueError: if the file is damaged
    """  # noqa: DOC502
    return _read_ranks(folder / f"{run.key}.npz")


def _read_ranks(path: Path) -> Ranks:
    try:
        # numpy leaves it open, if it is damaged
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            ranks: Ranks = (file["twice_ranks"] / 2).astype(np.float32)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged. Delete it, and the run will be done again.") from error
    return ranks


def take_over(folder: Path, run: Run) -> Path | None:
    """Take the result of a run from another comparison, or another cell, that has done the same.

    A run is determined by its arguments, the files which they name, and its seed, wherever it is done. Where it comes
    from is noted in the result.

    :param folder: the folder of the comparison. Those of others are next to it.
    :param run: the run

    :returns: the file that it was taken from, or None, if there is none, or only damaged ones
    """
    for path in sorted(folder.parent.glob(f"*/*-{run.digest}.json")):
        try:
            content, ranks = _read(path), _read_ranks(path.with_suffix(".npz"))
        except (ValueError, FileNotFoundError):
            # whose comparison it is will say so; this one can do without
            continue
        # the digest is a short one
        if content["seed"] != run.seed or content["arguments"] != run.arguments:
            continue
        if changed_files(content.get("files", {})):
            continue
        # if it was taken over there, too, its origin stays
        origin = dict(taken_from=path.relative_to(folder.parent).as_posix())
        content = origin | content | run.to_dict() | dict(key=run.key)
        save_run(folder, run.key, content, ranks)
        return path
    return None


def stale_files(folder: Path, trials: Iterable[Run]) -> list[Path]:
    """Find results which do not belong to a comparison any more, since its file has changed.

    :param folder: the folder of the comparison
    :param trials: all of its trials. Results of the same with any other seed belong to it, too.

    :returns: their files
    """
    files = sorted(folder.glob("*.json"))
    seeds = {int(match[1]) for path in files if (match := re.search(r"-seed(\d+)-\w+$", path.stem))}
    keys = {dataclasses.replace(run, seed=seed).key for run in trials for seed in seeds}
    return [path for path in files if path.stem not in keys]
