"""Arguments of the training loop which are those of the sampler."""

from typing import Any

from class_resolver import OptionalKwargs
from pykeen.sampling import NegativeSampler

from .sampling import DHNSNegativeSampler

__all__ = ["merge_arguments", "only_for_own"]


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
