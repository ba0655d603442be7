"""Options for the parts of a pipeline: names that PyKEEN knows, and their arguments as JSON."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from class_resolver import ClassResolver

__all__ = ["COMPONENTS", "component_options", "get_resolver", "parse_json", "parse_modality"]

#: The parts of PyKEEN's pipeline that have a name and arguments, and where their names are
COMPONENTS: dict[str, str] = {
    "dataset": "pykeen.datasets:dataset_resolver",
    "model": "pykeen.models:model_resolver",
    "loss": "pykeen.losses:loss_resolver",
    "regularizer": "pykeen.regularizers:regularizer_resolver",
    "optimizer": "pykeen.optimizers:optimizer_resolver",
    "lr_scheduler": "pykeen.lr_schedulers:lr_scheduler_resolver",
    "training_loop": "pykeen.training:training_loop_resolver",
    "negative_sampler": "pykeen.sampling:negative_sampler_resolver",
    "stopper": "pykeen.stoppers:stopper_resolver",
    "evaluator": "pykeen.evaluation:evaluator_resolver",
    "result_tracker": "pykeen.trackers:tracker_resolver",
}


def get_resolver(component: str) -> ClassResolver[Any]:
    """Import the resolver of a component.

    :param component: one of :data:`COMPONENTS`

    :returns: the resolver, with the names of all plugins
    """
    # plugins, ours among them, are loaded with the datasets
    importlib.import_module("pykeen.datasets")
    module, _, name = COMPONENTS[component].partition(":")
    resolver: ClassResolver[Any] = getattr(importlib.import_module(module), name)
    return resolver


def component_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add two options for each component: its name, and its arguments.

    :param function: the function of a command

    :returns: the function, with these options
    """
    # the last decorator comes first in the help
    for component in reversed(COMPONENTS):
        flag, noun = f"--{component.replace('_', '-')}", component.replace("_", " ")
        add_kwargs = click.option(f"{flag}-kwargs", metavar="JSON", type=parse_json, help=f"The {noun}'s arguments.")
        add_name = click.option(flag, metavar="NAME", callback=_check_name, help=f"The {noun}.")
        function = add_name(add_kwargs(function))
    return function


def _check_name(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Check the name of a component, after which the option is called."""
    if value is not None:
        try:
            get_resolver(str(option.name)).lookup(value)
        except KeyError as error:
            # the message has the names that are allowed
            raise click.BadParameter(error.args[0]) from error
    return value


def parse_json(value: str) -> dict[str, Any]:
    """Parse keyword-based arguments.

    :param value: a JSON object

    :returns: the arguments

    :raises click.BadParameter: if it is something else
    """
    example = "An example: '{\"lr\": 0.01}', quoted as here."
    try:
        content = json.loads(value)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"{value!r} is no JSON ({error}). {example}") from error
    if not isinstance(content, dict):
        raise click.BadParameter(f"{value!r} is a {type(content).__name__}, it must be an object. {example}")
    return content


def parse_modality(value: str) -> tuple[str, str]:
    """Parse a modality.

    :param value: its name, an equals sign, and a file with its features

    :returns: the name and the file

    :raises click.BadParameter: if it is something else, or there is no such file
    """
    name, _, file = value.partition("=")
    if not name or not file:
        raise click.BadParameter(f"{value!r} must be NAME=FILE, e.g., textual=textual.npy.")
    if not Path(file).is_file():
        raise click.BadParameter(f"There is no file {file!r} with the features of {name!r}.")
    return name, file
