"""Read a comparison from a file, and find what is wrong with it before anything is run."""

import dataclasses
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from .configuration import DEFAULTS, FILES, Arguments, Cell, Comparison, Rule, merge

__all__ = ["load_comparison", "make_comparison", "with_seeds"]

T = TypeVar("T")
#: The values of each axis, and their arguments
Axes = dict[str, dict[str, Arguments]]

#: What a file may have
KEYS = (
    *("title", "notes", "pipeline", "axes", "rules", "search", "exclude", "seeds", "trials"),
    *("baseline", "rivals", "published"),
)
#: Arguments that a file must not have, and why
RESERVED = {
    "random_seed": "the seeds are a list: seeds=[0, 1, 2]",
    "evaluator": "all runs have the same one: filtered ranks of both sides",
    "evaluator_kwargs": "all runs have the same evaluator: filtered ranks of both sides",
    "evaluation_kwargs.batch_size": "all runs evaluate as many triples at once",
    "stopper": "every run is tested at its best epoch; stopper_kwargs.frequency says how often it is validated",
    "stopper_kwargs.metric": "everything is selected by the validation MRR",
    "stopper_kwargs.larger_is_better": "everything is selected by the validation MRR",
    "use_testing_data": "each run is selected by validation triples, and evaluated on test triples",
}


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """A YAML loader for which 1e-3 is a number, as in YAML 1.2, and not a text."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), "-+0123456789")


def load_comparison(path: Path) -> Comparison:
    """Load a comparison.

    :param path: a JSON or YAML file

    :returns: the comparison

    :raises ValueError: if there is something wrong with it; the message says what
    """
    if path.suffix not in {".json", ".yaml", ".yml"}:
        raise ValueError(f"{path}: the suffix is {path.suffix!r}, it must be .json, .yaml or .yml.")
    try:
        text = path.read_text(encoding="utf8")
        content = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=_Loader)  # noqa: S506
    except (json.JSONDecodeError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error
    return make_comparison(path.stem, content, where=str(path))


def make_comparison(name: str, content: Any, where: str = "the comparison") -> Comparison:
    """Make a comparison from the content of a file.

    :param name: its name
    :param content: the content of the file
    :param where: the file, for messages

    :returns: the comparison

    :raises ValueError: if there is something wrong with it; the message says what
    """
    try:
        if not isinstance(content, Mapping):
            message = f"it is a {type(content).__name__}, it must be a mapping with some of: {', '.join(KEYS)}."
            raise ValueError(message)  # noqa: TRY004
        if unknown := sorted(map(str, content.keys() - set(KEYS))):
            raise ValueError(f"there is no {unknown}. Allowed: {', '.join(KEYS)}.")
        comparison = _read(name, content)
        _check(comparison)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return comparison


def with_seeds(comparison: Comparison, seeds: Sequence[int]) -> Comparison:
    """Get the same comparison with other seeds. Trials keep their seed, so the same ones are selected.

    :param comparison: the comparison
    :param seeds: the seeds. If there are none, the comparison keeps its own.

    :returns: the comparison

    :raises ValueError: if a seed is negative, or there twice
    """  # noqa: DOC502
    return dataclasses.replace(comparison, seeds=_read_seeds(list(seeds))) if seeds else comparison


def _read(name: str, content: Mapping[str, Any]) -> Comparison:
    """Read everything on its own."""
    axes: Axes = {
        str(axis): {
            str(value): dict(_expect(f"axes.{axis}.{value}", arguments, Mapping, {}))
            for value, arguments in _expect(f"axes.{axis}", values, Mapping, {}).items()
        }
        for axis, values in _expect("axes", content.get("axes"), Mapping, {}).items()
    }
    if not axes or not all(axes.values()):
        raise ValueError("axes is missing or empty: what is to be compared, e.g., axes.sampler.basic and .dhns.")
    seeds = _read_seeds(content.get("seeds", [0, 1, 2]))
    num_trials = content.get("trials", 1)
    if type(num_trials) is not int or num_trials < 1:
        raise ValueError(f"trials is {num_trials!r}, it must be an integer of at least 1.")
    rivals = _expect("rivals", content.get("rivals"), list, [])
    return Comparison(
        name=name,
        title=str(content.get("title", name)),
        arguments=dict(_expect("pipeline", content.get("pipeline"), Mapping, {})),
        axes=axes,
        rules=_read_rules("rules", "pipeline", content, axes),
        search=_read_search(content, axes),
        exclude=[
            Rule(_read_values(f"exclude[{index}]", item, axes), {})
            for index, item in enumerate(_expect("exclude", content.get("exclude"), list, []))
        ],
        selection_seed=seeds[0],
        seeds=seeds,
        num_trials=num_trials,
        baseline=_read_baseline("baseline", content.get("baseline"), axes),
        rivals=[_read_baseline(f"rivals[{index}]", item, axes) for index, item in enumerate(rivals)],
        notes=str(content.get("notes", "")),
        published={
            str(cell): dict(_expect(f"published.{cell}", metrics, Mapping, {}))
            for cell, metrics in _expect("published", content.get("published"), Mapping, {}).items()
        },
    )


def _expect(label: str, value: Any, kind: type[T], default: T) -> T:
    """Check the type of a value, which may be missing."""
    if value is None:
        return default
    if not isinstance(value, kind):
        raise ValueError(f"{label} is {value!r}, it must be a {kind.__name__.lower()}.")  # noqa: TRY004
    return value


def _read_rules(name: str, key: str, content: Mapping[str, Any], axes: Axes) -> list[Rule]:
    """Read a list of rules, each with its conditions, and its content under the key."""
    rules = []
    for index, item in enumerate(_expect(name, content.get(name), list, [])):
        label = f"{name}[{index}]"
        if unknown := _expect(label, item, Mapping, {}).keys() - {"when", key}:
            raise ValueError(f"{label} has {sorted(unknown)}, allowed is: {sorted(['when', key])}.")
        rule_content = _expect(f"{label}.{key}", item.get(key), Mapping, {})
        rules.append(Rule(_read_values(f"{label}.when", item.get("when"), axes), rule_content))
    return rules


def _read_search(content: Mapping[str, Any], axes: Axes) -> list[Rule]:
    rules = _read_rules("search", "space", content, axes)
    for path, values in itertools.chain.from_iterable(rule.content.items() for rule in rules):
        if not isinstance(values, list) or not values:
            raise ValueError(f"search: {path} is {values!r}, it must be a list of values.")
    return rules


def _read_values(label: str, raw: Any, axes: Axes) -> dict[str, tuple[str, ...]]:
    """Read one or several values of axes."""
    result = {}
    for axis, values in _expect(label, raw, Mapping, {}).items():
        if axis not in axes:
            raise ValueError(f"{label}: there is no axis {axis!r}, only {', '.join(axes)}.")
        result[axis] = tuple(map(str, values if isinstance(values, list) else [values]))
        if unknown := [value for value in result[axis] if value not in axes[axis]]:
            raise ValueError(f"{label}: axes.{axis} has no {unknown}, only {', '.join(axes[axis])}.")
    return result


def _read_baseline(label: str, raw: Any, axes: Axes) -> dict[str, str]:
    return {axis: values[0] for axis, values in _read_values(label, raw, axes).items()}


def _read_seeds(value: Any) -> list[int]:
    if not isinstance(value, list) or not value or any(type(seed) is not int or seed < 0 for seed in value):
        raise ValueError(f"seeds is {value!r}, it must be a list of integers of at least 0.")
    if len(set(value)) < len(value):
        raise ValueError(f"seeds is {value!r}: one occurs twice.")
    return value


def _check(comparison: Comparison) -> None:
    """Check that everything fits together."""
    if not all(comparison.rivals):
        raise ValueError("rivals has an empty one. Name a value of an axis, as in baseline.")
    if not comparison.cells:
        raise ValueError("exclude leaves no cell.")
    if unknown := sorted(comparison.published.keys() - set(map(str, comparison.cells))):
        raise ValueError(f"published has {unknown}, which is no cell, e.g., {str(comparison.cells[0])!r} is one.")
    for name, metrics in comparison.published.items():
        if not all(isinstance(value, int | float) for value in metrics.values()):
            raise ValueError(f"published.{name} has {metrics}, values must be numbers, in percent.")
    for cell in comparison.cells:
        for trial in comparison.trials(cell):
            _check_arguments(cell, trial.arguments)


def _check_arguments(cell: Cell, arguments: Arguments) -> None:
    """Check the arguments of a trial."""
    for path, reason in RESERVED.items():
        outer, _, inner = path.rpartition(".")
        if inner in (arguments.get(outer, {}) if outer else arguments):
            raise ValueError(f"{cell}: {path} cannot be given: {reason}.")
    _check_dataset(cell, arguments)
    arguments = merge(DEFAULTS, arguments)
    num_epochs, frequency = arguments["training_kwargs"]["num_epochs"], arguments["stopper_kwargs"]["frequency"]
    if frequency > num_epochs:
        raise ValueError(
            f"{cell}: stopper_kwargs.frequency={frequency} is above training_kwargs.num_epochs={num_epochs}: no epoch "
            f"is validated, so nothing is selected."
        )


def _check_dataset(cell: Cell, arguments: Arguments) -> None:
    files = {name: arguments[name] for name in FILES if name in arguments}
    if "dataset" not in arguments and len(files) < len(FILES):
        raise ValueError(
            f"{cell}: there is no dataset. Name one in pipeline, or make it an axis. It may also be three files with "
            f"triples: {', '.join(FILES)}."
        )
    if "dataset" in arguments and files:
        raise ValueError(f"{cell}: there is a dataset, and {', '.join(files)}: it must be either.")
    for name, path in files.items():
        if not Path(str(path)).is_file():
            raise ValueError(f"{cell}: {name}={path!r} is no file. Paths are relative to where this is run.")
