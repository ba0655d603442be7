"""Do all runs of a comparison: what is finished stays, what fails is reported, and the rest goes on."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import torch
from pykeen.datasets import get_dataset
from tqdm import tqdm

from .configuration import DATASET_ARGUMENTS, Cell, Comparison, Run
from .results import Results
from .store import changed_files, load_others, load_results, save_result

__all__ = ["RunError", "compare"]

#: The number of lines of a failed run's output to show
NUM_LINES = 15


class RunError(RuntimeError):
    """A run has failed."""


def compare(
    comparison: Comparison,
    folder: Path,
    *,
    processes: int = 1,
    cells: Iterable[Cell] | None = None,
    num_seeds: int | None = None,
    report: Callable[[str], None] = print,
) -> list[str]:
    """Do all runs of a comparison which are not finished.

    These are the trials of all cells; then, for each cell, the best of them with all other seeds. A result with the
    same arguments and seed is taken over from another comparison in a folder next to this one.

    :param comparison: the comparison
    :param folder: the folder for the results of this comparison
    :param processes: the number of runs at the same time
    :param cells: the cells to do. Defaults to all.
    :param num_seeds: how many of the seeds to do. Defaults to all.
    :param report: what to do with messages

    :returns: a message for each failed run
    """
    chosen = comparison.cells if cells is None else list(cells)
    trials = [run for cell in chosen for run in comparison.trials(cell)]
    failures = _run_all(trials, folder, "trials", processes, report)
    results, finals = Results(comparison, load_results(folder)), []
    for cell in chosen:
        best = results.summarize(cell).best
        if best is None:
            report(f"{cell}: trials failed, or all have diverged, so nothing is selected.")
        else:
            finals += comparison.finals(best)[:num_seeds]
    return failures + _run_all(finals, folder, "finals", processes, report)


def _run_all(runs: Iterable[Run], folder: Path, stage: str, processes: int, report: Callable[[str], None]) -> list[str]:
    """Do those runs which are not finished."""
    # of several cells with the same arguments, only one is run
    unique = list({run.digest: run for run in runs}.values())
    finished = load_results(folder)
    todo = _take_over([run for run in unique if run.digest not in finished], folder, report)
    _load_datasets(todo)
    failures = []
    with (
        tqdm(total=len(unique), initial=len(unique) - len(todo), unit="run", desc=stage) as bar,
        ThreadPoolExecutor(processes) as pool,
    ):
        futures = {pool.submit(_run, run, folder, processes, report): run for run in todo}
        try:
            for future in as_completed(futures):
                run = futures[future]
                if error := future.exception():
                    if not isinstance(error, RunError):
                        raise error
                    failures.append(f"{run.key}: {error}")
                    tqdm.write(failures[-1], file=sys.stderr)
                bar.set_postfix_str(run.key.rpartition("-")[0], refresh=False)
                bar.update()
        finally:
            # after an interrupt, start nothing new
            pool.shutdown(wait=False, cancel_futures=True)
    return failures


def _take_over(runs: Sequence[Run], folder: Path, report: Callable[[str], None]) -> list[Run]:
    """Take results over from other comparisons, and return the runs that are left."""
    others = load_others(folder) if runs else {}
    left = []
    for run in runs:
        result = others.get(run.digest)
        if result is None or changed_files(result):
            left.append(run)
        else:
            save_result(folder, {"taken_from": result["key"], **result, **run.to_dict()})
            report(f"{run.key}: taken over from {result['key']}")
    return left


def _load_datasets(runs: Sequence[Run]) -> None:
    """Load the datasets of runs once, so that runs find them in PyKEEN's cache, and do not all download them.

    PyKEEN warns of triples that it leaves out.
    """
    arguments = [{name: run.arguments[name] for name in DATASET_ARGUMENTS if name in run.arguments} for run in runs]
    for kwargs in {json.dumps(kwargs): kwargs for kwargs in arguments}.values():
        # a run that needs it will fail, and say why
        with contextlib.suppress(Exception):
            dataset = get_dataset(**kwargs)
            # some are loaded when asked for
            _ = dataset.training, dataset.testing, dataset.validation


def _run(run: Run, folder: Path, processes: int, report: Callable[[str], None]) -> None:
    """Do a run, unless another process has done it in the meantime."""
    if load_results(folder, pattern=run.key):
        return
    run_in_process(run, folder, processes)
    if any("diverged" in result for result in load_results(folder, pattern=run.key).values()):
        report(f"{run.key} has diverged, which is its result. Delete it to try again.")


def run_in_process(run: Run, folder: Path, processes: int) -> None:
    """Do a run in a process of its own, which can neither disturb other runs, nor end this process.

    :param run: the run
    :param folder: the folder for its result
    :param processes: the number of processes that share the cores of this machine

    :raises RunError: if it fails
    """
    # after the death of this process, the other one cannot find out which one it was
    request = dict(run=run.to_dict(), folder=str(folder), parent=os.getpid())
    threads = str(max(1, torch.get_num_threads() // processes))
    process = subprocess.run(
        [sys.executable, "-m", "pykeen_dhns.comparison.running"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        env={"OMP_NUM_THREADS": threads, **os.environ},
        check=False,
    )
    if process.returncode:
        lines = process.stderr.strip().splitlines()[-NUM_LINES:]
        raise RunError("\n".join([f"exit status {process.returncode}", *lines]))
