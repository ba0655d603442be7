"""Reading what to compare from a file. What is wrong with it is said at once, before anything is run."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from .configuration import DEFAULTS, FILES, Arguments, Cell, Comparison, Rule, merge

__all__ = ["load_comparison", "make_comparison", "with_seeds"]

#: A number, to anyone but YAML
EXPONENTIAL = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")

#: What a comparison decides itself
RESERVED = {
    "random_seed": "the seeds are a list: seeds=[0, 1, 2]",
    "evaluator": "all runs have the same one: filtered ranks of both sides",
    "evaluator_kwargs": "all runs have the same evaluator: filtered ranks of both sides",
    "evaluation_kwargs.batch_size": "all runs evaluate as many triples at once",
    "stopper": "of all epochs that are validated, every run is tested at the best one; stopper_kwargs.frequency says "
    "how often that is",
    "stopper_kwargs.metric": "all that is selected is selected by the validation MRR",
    "stopper_kwargs.larger_is_better": "all that is selected is selected by the validation MRR",
    "use_testing_data": "each run is selected by validation triples, and evaluated on test triples",
}


def load_comparison(path: Path) -> Comparison:
    """Load a comparison.

    :param path: a JSON or YAML file

    :returns: the comparison

    :raises ValueError: if there is something wrong with it; the message says what
    """
    try:
        text = path.read_text(encoding="utf8")
        if path.suffix == ".json":
            content = json.loads(text)
        elif path.suffix in {".yaml", ".yml"}:
            content = yaml.safe_load(text)
        else:
            raise ValueError(f"{path}: the suffix is {path.suffix!r}, it must be .json, .yaml or .yml.")
    except (json.JSONDecodeError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error
    return make_comparison(path.stem, content, where=str(path))


def make_comparison(name: str, content: Any, where: str = "the comparison") -> Comparison:
    """Make a comparison of what is in a file.

    :param name: its name
    :param content: the content of the file
    :param where: the file, for messages

    :returns: the comparison

    :raises ValueError: if there is something wrong with it; the message says what
    """
    try:
        _check_keys(content)
        axes = _read_axes(content)
        seeds = _read_seeds(content.get("seeds", [0, 1, 2]))
        comparison = Comparison(
            name=name,
            title=str(content.get("title", name)),
            arguments=_mapping("pipeline", content.get("pipeline", {})),
            axes=axes,
            rules=list(_read_rules("rules", content, axes, "pipeline")),
            search=_read_search(content, axes),
            exclude=list(_read_rules("exclude", content, axes, None)),
            selection_seed=seeds[0],
            seeds=seeds,
            num_trials=_read_count("trials", content.get("trials", 1)),
            baseline=_read_baseline("baseline", content.get("baseline", {}), axes),
            rivals=_read_rivals(content.get("rivals", []), axes),
            notes=str(content.get("notes", "")),
            published=_read_published(content.get("published")),
        )
        for cell in comparison.cells:
            _check_cell(comparison, cell)
        unknown = sorted(comparison.published.keys() - set(map(str, comparison.cells)))
        if unknown:
            raise ValueError(f"published has {unknown}, which is no cell, e.g., {str(comparison.cells[0])!r} is one.")
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    if not comparison.cells:
        raise ValueError(f"{where}: exclude leaves no cell.")
    return comparison


def with_seeds(comparison: Comparison, seeds: Sequence[int]) -> Comparison:
    """Get the same comparison with other seeds. What is selected is selected with the same seed as before.

    :param comparison: the comparison
    :param seeds: the seeds. None are those that it has.

    :returns: the comparison

    :raises ValueError: if one is negative, or there twice
    """  # noqa: DOC502
    return dataclasses.replace(comparison, seeds=_read_seeds(list(seeds))) if seeds else comparison


KEYS = (
    *("title", "notes", "pipeline", "axes", "rules", "search", "exclude", "seeds", "trials"),
    *("baseline", "rivals", "published"),
)


def _check_keys(content: Any) -> None:
    if not isinstance(content, Mapping):
        # not a TypeError: to a user, what is wrong is the file
        raise ValueError(  # noqa: TRY004
            f"it is a {type(content).__name__}, it must be a mapping with some of: {', '.join(KEYS)}."
        )
    unknown = sorted(map(str, content.keys() - set(KEYS)))
    if unknown:
        raise ValueError(f"there is no {unknown}. Allowed: {', '.join(KEYS)}.")


def _mapping(name: str, value: Any) -> Arguments:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is {value!r}, it must be a mapping.")  # noqa: TRY004
    return dict(value)


def _read_axes(content: Mapping[str, Any]) -> dict[str, dict[str, Arguments]]:
    axes = {
        str(axis): {str(value): _mapping(f"axes.{axis}.{value}", arguments) for value, arguments in values.items()}
        for axis, raw in _mapping("axes", content.get("axes")).items()
        if (values := _mapping(f"axes.{axis}", raw))
    }
    if not axes:
        raise ValueError("axes is missing or empty: what is to be compared, e.g., axes.sampler.basic and .dhns.")
    return axes


def _read_rules(
    name: str, content: Mapping[str, Any], axes: Mapping[str, Mapping[str, Any]], key: str | None
) -> Iterator[Rule]:
    raw = content.get(name) or []
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise ValueError(f"{name} is {raw!r}, it must be a list.")  # noqa: TRY004
    for index, item in enumerate(raw):
        label = f"{name}[{index}]"
        item = _mapping(label, item)
        # without a key, the rule is only a condition
        when = _mapping(f"{label}.when", item.get("when")) if key else item
        allowed = {"when", key} if key else set(axes)
        if item.keys() - allowed:
            raise ValueError(f"{label} has {sorted(item.keys() - allowed)}, allowed is: {sorted(map(str, allowed))}.")
        yield Rule(_read_when(label, when, axes), _mapping(f"{label}.{key}", item.get(key)) if key else {})


def _read_when(
    label: str, when: Mapping[str, Any], axes: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[str, ...]]:
    result = {}
    for axis, raw in when.items():
        values = [raw] if not isinstance(raw, list) else raw
        if axis not in axes:
            raise ValueError(f"{label}: there is no axis {axis!r}, only {', '.join(axes)}.")
        unknown = [value for value in values if str(value) not in axes[axis]]
        if unknown:
            raise ValueError(f"{label}: axes.{axis} has no {unknown}, only {', '.join(axes[axis])}.")
        result[axis] = tuple(map(str, values))
    return result


def _read_search(content: Mapping[str, Any], axes: Mapping[str, Mapping[str, Any]]) -> list[Rule]:
    rules = list(_read_rules("search", content, axes, "space"))
    for rule in rules:
        for path, values in rule.content.items():
            if not isinstance(values, list) or not values:
                raise ValueError(f"search: {path} is {values!r}, it must be a list of values.")
    return rules


def _read_seeds(value: Any) -> list[int]:
    if not isinstance(value, list) or not value or any(type(seed) is not int or seed < 0 for seed in value):
        raise ValueError(f"seeds is {value!r}, it must be a list of integers of at least 0.")
    if len(set(value)) < len(value):
        raise ValueError(f"seeds is {value!r}: one occurs twice.")
    return value


def _read_count(name: str, value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} is {value!r}, it must be an integer of at least 1.")
    return value


def _read_baseline(name: str, value: Any, axes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    when = _read_when(name, _mapping(name, value), axes)
    return {axis: values[0] for axis, values in when.items()}


def _read_rivals(value: Any, axes: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    if not isinstance(value, list):
        raise ValueError(f"rivals is {value!r}, it must be a list of baselines.")  # noqa: TRY004
    rivals = [_read_baseline(f"rivals[{index}]", item, axes) for index, item in enumerate(value)]
    if not all(rivals):
        raise ValueError(f"rivals is {value!r}: one of them is empty. Name a value of an axis, as in baseline.")
    return rivals


def _read_published(value: Any) -> dict[str, dict[str, float]]:
    result = {}
    for cell, raw in _mapping("published", value).items():
        metrics = _mapping(f"published.{cell}", raw)
        wrong = {key: number for key, number in metrics.items() if not isinstance(number, int | float)}
        if wrong:
            raise ValueError(f"published.{cell} has {wrong}, values must be numbers, in percent.")
        result[str(cell)] = {str(key): float(number) for key, number in metrics.items()}
    return result


def _check_cell(comparison: Comparison, cell: Cell) -> None:
    # also with what is searched: that must not be reserved, either
    arguments = comparison.resolve(cell, {path: values[0] for path, values in comparison.space(cell).items()})
    reserved = [name for name in RESERVED if _has(arguments, name)]
    if reserved:
        raise ValueError(f"{cell}: {reserved[0]} cannot be given: {RESERVED[reserved[0]]}.")
    _check_dataset(cell, arguments)
    for trial in comparison.trials(cell):
        _check_numbers(cell, trial.arguments)
        _check_frequency(cell, trial.arguments)


def _check_frequency(cell: Cell, arguments: Arguments) -> None:
    arguments = merge(DEFAULTS, arguments)
    num_epochs, frequency = arguments["training_kwargs"]["num_epochs"], arguments["stopper_kwargs"]["frequency"]
    if frequency > num_epochs:
        raise ValueError(
            f"{cell}: stopper_kwargs.frequency={frequency} is above training_kwargs.num_epochs={num_epochs}: no epoch "
            f"is validated, so nothing is selected."
        )


def _check_numbers(cell: Cell, content: Any) -> None:
    """Check that no number is a text, as 1e-3 is in YAML 1.1."""
    if isinstance(content, str) and EXPONENTIAL.fullmatch(content):
        raise ValueError(
            f"{cell}: {content!r} is a text. YAML only reads it as a number with a point, and a sign of the exponent, "
            f"e.g., 1.0e-3."
        )
    for value in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        _check_numbers(cell, value)


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


def _has(arguments: Mapping[str, Any], path: str) -> bool:
    """Return whether something is given, by dotted path."""
    key, _, rest = path.partition(".")
    value = arguments.get(key)
    return key in arguments if not rest else isinstance(value, Mapping) and _has(value, rest)
