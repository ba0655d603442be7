"""What to compare: arguments of the pipeline, axes along which they vary, what to search, and the resulting runs."""

import copy
import dataclasses
import functools
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.model_selection import ParameterGrid, ParameterSampler

__all__ = [
    "DEFAULTS",
    "METRICS",
    "Arguments",
    "Cell",
    "Comparison",
    "Run",
    "list_values",
    "merge",
    "to_text",
]

#: Keyword-based arguments of :func:`pykeen.pipeline.pipeline`, as they are in a file
Arguments = dict[str, Any]

#: The metrics, and their names in PyKEEN: both sides, realistic ranks
METRICS = {
    "mrr": "both.realistic.inverse_harmonic_mean_rank",
    "hits_at_1": "both.realistic.hits_at_1",
    "hits_at_3": "both.realistic.hits_at_3",
    "hits_at_10": "both.realistic.hits_at_10",
    "mean_rank": "both.realistic.arithmetic_mean_rank",
}

#: The arguments of all runs, unless the comparison has others
DEFAULTS: Arguments = dict(
    # PyKEEN's default
    training_kwargs=dict(num_epochs=5, use_tqdm=False),
    evaluation_kwargs=dict(use_tqdm=False),
    # this never stops early: it only finds the best epoch
    stopper="early",
    stopper_kwargs=dict(frequency=10, patience=1_000_000, relative_delta=0.0, metric=METRICS["mrr"]),
)


