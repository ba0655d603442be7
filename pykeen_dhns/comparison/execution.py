"""Do all runs of a comparison: what is finished stays, what fails is reported, and the rest goes on."""

import functools
import json
import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from pykeen.datasets import Dataset
from tqdm import tqdm

from .configuration import Cell, Comparison, Run
from .process_group import kill_group
from .results import Results
from .running import LOG, check, execute_alone, load_complete_dataset
from .store import load_results
from ..datasets.triple_files import DATASET_ARGUMENTS
from ..utils.validation import show

__all__ = ["compare"]

#: The number of lines of a failed run's output to show
NUM_LINES = 15
#: What the processes of runs share, where they are forked. PyTorch imports the second with the first optimizer.
PRELOADED = [execute_alone.__module__, "torch._dynamo"]
#: The processes of runs that are in progress
RUNNING: set[BaseProcess] = set()
#: Whether they are to end
INTERRUPTED = threading.Event()
#: The number of characters of an error to show: some messages have all features of an entity
LENGTH = 500


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

    :raises ValueError: if a run cannot be built, or a finished one has read files that have changed since, before any
        run begins
    :raises OSError: if results cannot be saved
    """  # noqa: DOC502
    # before hours of training, this checks what is finished, and whether results can be saved
    Results(comparison, load_results(folder))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
    chosen = comparison.cells if cells is None else list(cells)
    trials = [run for cell in chosen for run in comparison.trials(cell)]
    _check_all(_find_unfinished(trials, folder))
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
    todo = _find_unfinished(runs, folder)
    run_one = functools.partial(_run, folder=folder, processes=processes)
    INTERRUPTED.clear()
    with ThreadPoolExecutor(processes) as pool:
        try:
            messages = tqdm(pool.map(run_one, todo), total=len(todo), desc=stage, unit="run")
            return list(filter(None, messages))
        except KeyboardInterrupt:
            # do not wait for runs that are in progress, nor for one that is just being started
            INTERRUPTED.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(RUNNING):
                kill_group(process)
            raise


def _find_unfinished(runs: Iterable[Run], folder: Path) -> list[Run]:
    """Find the runs to do. Of several cells with the same arguments, only one is run."""
    finished = load_results(folder)
    return list({run.digest: run for run in runs if run.digest not in finished}.values())


def _check_all(runs: Sequence[Run]) -> None:
    """Check that all runs can be built, which also downloads each dataset once."""
    datasets: dict[str, Dataset] = {}
    for run in tqdm(runs, desc="checks", unit="run"):
        key = json.dumps([run.arguments.get(name) for name in DATASET_ARGUMENTS])
        try:
            datasets[key] = datasets.get(key) or load_complete_dataset(run.arguments)
            check(run.arguments, datasets[key])
        except Exception as error:
            settings = f" with {show(dict(run.searched))}" if run.searched else ""
            message = f"{run.cell}{settings} cannot be run: {type(error).__name__}: {str(error)[:LENGTH]}"
            raise ValueError(message) from error


def _run(run: Run, folder: Path, processes: int) -> str:
    """Do a run. If it fails, show and return why."""
    try:
        run_in_process(run, folder, processes)
    except (RuntimeError, OSError, EOFError) as error:
        message = f"{run.key}: {error}"
        if not INTERRUPTED.is_set():
            tqdm.write(message, file=sys.stderr)
        return message
    return ""


def _find_process_class() -> type[BaseProcess]:
    """Find how the process of a run begins."""
    # Elsewhere than on Linux, it is not safe to fork a process that has loaded PyTorch. With a GPU, it is not safe
    # anywhere, since some imports initialise CUDA, which then fails in the forked process.
    if sys.platform != "linux" or torch.cuda.is_available():
        return multiprocessing.get_context("spawn").Process
    context = multiprocessing.get_context("forkserver")
    # each run is forked from a process that has done the imports already, which take longer than a short run
    context.set_forkserver_preload(PRELOADED)
    return context.Process


def run_in_process(run: Run, folder: Path, processes: int) -> None:
    """Do a run in a process of its own, which can neither disturb other runs, nor end this process.

    :param run: the run
    :param folder: the folder for its result
    :param processes: the number of processes that share the cores of this machine

    :raises RuntimeError: if it fails. The message has its exit status, and the end of its output.
    """
    threads = None if "OMP_NUM_THREADS" in os.environ else max(1, torch.get_num_threads() // processes)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        log = Path(temporary) / LOG
        process = _find_process_class()(target=execute_alone, args=(run.to_dict(), folder, threads, Path(temporary)))
        process.start()
        RUNNING.add(process)
        if INTERRUPTED.is_set():
            kill_group(process)
        process.join()
        RUNNING.discard(process)
        if process.exitcode:
            # it may have left workers behind
            kill_group(process)
            lines = log.read_text(encoding="utf8", errors="replace").strip().splitlines() if log.is_file() else []
            reason = f"exit status {process.exitcode}"
            if process.exitcode < 0:
                reason = f"killed by signal {-process.exitcode}, perhaps for lack of memory"
            raise RuntimeError("\n".join([reason, *lines[-NUM_LINES:]]))
