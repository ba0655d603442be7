"""What is known about each cell of a comparison: its trials, and the runs with all seeds."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .configuration import Cell, Comparison, Run
from .execution import best_trial, finished_runs
from .store import load_run

__all__ = ["Summary", "baseline_cell", "summarize", "unequal_trials"]

#: The result of a run, cf. :func:`pykeen_dhns.comparison.store.load_run`
Result = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Summary:
    """What is known about a cell."""

    cell: Cell
    #: All trials, and their results. None, if a trial is not finished.
    trials: Sequence[tuple[Run, Result | None]]
    #: The best trial. None, unless all are finished.
    best: Run | None
    #: The runs of the best trial which are finished, and their results
    runs: Sequence[tuple[Run, Result]]

    @property
    def num_seeds(self) -> int:
        """Return the number of seeds that are finished."""
        return len(self.runs)

    def values(self, *path: str) -> list[float]:
        """Get a number from the results of all seeds.

        :param *path: where it is, e.g., ``test``, ``mrr``

        :returns: one value per seed, those which do not have it left out
        """
        values = []
        for _, result in self.runs:
            value: Any = result
            for key in path:
                value = value.get(key) if isinstance(value, Mapping) else None
            if value is not None:
                values.append(float(value))
        return values


def summarize(comparison: Comparison, folder: Path) -> list[Summary]:
    """Summarize the cells of a comparison.

    :param comparison: the comparison
    :param folder: where results are

    :returns: one summary for each cell of which there is at least one result, in the order of the file
    """
    summaries = []
    for cell in comparison.cells:
        trials = [(run, load_run(folder, run)) for run in comparison.trials(cell)]
        if any(result is not None for _, result in trials):
            summary = Summary(
                cell=cell,
                trials=trials,
                best=best_trial(comparison, folder, cell),
                runs=finished_runs(comparison, folder, cell),
            )
            summaries.append(summary)
    return summaries


def baseline_cell(comparison: Comparison, cell: Cell) -> Cell | None:
    """Get the cell to which a cell is compared.

    :param comparison: the comparison
    :param cell: the cell

    :returns: its baseline, which may be the cell itself. None, if there is none.
    """
    baseline = Cell(tuple((axis, comparison.baseline.get(axis, value)) for axis, value in cell.values))
    return baseline if comparison.baseline and baseline in comparison.cells else None


def unequal_trials(comparison: Comparison) -> str:
    """Say whether some cells have more trials than others, which favours them.

    :param comparison: the comparison

    :returns: a sentence, or nothing, if all have the same number
    """
    counts = {cell: len(comparison.trials(cell)) for cell in comparison.cells}
    few, many = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if counts[few] == counts[many]:
        return ""
    return (
        f"Not a fair comparison: {few} has {counts[few]} trials, {many} has {counts[many]}, which favours the latter. "
        f"Search as many values for all, or limit trials."
    )