def merge(*arguments: Mapping[str, Any]) -> Arguments:
    """Merge nested arguments. Later ones win, and None removes what earlier ones have.

    :param *arguments: the arguments

    :returns: all of them

    >>> merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}, "d": None})
    {'a': {'b': 1, 'c': 4}}
    """
    result: Arguments = {}
    for key, value in itertools.chain.from_iterable(each.items() for each in arguments):
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merge(result[key], value)
        else:
            result[key] = copy.deepcopy(dict(value) if isinstance(value, Mapping) else value)
    return result


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of the comparison: a value of each axis."""

    values: tuple[tuple[str, str], ...]

    def __getitem__(self, axis: str) -> str:
        """Get the value of an axis."""
        return dict(self.values)[axis]

    def __str__(self) -> str:
        return ", ".join(value for _, value in self.values)

    def fits(self, when: Mapping[str, Any]) -> bool:
        """Return whether this cell has certain values.

        :param when: for each axis that matters: a value, or a list of values

        :returns: whether the cell has one of them, for each of these axes
        """
        return all(self[axis] in list_values(values) for axis, values in when.items())


def list_values(values: Any) -> list[str]:
    """Return one or several values of an axis as texts."""
    return list(map(to_text, values if isinstance(values, list) else [values]))


def to_text(value: Any) -> str:
    """Return a value of an axis as the text that it is as a key, e.g., "true"."""
    return value if isinstance(value, str) else json.dumps(value)


@dataclasses.dataclass(frozen=True)
class Run:
    """A single run: the arguments of the pipeline, and where they come from."""

    cell: Cell
    trial: int
    seed: int
    arguments: Arguments = dataclasses.field(hash=False)
    #: The searched part of the arguments, by dotted path
    searched: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)

    @property
    def digest(self) -> str:
        """Return a hash of arguments and seed. Runs of different comparisons may share it."""
        content = json.dumps([self.arguments, self.seed], sort_keys=True)
        return hashlib.sha256(content.encode("utf8")).hexdigest()[:10]

    @property
    def key(self) -> str:
        """Return a name for files, different for different arguments."""
        # names of files have at most 255 bytes
        cell = re.sub(r"[^\w.+-]+", "-", str(self.cell)).encode("utf8")[:150].decode("utf8", errors="ignore")
        return f"{cell}-seed{self.seed}-{self.digest}"

    def to_dict(self) -> dict[str, Any]:
        """Return a description of the run that JSON can hold."""
        return {**dataclasses.asdict(self), "key": self.key, "cell": dict(self.cell.values)}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A comparison: each cell has trials, and the best of them is run with all seeds.

    If there is anything to select, the seed of the trials is none of the others: the best of several results is too
    good on average.
    """

    name: str
    title: str
    axes: Mapping[str, Mapping[str, Arguments]]
    #: The seed of all trials
    selection_seed: int
    #: The seeds of the best trials
    seeds: Sequence[int]
    num_trials: int
    #: The arguments of all cells
    pipeline: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    #: Arguments ("pipeline") of those cells that have certain values ("when")
    rules: Sequence[Mapping[str, Any]] = ()
    #: What to search ("space") for those cells that have certain values ("when"): values by dotted path
    search: Sequence[Mapping[str, Any]] = ()
    #: The values of those cells that do not exist
    exclude: Sequence[Mapping[str, Any]] = ()
    #: The value of the baseline, for each axis that has one
    baseline: Mapping[str, str] = dataclasses.field(default_factory=dict)
    #: Further baselines, for a table of their own
    rivals: Sequence[Mapping[str, str]] = ()
    notes: str = ""
    #: Published results in percent: by the name of a cell, then by metric
    published: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)

    @property
    def cells(self) -> list[Cell]:
        """Return the cells, in the order of the file."""
        cells = [Cell(tuple(zip(self.axes, values, strict=True))) for values in itertools.product(*self.axes.values())]
        return [cell for cell in cells if not any(map(cell.fits, self.exclude))]

    def find_baseline(self, cell: Cell, baseline: Mapping[str, str]) -> Cell | None:
        """Get the cell with which a cell is compared.

        :param cell: the cell
        :param baseline: the value of the baseline, for each axis that has one

        :returns: its baseline, which may be the cell itself. None, if there is none.
        """
        found = Cell(tuple((axis, baseline.get(axis, value)) for axis, value in cell.values))
        return found if baseline and found in self.cells else None

    def _resolve(self, cell: Cell, searched: Mapping[str, Any]) -> Arguments:
        """Get the arguments of a cell, with those that are searched, by dotted path."""
        result = merge(
            self.pipeline,
            *(self.axes[axis][value] for axis, value in cell.values),
            *(rule["pipeline"] for rule in self.rules if cell.fits(rule.get("when", {}))),
        )
        for path, value in searched.items():
            # a dotted path becomes nested arguments
            result = merge(result, functools.reduce(lambda inner, key: {key: inner}, reversed(path.split(".")), value))
        return result

    def trials(self, cell: Cell) -> list[Run]:
        """Get the trials of a cell: all have the same seed, and different settings from the grid of what is searched.

        :param cell: the cell

        :returns: the trials. The first one has the first value of everything that is searched.
        """
        space = merge(*(rule["space"] for rule in self.search if cell.fits(rule.get("when", {}))))
        num_drawn = min(self.num_trials, len(ParameterGrid(space)))
        settings: list[dict[str, Any]] = [{path: values[0] for path, values in space.items()}]
        # the random state does not depend on the cell: cells with the same space have the same trials
        for drawn in ParameterSampler(space, num_drawn, random_state=0):
            if drawn not in settings and len(settings) < self.num_trials:
                settings.append({path: drawn[path] for path in space})
        return [
            Run(cell, trial, self.selection_seed, self._resolve(cell, setting), setting)
            for trial, setting in enumerate(settings)
        ]

    def finals(self, best: Run) -> list[Run]:
        """Get the runs of a cell's best trial with all seeds. The trial is among them, if it is the only one."""
        return [dataclasses.replace(best, seed=seed) for seed in self.seeds]

    def unequal_trials(self) -> str:
        """Warn if some cells have more trials than others, which favours them. If all have the same, return ""."""
        counts = {cell: len(self.trials(cell)) for cell in self.cells}
        few, many = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
        if counts[few] == counts[many]:
            return ""
        return (
            f"Not a fair comparison: {few} has {counts[few]} trials, {many} has {counts[many]}, which favours the "
            f"latter. Search as many values for all, or limit trials."
        )
