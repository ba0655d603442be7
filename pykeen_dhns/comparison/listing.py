"""Which runs there are, and what is finished."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from .configuration import Cell, Comparison
from .execution import best_trial
from .store import load_run, stale_files
from .summary import unequal_trials

__all__ = ["choose_cells", "list_cells"]


def choose_cells(comparison: Comparison, pattern: str) -> list[Cell]:
    """Choose cells by their names.

    :param comparison: the comparison
    :param pattern: a regular expression

    :returns: the cells, in the order of the file

    :raises ValueError: if there is none, or the expression is none
    """
    try:
        cells = [cell for cell in comparison.cells if re.search(pattern, str(cell))]
    except re.error as error:
        raise ValueError(f"--only={pattern} is no regular expression: {error}.") from error
    if not cells:
        raise ValueError(f"--only={pattern} fits to no cell. There are: {'; '.join(map(str, comparison.cells))}.")
    return cells


def list_cells(
    comparison: Comparison, folder: Path, cells: Iterable[Cell], report: Callable[[str], None] = print
) -> None:
    """Report which runs there are, and what is finished.

    :param comparison: the comparison
    :param folder: where results are
    :param cells: the cells to list
    :param report: what to do with each line
    """
    for cell in cells:
        trials = comparison.trials(cell)
        results = [result for run in trials if (result := load_run(folder, run)) is not None]
        num_diverged = sum("diverged" in result for result in results)
        done = f"{len(results)} of {len(trials)} trials" + (f" ({num_diverged} diverged)" if num_diverged else "")
        best = best_trial(comparison, folder, cell)
        finals = comparison.finals(best) if best else []
        seeds = sum(load_run(folder, run) is not None for run in finals)
        searched = f", best: {dict(best.searched)}" if best and best.searched else ""
        report(f"{cell}: {done}, {seeds} of {len(comparison.seeds)} seeds{searched}")
    if warning := unequal_trials(comparison):
        report(warning)
    # any of a cell's trials may have been the best when its seeds were run
    stale = stale_files(folder, (trial for cell in comparison.cells for trial in comparison.trials(cell)))
    if stale:
        report(f"{len(stale)} results in {folder} belong to none of these: the file has changed since they were made.")
