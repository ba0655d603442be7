"""From a file, and from options, to the arguments of PyKEEN's pipeline."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from .components import COMPONENTS

__all__ = ["load_experiment", "make_arguments"]

#: The arguments for files of triples
TRIPLES = ("training", "testing", "validation")


def load_experiment(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Load a file as `pykeen experiments run` takes it.

    :param path: a JSON or YAML file

    :returns: its metadata, and the arguments of the pipeline

    :raises ValueError: if there is something wrong with it; the message says what
    """
    import yaml
    from pykeen.pipeline import pipeline
    from pykeen.utils import load_configuration

    try:
        content = load_configuration(path)
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(content, Mapping) or not isinstance(content.get("pipeline"), Mapping):
        # not a TypeError: to a user, what is wrong is the file
        raise ValueError(f"{path} needs an entry 'pipeline', with the arguments of PyKEEN's pipeline.")  # noqa: TRY004
    arguments = dict(content["pipeline"])
    allowed = inspect.signature(pipeline).parameters
    unknown = sorted(map(str, arguments.keys() - set(allowed)))
    if unknown:
        raise ValueError(f"{path}: PyKEEN's pipeline has no arguments {unknown}. Allowed: {', '.join(allowed)}.")
    for component, names in COMPONENTS.items():
        if isinstance(arguments.get(component), str):
            try:
                names.convert(arguments[component], None, None)
            except click.BadParameter as error:
                raise ValueError(f"{path}: pipeline.{component}: {error.message}") from error
    return dict(content.get("metadata") or {}), arguments


def make_arguments(
    base: Mapping[str, Any], options: Mapping[str, Any], *, modalities: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Make the arguments of the pipeline.

    :param base: those from a file
    :param options: those from options, which win. Arguments of a component are merged with those of the file, unless
        the component is another one.
    :param modalities: names of modalities, and files with their features

    :returns: the arguments

    :raises click.UsageError: if something is missing, or does not go together
    """
    given = {key: value for key, value in options.items() if value is not None}
    arguments = _merge({key: value for key, value in base.items() if key not in _replaced(base, given)}, given)
    if modalities:
        arguments = _merge(arguments, dict(model_kwargs=dict(modalities=dict(modalities))))
        _check_multimodal(arguments.get("model"))
    _check_data(arguments)
    if not arguments.keys() & {"model", "interaction"}:
        raise click.UsageError("There is no model: name one by --model, or in the file.")
    return arguments


def _merge(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested arguments, the latter win. Unlike in a comparison, None is a value."""
    result = dict(one)
    for key, value in other.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = _merge(result[key], value) if both else value
    return result


def _replaced(base: Mapping[str, Any], given: Mapping[str, Any]) -> set[str]:
    """Find which arguments of a file belong to something that options replace."""
    names = [key for key, names in COMPONENTS.items() if key in given and not names.is_same(given[key], base.get(key))]
    if given.keys() & set(TRIPLES):
        names.append("dataset")
    replaced = {argument for name in names for argument in (name, f"{name}_kwargs")}
    if "dataset" in given:
        replaced |= set(TRIPLES)
    if "model" in given:
        replaced |= {"interaction", "interaction_kwargs", "dimensions"}
    return replaced


def _check_multimodal(model: Any) -> None:
    from pykeen.models import model_resolver

    if model is None or "modalities" not in inspect.signature(model_resolver.lookup(model)).parameters:
        raise click.UsageError(f"--modality needs --model multimodal; the model {model!r} takes no features.")


def _check_data(arguments: Mapping[str, Any]) -> None:
    paths = [key for key in TRIPLES if arguments.get(key) is not None]
    if arguments.get("dataset") is not None and paths:
        raise click.UsageError(f"Give either a dataset, or files of triples: here are --dataset, and --{paths[0]}.")
    if arguments.get("dataset") is None and not {"training", "testing"} <= set(paths):
        raise click.UsageError("There is no data: give --dataset NAME, or --training FILE and --testing FILE.")
