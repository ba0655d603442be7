"""Read a comparison from a file, and find what is wrong with it before anything is run."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pykeen.utils import load_configuration

from .configuration import DEFAULTS, Arguments, Cell, Comparison, list_values, merge

__all__ = ["load_comparison", "make_comparison"]

#: What a file may have
KEYS: dict[str, type] = {
    **dict(title=str, notes=str, pipeline=dict, axes=dict, rules=list, search=list, exclude=list),
    **dict(seeds=list, trials=int, baseline=dict, rivals=list, published=dict),
}
#: Arguments that a file must not have
RESERVED = (
    *("random_seed", "evaluator", "evaluator_kwargs", "evaluation_kwargs.batch_size", "use_testing_data"),
    *("stopper", "stopper_kwargs.metric", "stopper_kwargs.larger_is_better"),
)


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """A YAML loader for which 1e-3 is a number, as in YAML 1.2, and not a text."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), "-+0123456789")


def load_comparison(path: Path, seeds: Sequence[int] = ()) -> Comparison:
    """Load a comparison.

    :param path: a JSON or YAML file
    :param seeds: seeds in place of those of the file. Trials keep their seed, so the same ones are selected.

    :returns: the comparison

    :raises ValueError: if there is something wrong with it; the message says what
    """
    try:
        is_yaml = path.suffix in {".yaml", ".yml"}
        content = yaml.load(path.read_bytes(), _Loader) if is_yaml else load_configuration(path)  # noqa: S506
        return make_comparison(path.stem, content, seeds)
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error


def make_comparison(name: str, content: Any, seeds: Sequence[int] = ()) -> Comparison:
    """Make a comparison from the content of a file.

    :param name: its name
    :param content: the content of the file
    :param seeds: seeds in place of those of the file

    :returns: the comparison

    :raises ValueError: if there is something wrong with it; the message says what
    """
    allowed = ", ".join(f"{key} ({kind.__name__})" for key, kind in KEYS.items())
    if not isinstance(content, Mapping):
        raise ValueError(f"{content!r} is not allowed. A comparison is a mapping with: {allowed}.")  # noqa: TRY004
    if wrong := [f"{key}={value!r}" for key, value in content.items() if not isinstance(value, KEYS.get(key, ()))]:
        raise ValueError(f"{wrong[0]} is not allowed. A comparison may have: {allowed}.")
    content = {"title": name, "seeds": [*range(6)], "trials": 1, **content, "axes": _read_axes(content.get("axes"))}
    selection_seed = next(iter(content["seeds"]), 0)
    content["seeds"] = list(seeds) or content["seeds"]
    comparison = Comparison(name=name, selection_seed=selection_seed, num_trials=content.pop("trials"), **content)
    _check_conditions(comparison)
    _check(comparison)
    if all(len(comparison.trials(cell)) == 1 for cell in comparison.cells):
        return comparison
    # the best of several results with a seed is too good on average
    reported = [seed for seed in comparison.seeds if seed != selection_seed]
    if not reported:
        raise ValueError(
            f"seeds={comparison.seeds!r} are not enough: settings are selected by seed {selection_seed}, the first one "
            f"of the file, whose results are not reported. Add others."
        )
    return dataclasses.replace(comparison, seeds=reported)


def _read_axes(content: Any) -> dict[str, dict[str, Arguments]]:
    """Read the values of each axis, and their arguments. Names may be numbers."""
    try:
        axes = {
            str(axis): {str(value): dict(arguments or {}) for value, arguments in values.items()}
            for axis, values in content.items()
        }
    except (AttributeError, TypeError, ValueError):
        axes = {}
    if not axes or not all(axes.values()):
        raise ValueError("axes must name what to compare, e.g., {sampler: {basic: {}, dhns: {negative_sampler: dhns}}}")
    return axes


def _check_conditions(comparison: Comparison) -> None:
    """Check that everything which holds for certain values of axes names values that there are."""
    conditions = [("baseline", comparison.baseline)]
    for key, content in (("rules", "pipeline"), ("search", "space")):
        for rule in getattr(comparison, key):
            if not {content} <= set(rule) <= {"when", content}:
                raise ValueError(f"{key} has {rule!r}, but needs {content!r}, and may have 'when', and nothing else.")
            conditions.append((key, rule.get("when", {})))
    conditions += [(key, values) for key in ("exclude", "rivals") for values in getattr(comparison, key)]
    for key, when in conditions:
        for axis, value in ((axis, value) for axis, values in when.items() for value in list_values(values)):
            if value not in comparison.axes.get(axis, {}):
                axes = "; ".join(f"{axis}: {', '.join(values)}" for axis, values in comparison.axes.items())
                raise ValueError(f"{key}: there is no {axis}={value!r}. Axes, and their values: {axes}.")


def _check(comparison: Comparison) -> None:
    """Check that everything else fits together."""
    seeds = comparison.seeds
    if not seeds or len(set(seeds)) < len(seeds) or any(type(seed) is not int or seed < 0 for seed in seeds):
        raise ValueError(f"seeds={seeds!r} must be different integers of at least 0.")
    if comparison.num_trials < 1:
        raise ValueError(f"trials={comparison.num_trials} must be at least 1.")
    if not comparison.cells:
        raise ValueError("exclude leaves no cell.")
    if unknown := comparison.published.keys() - set(map(str, comparison.cells)):
        raise ValueError(f"published has {sorted(unknown)}. Cells: {'; '.join(map(str, comparison.cells))}.")
    for cell in comparison.cells:
        for trial in comparison.trials(cell):
            _check_arguments(cell, trial.arguments)


def _check_arguments(cell: Cell, arguments: Arguments) -> None:
    """Check the arguments of a trial."""
    for path in RESERVED:
        outer, _, inner = path.rpartition(".")
        if inner in (arguments.get(outer, {}) if outer else arguments):
            raise ValueError(f"{cell}: {path} cannot be given: all runs are selected and evaluated in the same way.")
    arguments = merge(DEFAULTS, arguments)
    num_epochs, frequency = arguments["training_kwargs"]["num_epochs"], arguments["stopper_kwargs"]["frequency"]
    if frequency > num_epochs:
        raise ValueError(
            f"{cell}: stopper_kwargs.frequency={frequency} is above training_kwargs.num_epochs={num_epochs}: no epoch "
            f"is validated, so nothing is selected."
        )
