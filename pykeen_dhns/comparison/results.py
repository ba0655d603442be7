"""The results of a comparison, cell by cell."""

import dataclasses
import functools
import itertools
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from .configuration import Cell, Comparison, Run
from .store import Result, hash_files

__all__ = ["Results", "Summary", "find_edge"]


def find_edge(value: Any, tried: Sequence[Any]) -> str:
    """Find out whether a value is at an edge of those that were tried.

    :param value: the value
    :param tried: all values that were tried

    :returns: ``"smallest"`` or ``"largest"``, or nothing
    """
    is_numeric = all(isinstance(each, int | float) and not isinstance(each, bool) for each in tried)
    if not is_numeric or len(set(tried)) < 2:
        return ""
    return {max(tried): "largest", min(tried): "smallest"}.get(value, "")


@dataclasses.dataclass(frozen=True)
class Summary:
    """The results of a cell."""

    #: All trials, and their results. None, if a trial is not finished.
    trials: Sequence[tuple[Run, Result | None]]
    #: The best trial by validation triples. None, unless all are finished, and at least one has not diverged.
    best: Run | None
    #: The finished runs of the best trial, in the order of their seeds, and their results
    finals: Sequence[tuple[Run, Result]]
    #: How many further runs of the best trial have diverged
    num_diverged: int = 0

    def describe_edges(self) -> list[str]:
        """Say where the best trial is at an edge of what was tried, so that more of the same may be better.

        :returns: a sentence for each edge
        """
        if self.best is None:
            return []
        hints = []
        for path, value in self.best.searched.items():
            if edge := find_edge(value, [run.searched[path] for run, _ in self.trials]):
                hints.append(f"{path}={value} is the {edge} value that was tried: try others beyond it.")
        validations = [result["validation"] for _, result in self.finals]
        if validations and all(each["epoch"] == each["curve"][-1]["epoch"] for each in validations):
            hints.append(f"The best epoch is the last one, {validations[0]['epoch']}, with every seed: train longer.")
        return hints


class Results:
    """The results of a comparison."""

    def __init__(self, comparison: Comparison, results: Mapping[str, Result]) -> None:
        """Initialize the results.

        :param comparison: the comparison
        :param results: the results of runs, cf. :func:`pykeen_dhns.comparison.load_results`

        :raises ValueError: if a run has read files that have changed since
        """  # noqa: DOC502
        self.comparison = comparison
        self.results = results
        self._check_files()

    def _check_files(self) -> None:
        """Check that finished runs have read the files as they are now. Files that are gone do not count."""
        changed: dict[str, set[str]] = {}
        for trial in itertools.chain.from_iterable(map(self.comparison.trials, self.comparison.cells)):
            for run in (trial, *self.comparison.finals(trial)):
                result = self.results.get(run.digest)
                if result is None:
                    continue
                digests = hash_files(run.arguments)
                for name, old in result.get("files", {}).items():
                    if digests.get(name, old) != old:
                        changed.setdefault(name, set()).add(result["key"])
        if changed:
            keys = textwrap.shorten(", ".join(sorted(set.union(*changed.values()))), width=1000, placeholder=" ...")
            raise ValueError(
                f"{', '.join(changed)} changed since these runs: {keys}. Delete their results, and they will be done "
                "again, or name another folder for the results of the new files."
            )

    @functools.cached_property
    def summaries(self) -> dict[Cell, Summary]:
        """Return the summaries of all cells, in the order of the file."""
        return {cell: self._summarize(cell) for cell in self.comparison.cells}

    def _summarize(self, cell: Cell) -> Summary:
        trials = [(run, self.results.get(run.digest)) for run in self.comparison.trials(cell)]
        candidates = [(run, result) for run, result in trials if result is not None and "diverged" not in result]
        if not candidates or any(result is None for _, result in trials):
            return Summary(trials, best=None, finals=[])
        best, _ = max(candidates, key=lambda pair: pair[1]["validation"]["mrr"])
        results = [(run, self.results.get(run.digest)) for run in self.comparison.finals(best)]
        finals = [(run, result) for run, result in results if result and "diverged" not in result]
        num_diverged = sum(result is not None and "diverged" in result for _, result in results)
        return Summary(trials, best, finals, num_diverged)

    @property
    def finished_cells(self) -> list[Cell]:
        """Return the cells that have a finished run of their best trial."""
        return [cell for cell, summary in self.summaries.items() if summary.finals]

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """Return the finished runs of all best trials.

        There is a row for each run, in the order of the file. Columns are the name of the cell, the seed, and
        everything in the result, e.g., ``test.mrr``.
        """
        rows = [(run, result) for summary in self.summaries.values() for run, result in summary.finals]
        frame = pd.json_normalize([result for _, result in rows], max_level=1)
        return frame.assign(cell=[str(run.cell) for run, _ in rows], seed=[run.seed for run, _ in rows])

    def runs(self, cell: Cell | None) -> pd.DataFrame:
        """Return the rows of the frame that belong to a cell. Without a cell, there are none."""
        return self.frame.iloc[:0] if cell is None else self.frame[self.frame["cell"] == str(cell)]

    def describe_progress(self, cells: Iterable[Cell]) -> list[str]:
        """Describe which runs there are, and which of them are finished.

        :param cells: the cells to describe

        :returns: a line for each cell, and warnings
        """
        lines = []
        for cell in cells:
            summary = self.summaries[cell]
            finished = [result for _, result in summary.trials if result is not None]
            line = f"{cell}: {len(finished)} of {len(summary.trials)} trials"
            if num_diverged := sum("diverged" in result for result in finished):
                line += f" ({num_diverged} diverged)"
            finals = self.comparison.finals(summary.best) if summary.best else []
            num_seeds = sum(run.digest in self.results for run in finals)
            line += f", {num_seeds} of {len(self.comparison.seeds)} seeds"
            if summary.num_diverged:
                line += f" ({summary.num_diverged} diverged)"
            if summary.best and summary.best.searched:
                line += f", best: {dict(summary.best.searched)}"
            lines += [line, *(f"  {hint}" for hint in summary.describe_edges())]
        return [*lines, *filter(None, [self.comparison.unequal_trials()])]
