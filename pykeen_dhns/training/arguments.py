"""Arguments of the training loop: which are those of the sampler, which those of the generator."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from class_resolver import HintOrType, OptionalKwargs
from pykeen.sampling import NegativeSampler, negative_sampler_resolver

from .settings import GeneratorConfig, Switches
from ..sampling.sampler import DHNSNegativeSampler

__all__ = ["ResolvedArguments", "check_not_twice", "merge_arguments", "only_for_own", "resolve_arguments"]

#: Arguments of any negative sampler, and of our own only
SAMPLER_ARGUMENTS = ("num_negs_per_pos", "filtered", "filterer", "filterer_kwargs")
OWN_SAMPLER_ARGUMENTS = ("base_sampler", "base_sampler_kwargs", "hard_fraction")
#: The arguments which configure the generator, in the loop as well as in the sampler
GENERATOR_ARGUMENTS = ("num_timesteps", "schedule", "reverse", "levels", "learning_rate")


@dataclasses.dataclass(frozen=True)
class ResolvedArguments:
    """What the training loop's arguments mean for its parts."""

    negative_sampler: HintOrType[NegativeSampler]
    negative_sampler_kwargs: Mapping[str, Any]
    config: GeneratorConfig
    switches: Switches
    loss_kwargs: OptionalKwargs


def resolve_arguments(arguments: Mapping[str, Any]) -> ResolvedArguments:
    """Find out what the arguments of the training loop mean for its parts.

    :param arguments: all arguments that the loop adds to those of PyKEEN's, by name

    :returns: the arguments of its parts

    :raises ValueError: if an argument is given twice, is for another sampler, or is out of its range
    """  # noqa: DOC502
    negative_sampler = arguments["negative_sampler"]
    sampler_cls = negative_sampler_resolver.lookup(negative_sampler, default=DHNSNegativeSampler)
    is_own = issubclass(sampler_cls, DHNSNegativeSampler)
    sampler_kwargs = merge_arguments(
        arguments["negative_sampler_kwargs"],
        **{name: arguments[name] for name in SAMPLER_ARGUMENTS},
        **only_for_own(sampler_cls, **{name: arguments[name] for name in OWN_SAMPLER_ARGUMENTS}),
    )
    generator_kwargs = merge_arguments(
        {key: sampler_kwargs[key] for key in GENERATOR_ARGUMENTS if is_own and key in sampler_kwargs},
        **{name: arguments[name] for name in GENERATOR_ARGUMENTS},
    )
    if is_own:
        sampler_kwargs = {"hard_fraction": 0.0, **generator_kwargs, **sampler_kwargs}
    further = ("hidden_dim", "num_layers", "prediction")
    return ResolvedArguments(
        negative_sampler=sampler_cls if negative_sampler is None else negative_sampler,
        negative_sampler_kwargs=sampler_kwargs,
        config=GeneratorConfig(**generator_kwargs, **{name: arguments[name] for name in further}),
        switches=Switches(**{field.name: arguments[field.name] for field in dataclasses.fields(Switches)}),
        loss_kwargs=arguments["hardness_loss_kwargs"],
    )


def check_not_twice(constructor: Mapping[str, Any], train: Mapping[str, Any]) -> None:
    """Check that no argument is given to both, the training loop and its method ``train``.

    :param constructor: the arguments of the training loop which differ from their defaults
    :param train: those of its method ``train``

    :raises ValueError: if there is one, with different values
    """
    for name, value in train.items():
        if name in constructor and constructor[name] != value:
            raise ValueError(
                f"{name} is given twice: {constructor[name]!r} as argument of the training loop, and {value!r} as "
                "argument of train. Leave one out. Hyper-parameter optimisation suggests some arguments of train by "
                f"default: to fix one there, pass training_kwargs=dict({name}=...), not training_loop_kwargs."
            )


def merge_arguments(kwargs: OptionalKwargs, **explicit: Any) -> dict[str, Any]:
    """Merge keyword-based arguments with those that are given explicitly.

    :param kwargs: the keyword-based arguments
    :param explicit: those that are given explicitly, which are all but those that are None

    :returns: all arguments that are given

    :raises ValueError: if an argument is given twice, with different values
    """  # noqa: DOC103
    result = dict(kwargs or {})
    for key, value in explicit.items():
        if value is None:
            continue
        if key in result and result[key] != value:
            raise ValueError(
                f"{key} is given twice: {value!r}, and {result[key]!r} as argument of the negative sampler."
            )
        result[key] = value
    return result


def only_for_own(cls: type[NegativeSampler], **explicit: Any) -> dict[str, Any]:
    """Refuse arguments that only our own sampler has.

    :param cls: the sampler
    :param explicit: the arguments, None for those that are not given

    :returns: the arguments

    :raises ValueError: if there are any for another sampler
    """  # noqa: DOC103
    given = sorted(key for key, value in explicit.items() if value is not None)
    if given and not issubclass(cls, DHNSNegativeSampler):
        raise ValueError(
            f"{given} are arguments of the negative sampler 'dhns', but negative_sampler={cls.__name__}. Leave them, "
            "or the sampler, out."
        )
    return explicit
