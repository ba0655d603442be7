"""Do all runs of a comparison: what is finished stays, what fails is reported, and the rest goes on."""

import contextlib
import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from pykeen.datasets import get_dataset
from tqdm import tqdm
from tqdm.contrib.concurrent import thread_map

from .configuration import DATASET_ARGUMENTS, Cell, Comparison, Run
from .results import Results
from .store import load_results

__all__ = ["compare"]

#: The number of lines of a failed run's output to show
NUM_LINES = 15


def compare(
    comparison: Comparison,
    folder: Path,
    *,
    processes: int = 1,
    cells: Iterable[Cell] | None = None,
    num_seeds: int | None = None,
) -> list[str]:
    """Do all runs of a comparison which are not finished.

    These are the trials of all cells; then, for each cell, the best of them with all other seeds.

    :param comparison: the comparison
    :param folder: the folder for the results of this comparison
    :param processes: the number of runs at the same time
    :param cells: the cells to do. Defaults to all.
    :param num_seeds: how many of the seeds to do. Defaults to all.

    :returns: a message for each failed run
    """
    chosen = comparison.cells if cells is None else list(cells)
    trials = [run for cell in chosen for run in comparison.trials(cell)]
    failures = _run_all(trials, folder, "trials", processes)
    summaries, finals = Results(comparison, load_results(folder)).summaries, []
    for cell in chosen:
        best = summaries[cell].best
        if best is None:
            tqdm.write(f"{cell}: trials failed, or all have diverged, so nothing is selected.", file=sys.stderr)
        else:
            finals += comparison.finals(best)[:num_seeds]
    return failures + _run_all(finals, folder, "finals", processes)


def _run_all(runs: Sequence[Run], folder: Path, stage: str, processes: int) -> list[str]:
    """Do those runs which are not finished, and return the messages of those that fail."""
    finished = load_results(folder)
    # of several cells with the same arguments, only one is run
    todo = list({run.digest: run for run in runs if run.digest not in finished}.values())
    _load_datasets(todo)
    run_one = functools.partial(_run, folder=folder, processes=processes)
    messages: list[str] = thread_map(run_one, todo, max_workers=processes, desc=stage, unit="run")
    return list(filter(None, messages))


def _load_datasets(runs: Sequence[Run]) -> None:
    """Load datasets once, so that runs find them in PyKEEN's cache. PyKEEN warns of triples that it leaves out."""
    arguments = [{name: run.arguments[name] for name in DATASET_ARGUMENTS if name in run.arguments} for run in runs]
    for kwargs in {json.dumps(kwargs): kwargs for kwargs in arguments}.values():
        # a run that needs it will fail, and say why
        with contextlib.suppress(Exception):
            # triples are loaded when they are asked for
            _ = get_dataset(**kwargs).factory_dict


def _run(run: Run, folder: Path, processes: int) -> str:
    """Do a run. If it fails, show and return why."""
    try:
        run_in_process(run, folder, processes)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines()[-NUM_LINES:]
        message = "\n".join([f"{run.key}: exit status {error.returncode}", *lines])
        tqdm.write(message, file=sys.stderr)
        return message
    return ""


def run_in_process(run: Run, folder: Path, processes: int) -> None:
    """Do a run in a process of its own, which can neither disturb other runs, nor end this process.

    :param run: the run
    :param folder: the folder for its result
    :param processes: the number of processes that share the cores of this machine
    """
    # after the death of this process, the other one cannot find out which one it was
    request = dict(run=run.to_dict(), folder=str(folder), parent=os.getpid())
    threads = str(max(1, torch.get_num_threads() // processes))
    subprocess.run(
        [sys.executable, "-m", "pykeen_dhns.comparison.running"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        env={"OMP_NUM_THREADS": threads, **os.environ},
        check=True,
    )
