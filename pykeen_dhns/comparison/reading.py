"""Read a comparison from a file, and find what is wrong with it before anything is run."""

import dataclasses
import inspect
import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pykeen.evaluation import Evaluator

from .configuration import DEFAULTS, METRICS, Arguments, Cell, Comparison, list_values, merge, to_text
from ..utils.configuration_files import load_file, to_unique_keys
from ..utils.validation import check_integer, check_kwargs, check_number, check_type, show

__all__ = ["load_comparison", "make_comparison"]

#: What a file may have
KEYS: dict[str, type] = {
    **dict(title=str, notes=str, pipeline=dict, axes=dict, rules=list, search=list, exclude=list),
    **dict(seeds=list, trials=int, baseline=dict, rivals=list, published=dict),
}
#: The largest seed that NumPy takes
MAX_SEED = 2**32 - 1
#: The largest size of a file, in numbers, texts, and so on
LARGEST = 1_000_000
#: Arguments that a file must not have
RESERVED = (
    *("random_seed", "evaluator", "evaluator_kwargs", "evaluation_kwargs.batch_size", "use_testing_data"),
    *("stopper", "stopper_kwargs.metric", "stopper_kwargs.larger_is_better"),
    # a run would take that of another seed for its own
    "training_kwargs.checkpoint_name",
)


def load_comparison(path: Path, seeds: Sequence[int] = ()) -> Comparison:
    """Load a comparison.

    :param path: a JSON or YAML file
    :param seeds: seeds in place of those of the file. Trials keep their seed, so the same ones are selected.

    :returns: the comparison

    :raises ValueError: if there is something wrong with it; the message says what
    """
    content = load_file(path)
    try:
        return make_comparison(path.stem, _to_plain(content), seeds)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from error


def _to_plain(content: Any) -> Any:
    """Turn keys into texts, and anchors of YAML into copies. Refuse what JSON cannot hold, e.g., dates and circles."""

    def refuse(value: Any) -> None:
        raise ValueError(f"{show(value)} is not allowed. Write it as a text, in quotes.")

    # anchors may repeat each other without end
    parts = list(itertools.islice(json.JSONEncoder(default=refuse).iterencode(content), LARGEST))
    if len(parts) == LARGEST:
        raise ValueError(f"there are more than {LARGEST} parts in it, with what its anchors repeat.")
    return json.loads("".join(parts), object_pairs_hook=to_unique_keys)


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
        raise ValueError(f"{show(content)} is not allowed. A comparison is a mapping with: {allowed}.")  # noqa: TRY004
    if not re.search(r"\w", name):
        raise ValueError(f"{name!r} cannot be the name of a folder for results. Rename the file.")
    for key, value in content.items():
        if not isinstance(value, KEYS.get(key, ())):
            # the key may be the wrong one, too
            raise ValueError(f"{key}={show(value)} is not allowed. A comparison may have: {allowed}.")  # noqa: TRY004
    content = {"title": name, "seeds": [*range(6)], "trials": 1, **content, "axes": _read_axes(content.get("axes"))}
    _check_items(content)
    content["baseline"] = _read_baseline(content.get("baseline", {}))
    content["rivals"] = list(map(_read_baseline, content.get("rivals", [])))
    selection_seed = content["seeds"][0]
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


def _read_baseline(content: Mapping[str, Any]) -> dict[str, str]:
    return {axis: to_text(value) for axis, value in content.items()}


def _check_items(content: Mapping[str, Any]) -> None:
    """Check the types of everything that has parts."""
    if not content["seeds"]:
        raise ValueError("seeds=[] is not allowed: name at least one.")
    for seed in content["seeds"]:
        check_integer("seeds", seed, minimum=0, maximum=MAX_SEED)
    check_integer("trials", content["trials"])
    for key in ("rules", "search", "exclude", "rivals"):
        for item in content.get(key, []):
            check_type(key, item, Mapping, "a list of mappings")
            for part in ("when", "pipeline", "space"):
                check_type(f"{key}.{part}", item.get(part, {}), Mapping, "a mapping")
    if not all(content.get("rivals", [True])):
        raise ValueError("rivals has an empty one. Each needs a value of an axis, as baseline does.")
    for cell, metrics in content.get("published", {}).items():
        check_type("published", metrics, Mapping, "a mapping from cells to metrics")
        for metric, value in metrics.items():
            if metric not in METRICS:
                raise ValueError(f"published: {cell} has {metric!r}. Allowed are {', '.join(METRICS)}.")
            check_number(f"published: {cell}", value)


def _check_conditions(comparison: Comparison) -> None:
    """Check that everything which holds for certain values of axes names values that there are."""
    conditions = [("baseline", comparison.baseline)]
    for key, content in (("rules", "pipeline"), ("search", "space")):
        for rule in getattr(comparison, key):
            if not {content} <= set(rule) <= {"when", content}:
                raise ValueError(
                    f"{key} has {show(rule)}, but needs {content!r}, and may have 'when', and nothing else."
                )
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
    if len(set(seeds)) < len(seeds) or max(seeds) > MAX_SEED:
        raise ValueError(f"seeds={show(seeds)} must be different integers of at most {MAX_SEED}.")
    if not comparison.cells:
        raise ValueError("exclude leaves no cell.")
    if same := [name for name, count in Counter(map(str, comparison.cells)).items() if count > 1]:
        raise ValueError(f"Several cells have the name {same[0]!r}. Rename a value of an axis.")
    if unknown := comparison.published.keys() - set(map(str, comparison.cells)):
        raise ValueError(f"published has {sorted(unknown)}. Cells: {'; '.join(map(str, comparison.cells))}.")
    for cell in comparison.cells:
        for trial in comparison.trials(cell):
            _check_arguments(cell, trial.arguments)


def _check_arguments(cell: Cell, arguments: Arguments) -> None:
    """Check the arguments of a trial."""
    for name in ("training_kwargs", "stopper_kwargs", "evaluation_kwargs"):
        check_kwargs(f"{cell}: {name}", arguments.get(name))
    for path in RESERVED:
        outer, _, inner = path.rpartition(".")
        if inner in (arguments.get(outer, {}) if outer else arguments):
            raise ValueError(f"{cell}: {path} cannot be given: all runs are selected and evaluated in the same way.")
    # the check of a run does not evaluate, and is on the CPU
    allowed = set(inspect.signature(Evaluator.evaluate).parameters)
    if unknown := set(arguments.get("evaluation_kwargs", ())) - allowed:
        raise ValueError(f"{cell}: evaluation_kwargs has {sorted(unknown)}. Allowed are {sorted(allowed)}.")
    try:
        torch.device(arguments.get("device") or "cpu")
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{cell}: device={show(arguments['device'])} is invalid: {error}") from error
    arguments = merge(DEFAULTS, arguments)
    num_epochs, frequency = arguments["training_kwargs"]["num_epochs"], arguments["stopper_kwargs"]["frequency"]
    check_integer(f"{cell}: training_kwargs.num_epochs", num_epochs)
    check_integer(f"{cell}: stopper_kwargs.frequency", frequency)
    if frequency > num_epochs:
        raise ValueError(
            f"{cell}: stopper_kwargs.frequency={frequency} is above training_kwargs.num_epochs={num_epochs}: no epoch "
            f"is validated, so nothing is selected."
        )
