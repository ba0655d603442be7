"""The parts of a pipeline that have a name and arguments, and the options for them."""

from collections.abc import Callable
from typing import Any

import click

from .types import ComponentType, JSONType

__all__ = ["COMPONENTS", "component_options"]

#: What has a name and arguments: the argument of PyKEEN's pipeline, and where its names are
COMPONENTS: dict[str, ComponentType] = {
    "dataset": ComponentType("pykeen.datasets:dataset_resolver", or_file=True),
    "model": ComponentType("pykeen.models:model_resolver"),
    "loss": ComponentType("pykeen.losses:loss_resolver"),
    "regularizer": ComponentType("pykeen.regularizers:regularizer_resolver"),
    "optimizer": ComponentType("pykeen.optimizers:optimizer_resolver"),
    "lr_scheduler": ComponentType("pykeen.lr_schedulers:lr_scheduler_resolver"),
    "training_loop": ComponentType("pykeen.training:training_loop_resolver"),
    "negative_sampler": ComponentType("pykeen.sampling:negative_sampler_resolver"),
    "stopper": ComponentType("pykeen.stoppers:stopper_resolver"),
    "evaluator": ComponentType("pykeen.evaluation:evaluator_resolver"),
    "result_tracker": ComponentType("pykeen.trackers:tracker_resolver"),
}
#: Those which are not listed by `pykeen ls` under the plural of their own name
LISTINGS = {"loss": "losses", "result_tracker": "trackers"}


def component_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add two options for each component: its name, and its arguments.

    :param function: the function of a command

    :returns: the function, with these options
    """
    # the last decorator comes first in the help
    for component, names in reversed(COMPONENTS.items()):
        flag, noun = f"--{component.replace('_', '-')}", component.replace("_", " ")
        listing = LISTINGS.get(component, f"{component.replace('_', '-')}s")
        options = (
            click.option(flag, type=names, help=f"The {noun}, cf. `pykeen ls {listing}`."),
            click.option(f"{flag}-kwargs", type=JSONType(), help=f"The {noun}'s arguments."),
        )
        for option in reversed(options):
            function = option(function)
    return function
