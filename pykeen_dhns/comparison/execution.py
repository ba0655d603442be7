"""Do all runs of a comparison: what is finished stays, what fails is reported, and the rest goes on."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tqdm import tqdm

from .configuration import FILES, Cell, Comparison, Run
from .preparation import load_datasets
from .store import load_run, take_over

__all__ = ["Failure", "best_trial", "compare", "finished_runs"]

#: The number of lines of a failed run's output to show
NUM_LINES = 15


class Failure(RuntimeError):  # noqa: N818
    """A run failed."""


def compare(
    comparison: Comparison,
    folder: Path,
    *,
    processes: int = 1,
    cells: Callable[[Cell], bool] | None = None,
    num_seeds: int | None = None,
    report: Callable[[str], None] = print,
) -> list[str]:
    """Do all runs of a comparison which are not finished.

    First, the trials of all cells; then, for each cell, the best of them with all other seeds. What another comparison
    next to it has done with the same arguments and seed is taken over from there, and reported. That may also happen
    in the meantime, by another process.

    :param comparison: the comparison
    :param folder: where results are, one file per run
    :param processes: the number of runs at the same time
    :param cells: which cells to do. Defaults to all.
    :param num_seeds: how many of the seeds to do. Defaults to all.
    :param report: what to do with messages

    :returns: what failed, as messages
    """
    chosen = [cell for cell in comparison.cells if cells is None or cells(cell)]
    trials = [run for cell in chosen for run in comparison.trials(cell)]
    failures = _run_all(trials, folder, "trials", processes, report)
    finals = []
    for cell in chosen:
        best = best_trial(comparison, folder, cell)
        if best is None:
            report(f"{cell}: trials failed, or all have diverged, so nothing is selected.")
            continue
        finals += comparison.finals(best)[:num_seeds]
    return failures + _run_all(finals, folder, "finals", processes, report)


def best_trial(comparison: Comparison, folder: Path, cell: Cell) -> Run | None:
    """Get the best trial of a cell, by its validation triples.

    :param comparison: the comparison
    :param folder: where results are
    :param cell: the cell

    :returns: the trial, or None, as long as not all of them are finished, or if all have diverged
    """
    trials = comparison.trials(cell)
    results = [load_run(folder, trial) for trial in trials]
    values = {
        trial.trial: result["validation"]["mrr"]
        for trial, result in zip(trials, results, strict=True)
        if result is not None and "diverged" not in result
    }
    if None in results or not values:
        return None
    return trials[max(values, key=values.__getitem__)]


def finished_runs(comparison: Comparison, folder: Path, cell: Cell) -> list[tuple[Run, dict[str, Any]]]:
    """Get the runs of a cell's best trial which are finished.

    :param comparison: the comparison
    :param folder: where results are
    :param cell: the cell

    :returns: runs, in the order of their seeds, and their results. What has diverged has none.
    """
    best = best_trial(comparison, folder, cell)
    runs = [] if best is None else comparison.finals(best)
    results = ((run, load_run(folder, run)) for run in runs)
    return [(run, result) for run, result in results if result is not None and "diverged" not in result]


def _run_all(runs: Sequence[Run], folder: Path, stage: str, processes: int, report: Callable[[str], None]) -> list[str]:
    """Do those runs which are not finished."""
    failures = []
    todo = [run for run in runs if not _is_done(run, folder, report)]
    # PyKEEN's own datasets are known; of what is in files, triples may be left out
    if todo and (processes > 1 or any(set(FILES) & run.arguments.keys() for run in todo)):
        for message in load_datasets(todo):
            report(message)
    # of several cells with the same arguments, one is run, and the others take over from it
    first = list({run.digest: run for run in reversed(todo)}.values())[::-1]
    with (
        tqdm(total=len(runs), initial=len(runs) - len(todo), unit="run", desc=stage) as bar,
        ThreadPoolExecutor(processes) as pool,
    ):
        for batch in (first, [run for run in todo if run not in first]):
            for run, error in _submit(pool, batch, folder, _num_threads(processes), report):
                if error is not None:
                    failures.append(f"{run.key}: {error}")
                    tqdm.write(failures[-1], file=sys.stderr)
                bar.set_postfix_str(run.key.rpartition("-")[0], refresh=False)
                bar.update()
    return failures


def _is_done(run: Run, folder: Path, report: Callable[[str], None]) -> bool:
    """Return whether a run is finished, or can be taken over."""
    if load_run(folder, run) is not None:
        return True
    origin = take_over(folder, run)
    if origin is not None:
        report(f"{run.key}: taken over from {origin.relative_to(folder.parent)}")
    return origin is not None


def _num_threads(processes: int) -> int:
    """Get the number of threads of each of several processes: the user's choice, or what they can share."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and int(given):
        return int(given)
    # a container may not have all cores of its machine
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // processes)


def _submit(
    pool: ThreadPoolExecutor, runs: Sequence[Run], folder: Path, threads: int, report: Callable[[str], None]
) -> Iterator[tuple[Run, Failure | None]]:
    def do(run: Run) -> None:
        if _is_done(run, folder, report):
            return
        run_in_process(run, folder, threads)
        if "diverged" in (load_run(folder, run) or {}):
            report(f"{run.key} has diverged, which is its result. Delete it to try again.")

    futures = {pool.submit(do, run): run for run in runs}
    try:
        for future in as_completed(futures):
            error = future.exception()
            if error is not None and not isinstance(error, Failure):
                raise error
            yield futures[future], error
    finally:
        # if interrupted, start nothing new
        for future in futures:
            future.cancel()


def run_in_process(run: Run, folder: Path, threads: int) -> None:
    """Execute a run in a process of its own: its memory is its own, and its end is not ours.

    :param run: the run
    :param folder: where to save its result
    :param threads: the number of threads

    :raises Failure: if it fails
    """
    # by its own account, the process might have another parent already
    request = dict(run=run.to_dict() | dict(key=run.key), folder=str(folder), threads=threads, parent=os.getpid())
    environment = os.environ | dict(OMP_NUM_THREADS=str(threads))
    process = subprocess.run(
        [sys.executable, "-m", "pykeen_dhns.comparison.running"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if process.returncode:
        lines = process.stderr.strip().splitlines()[-NUM_LINES:]
        raise Failure("\n".join([f"exit status {process.returncode}", *lines]))
