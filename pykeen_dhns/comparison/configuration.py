"""What to compare: arguments of the pipeline, axes along which they vary, what to search, and the resulting runs."""

import copy
import dataclasses
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.model_selection import ParameterGrid, ParameterSampler

__all__ = [
    "DATASET_ARGUMENTS",
    "DEFAULTS",
    "FILES",
    "METRICS",
    "Arguments",
    "Cell",
    "Comparison",
    "Rule",
    "Run",
    "merge",
]

#: Keyword-based arguments of :func:`pykeen.pipeline.pipeline`, as they are in a file
Arguments = dict[str, Any]

#: The arguments that give a dataset by the files of its triples
FILES = ("training", "testing", "validation")
#: The arguments that determine the dataset, as in :func:`pykeen.datasets.get_dataset`
DATASET_ARGUMENTS = ("dataset", "dataset_kwargs", *FILES)

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


def _nest(path: str, value: Any) -> Arguments:
    """Turn a dotted path into nested arguments."""
    for key in reversed(path.split(".")):
        value = {key: value}
    nested: Arguments = value
    return nested


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of the comparison: a value of each axis."""

    values: tuple[tuple[str, str], ...]

    def __getitem__(self, axis: str) -> str:
        """Get the value of an axis."""
        return dict(self.values)[axis]

    def __str__(self) -> str:
        return ", ".join(value for _, value in self.values)


@dataclasses.dataclass(frozen=True)
class Rule:
    """Arguments that hold for those cells whose axes have certain values."""

    when: Mapping[str, Sequence[str]]
    content: Mapping[str, Any]

    def applies(self, cell: Cell) -> bool:
        """Return whether the rule holds for a cell."""
        return all(cell[axis] in values for axis, values in self.when.items())


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
        name = re.sub(r"[^\w.+-]+", "-", f"{self.cell}-seed{self.seed}")
        return f"{name}-{self.digest}"

    def to_dict(self) -> dict[str, Any]:
        """Return a description of the run that JSON can hold."""
        return dict(
            key=self.key,
            cell=dict(self.cell.values),
            trial=self.trial,
            seed=self.seed,
            searched=dict(self.searched),
            arguments=self.arguments,
        )


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A comparison: each cell has trials, and the best of them is run with all seeds."""

    name: str
    title: str
    arguments: Arguments
    axes: Mapping[str, Mapping[str, Arguments]]
    rules: Sequence[Rule]
    search: Sequence[Rule]
    exclude: Sequence[Rule]
    #: The seed of all trials
    selection_seed: int
    #: The seeds of the best trials
    seeds: Sequence[int]
    num_trials: int
    #: The value of the baseline, for each axis that has one
    baseline: Mapping[str, str]
    #: Further baselines, for a table of their own
    rivals: Sequence[Mapping[str, str]] = ()
    notes: str = ""
    #: Published results in percent: by the name of a cell, then by metric
    published: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)

    @property
    def cells(self) -> list[Cell]:
        """Return the cells, in the order of the file."""
        cells = [Cell(tuple(zip(self.axes, values, strict=True))) for values in itertools.product(*self.axes.values())]
        return [cell for cell in cells if not any(rule.applies(cell) for rule in self.exclude)]

    def choose_cells(self, pattern: str) -> list[Cell]:
        """Choose cells by a regular expression for their names.

        :param pattern: the regular expression

        :returns: the cells, in the order of the file

        :raises ValueError: if there is none, or the regular expression is invalid
        """
        try:
            cells = [cell for cell in self.cells if re.search(pattern, str(cell))]
        except re.error as error:
            raise ValueError(f"--only={pattern} is no regular expression: {error}.") from error
        if not cells:
            raise ValueError(f"--only={pattern} fits to no cell. There are: {'; '.join(map(str, self.cells))}.")
        return cells

    def find_baseline(self, cell: Cell, baseline: Mapping[str, str]) -> Cell | None:
        """Get the cell with which a cell is compared.

        :param cell: the cell
        :param baseline: the value of the baseline, for each axis that has one

        :returns: its baseline, which may be the cell itself. None, if there is none.
        """
        found = Cell(tuple((axis, baseline.get(axis, value)) for axis, value in cell.values))
        return found if baseline and found in self.cells else None

    def resolve(self, cell: Cell, searched: Mapping[str, Any] | None = None) -> Arguments:
        """Get the arguments of a cell.

        :param cell: the cell
        :param searched: the searched arguments, by dotted path

        :returns: the arguments of the pipeline
        """
        return merge(
            self.arguments,
            *(self.axes[axis][value] for axis, value in cell.values),
            *(rule.content for rule in self.rules if rule.applies(cell)),
            *(_nest(path, value) for path, value in (searched or {}).items()),
        )

    def trials(self, cell: Cell) -> list[Run]:
        """Get the trials of a cell: all have the same seed, and different settings from the grid of what is searched.

        :param cell: the cell

        :returns: the trials. The first one has the first value of everything that is searched.
        """
        rules = [rule for rule in self.search if rule.applies(cell)]
        space = {path: list(values) for rule in rules for path, values in rule.content.items()}
        settings: list[dict[str, Any]] = [{path: values[0] for path, values in space.items()}]
        if space:
            num_drawn = min(self.num_trials, len(ParameterGrid(space)))
            # the random state does not depend on the cell: cells with the same space have the same trials
            for drawn in ParameterSampler(space, num_drawn, random_state=0):
                if drawn not in settings and len(settings) < self.num_trials:
                    settings.append({path: drawn[path] for path in space})
        return [
            Run(cell, trial, self.selection_seed, self.resolve(cell, setting), setting)
            for trial, setting in enumerate(settings)
        ]

    def finals(self, best: Run) -> list[Run]:
        """Get the runs of a cell's best trial with all seeds. The trial itself is among them, if its seed is."""
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
