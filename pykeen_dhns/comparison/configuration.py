"""What to compare: pipeline arguments, the axes along which they vary, what is searched for each cell; and the runs."""

import copy
import dataclasses
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.model_selection import ParameterSampler

from .metrics import METRICS

__all__ = ["DATASET_ARGUMENTS", "DEFAULTS", "FILES", "Arguments", "Cell", "Comparison", "Rule", "Run", "merge", "nest"]

#: Keyword-based arguments of :func:`pykeen.pipeline.pipeline`, as they are in a file
Arguments = dict[str, Any]

#: A dataset by the files of its triples, instead of its name
FILES = ("training", "testing", "validation")
#: What determines the dataset, as in :func:`pykeen.datasets.get_dataset`
DATASET_ARGUMENTS = ("dataset", "dataset_kwargs", *FILES)

#: What all runs have in common, unless the comparison says something else
DEFAULTS: Arguments = dict(
    # the number of epochs is PyKEEN's default
    training_kwargs=dict(num_epochs=5, use_tqdm=False),
    evaluation_kwargs=dict(use_tqdm=False),
    # of all epochs that are evaluated, the best is kept
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
    for each in arguments:
        for key, value in each.items():
            if value is None:
                result.pop(key, None)
            elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
                result[key] = merge(result[key], value)
            else:
                result[key] = copy.deepcopy(dict(value) if isinstance(value, Mapping) else value)
    return result


def nest(path: str, value: Any) -> Arguments:
    """Turn a dotted path into nested arguments.

    :param path: the path
    :param value: the value

    :returns: the arguments

    >>> nest("optimizer_kwargs.lr", 0.1)
    {'optimizer_kwargs': {'lr': 0.1}}
    """
    key, _, rest = path.partition(".")
    return {key: nest(rest, value) if rest else value}


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
    """Something that holds where axes have certain values."""

    when: Mapping[str, Sequence[str]]
    content: Mapping[str, Any]

    def applies(self, cell: Cell) -> bool:
        """Return whether the rule holds for a cell.

        :param cell: the cell

        :returns: whether it does
        """
        return all(cell[axis] in values for axis, values in self.when.items())


@dataclasses.dataclass(frozen=True)
class Run:
    """A single run: the arguments of the pipeline, and where they come from."""

    cell: Cell
    trial: int
    seed: int
    arguments: Arguments = dataclasses.field(hash=False)
    #: what of the arguments was searched, by dotted path
    searched: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """Return a name for files, different for different arguments."""
        name = re.sub(r"[^\w.+-]+", "-", f"{self.cell}-seed{self.seed}")
        return f"{name}-{self.digest}"

    @property
    def digest(self) -> str:
        """Return the end of the key: the same for the same arguments and seed, in whatever comparison."""
        content = json.dumps([self.arguments, self.seed], sort_keys=True)
        return hashlib.sha256(content.encode("utf8")).hexdigest()[:10]

    def to_dict(self) -> dict[str, Any]:
        """Return what describes the run, as JSON.

        :returns: a dictionary
        """
        return dict(
            cell=dict(self.cell.values),
            trial=self.trial,
            seed=self.seed,
            searched=dict(self.searched),
            arguments=self.arguments,
        )


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A comparison: cells, each of which has trials, the best of which is run with all seeds."""

    name: str
    title: str
    arguments: Arguments
    axes: Mapping[str, Mapping[str, Arguments]]
    rules: Sequence[Rule]
    search: Sequence[Rule]
    exclude: Sequence[Rule]
    #: the seed of all trials
    selection_seed: int
    #: the seeds of what is selected
    seeds: Sequence[int]
    num_trials: int
    #: for each axis with a baseline: its value
    baseline: Mapping[str, str]
    #: further baselines, for a table of their own
    rivals: Sequence[Mapping[str, str]] = ()
    notes: str = ""
    #: what others report, in percent: by name of the cell, then by metric
    published: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)

    @property
    def cells(self) -> list[Cell]:
        """Return the cells, in the order of the file."""
        names = list(self.axes)
        cells = [Cell(tuple(zip(names, values, strict=True))) for values in itertools.product(*self.axes.values())]
        return [cell for cell in cells if not any(rule.applies(cell) for rule in self.exclude)]

    def resolve(self, cell: Cell, searched: Mapping[str, Any] | None = None) -> Arguments:
        """Get the arguments of a cell.

        :param cell: the cell
        :param searched: what was searched, by dotted path

        :returns: the arguments of the pipeline
        """
        return merge(
            self.arguments,
            *(self.axes[axis][value] for axis, value in cell.values),
            *(rule.content for rule in self.rules if rule.applies(cell)),
            *(nest(path, value) for path, value in (searched or {}).items()),
        )

    def space(self, cell: Cell) -> dict[str, list[Any]]:
        """Get what is searched in a cell.

        :param cell: the cell

        :returns: a mapping from dotted paths to the values to try
        """
        return {
            path: list(values) for rule in self.search if rule.applies(cell) for path, values in rule.content.items()
        }

    def trials(self, cell: Cell) -> list[Run]:
        """Get the trials of a cell, all with the same seed: those of its grid, drawn without replacement.

        :param cell: the cell

        :returns: the trials, the first of which has the first value of everything that is searched
        """
        space = self.space(cell)
        settings: list[dict[str, Any]] = [{path: values[0] for path, values in space.items()}]
        size = 1
        for values in space.values():
            size *= len(values)
        # a seed that is independent of the cell: cells with the same space have the same trials
        for setting in ParameterSampler(space, min(self.num_trials, size), random_state=0) if space else ():
            if setting not in settings and len(settings) < self.num_trials:
                settings.append({path: setting[path] for path in space})
        return [
            Run(cell, trial, self.selection_seed, self.resolve(cell, setting), setting)
            for trial, setting in enumerate(settings)
        ]

    def finals(self, best: Run) -> list[Run]:
        """Get the runs of a cell with all seeds.

        :param best: its best trial

        :returns: the runs, one of which is the trial itself, if its seed is among them
        """
        return [dataclasses.replace(best, seed=seed) for seed in self.seeds]
