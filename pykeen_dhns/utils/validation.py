"""Checks of arguments: first the type, with a TypeError, then the range, with a ValueError."""

import reprlib
from collections.abc import Collection, Mapping, Sequence
from numbers import Integral
from types import NoneType
from typing import Any

import numpy as np
import torch
from class_resolver import ClassResolver
from torch import Tensor

from .arguments import argument_names, check_names

__all__ = [
    "check_bool",
    "check_choice",
    "check_component",
    "check_fraction",
    "check_hint",
    "check_ids",
    "check_integer",
    "check_kwargs",
    "check_non_negative",
    "check_number",
    "check_numbers",
    "check_positive",
    "check_size",
    "check_type",
    "show",
]

#: Numbers beyond this are infinite in single precision
LARGEST = torch.finfo(torch.float32).max
#: More dimensions than this, or more negatives of a positive, fit into no memory
MAX_SIZE = 2**20
#: More entities than this cannot be drawn at once: torch.multinomial has this limit
MAX_POOL_SIZE = 2**24
#: More entities than this are in no graph
MAX_ENTITIES = 2**31


def show(value: Any) -> str:
    """Represent a value in a message, in at most a hundred characters or so.

    :param value: the value

    :returns: its representation
    """
    text = reprlib.repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def check_type(name: str, value: Any, types: type | tuple[type, ...], allowed: str) -> None:
    """Check the type of an argument. A bool is no number.

    :param name: the argument's name
    :param value: its value
    :param types: the allowed types
    :param allowed: what is allowed, e.g., "an integer"

    :raises TypeError: if the type is another one
    """
    is_bool = isinstance(value, bool | np.bool_)
    may_be_bool = types in (bool, (bool, np.bool_))
    if not isinstance(value, types) or (is_bool and not may_be_bool):
        raise TypeError(f"{name}={show(value)} is a {type(value).__name__}: it must be {allowed}.")


def check_bool(name: str, value: Any) -> None:
    """Check that an argument is True or False. Strings and numbers are neither.

    :param name: the argument's name
    :param value: its value

    :raises TypeError: if it is not
    """  # noqa: DOC502
    check_type(name, value, (bool, np.bool_), "True or False")


def check_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Check that an argument is one of a few strings.

    :param name: the argument's name
    :param value: its value
    :param choices: what is allowed

    :raises TypeError: if it is no string
    :raises ValueError: if it is none of them
    """  # noqa: DOC503
    check_type(name, value, str, f"one of {sorted(choices)}")
    if value not in choices:
        raise ValueError(f"{name}={show(value)} is unknown. Try one of: {sorted(choices)}")


def check_integer(name: str, value: Any, *, minimum: int = 1, maximum: int | None = None, multiple_of: int = 1) -> None:
    """Check that an argument is an integer in a range.

    :param name: the argument's name
    :param value: its value
    :param minimum: the smallest allowed value
    :param maximum: the largest allowed value. If None, there is no limit.
    :param multiple_of: a number that it must be a multiple of

    :raises TypeError: if it is no integer
    :raises ValueError: if it is out of range
    """  # noqa: DOC503
    allowed = "an integer" if multiple_of == 1 else f"a multiple of {multiple_of}"
    allowed += f" >= {minimum}" if maximum is None else f" in [{minimum}, {maximum}]"
    check_type(name, value, Integral, allowed)
    if value < minimum or (maximum is not None and value > maximum) or value % multiple_of:
        raise ValueError(f"{name}={show(value)} is invalid: it must be {allowed}.")


def check_size(name: str, value: Any, *, maximum: int = MAX_SIZE, multiple_of: int = 1) -> None:
    """Check that an argument is the size of something that fits into memory.

    :param name: the argument's name
    :param value: its value
    :param maximum: the largest allowed value
    :param multiple_of: a number that it must be a multiple of

    :raises TypeError: if it is no integer
    :raises ValueError: if it is not positive, too large, or no such multiple
    """  # noqa: DOC502
    check_integer(name, value, maximum=maximum, multiple_of=multiple_of)


def check_number(
    name: str,
    value: Any,
    *,
    minimum: float = -LARGEST,
    maximum: float = LARGEST,
    exclude_minimum: bool = False,
    allowed: str | None = None,
) -> None:
    """Check that an argument is a number in a range, and finite in single precision.

    :param name: the argument's name
    :param value: its value
    :param minimum: the smallest allowed value
    :param maximum: the largest allowed value
    :param exclude_minimum: whether the minimum is not allowed itself
    :param allowed: what is allowed, in words. If None, the range says it.

    :raises TypeError: if it is no number
    :raises ValueError: if it is out of range, infinite, or NaN
    """  # noqa: DOC503
    if allowed is None:
        allowed = f"a number in {'(' if exclude_minimum else '['}{minimum:g}, {maximum:g}]"
    # no fractions, which tensors cannot be multiplied by
    check_type(name, value, (Integral, float, np.floating), allowed)
    # written so that NaN fails, too
    if not (minimum < value if exclude_minimum else minimum <= value) or not value <= maximum:
        raise ValueError(f"{name}={show(value)} is invalid: it must be {allowed}.")


def check_positive(name: str, value: Any) -> None:
    """Check that an argument is a positive and finite number.

    :param name: the argument's name
    :param value: its value

    :raises TypeError: if it is no number
    :raises ValueError: if it is not positive, or not finite
    """  # noqa: DOC502
    check_number(name, value, minimum=0, exclude_minimum=True, allowed="a positive, finite number")


def check_non_negative(name: str, value: Any) -> None:
    """Check that an argument is a non-negative and finite number.

    :param name: the argument's name
    :param value: its value

    :raises TypeError: if it is no number
    :raises ValueError: if it is negative, or not finite
    """  # noqa: DOC502
    check_number(name, value, minimum=0, allowed="a non-negative, finite number")


def check_fraction(name: str, value: Any) -> None:
    """Check that an argument is a number between 0 and 1.

    :param name: the argument's name
    :param value: its value

    :raises TypeError: if it is no number
    :raises ValueError: if it is out of range
    """  # noqa: DOC502
    check_number(name, value, minimum=0, maximum=1, allowed="a number in [0, 1]")


def check_kwargs(name: str, value: Any) -> None:
    """Check that keyword-based parameters are a mapping, or None.

    :param name: the argument's name
    :param value: its value

    :raises TypeError: if they are not
    """
    allowed = "a mapping from names of arguments, or None"
    check_type(name, value, (Mapping, NoneType), allowed)
    if not all(isinstance(key, str) for key in value or ()):
        raise TypeError(f"{name}={show(value)} has a key that is no string: it must be {allowed}.")


def check_hint(name: str, value: Any, resolver: ClassResolver[Any], *, more_names: Collection[str] = ()) -> None:
    """Check that an argument is an instance, a class, or a name that a resolver knows.

    :param name: the argument's name
    :param value: its value
    :param resolver: the resolver
    :param more_names: names that are allowed, too

    :raises TypeError: if it is none of these
    :raises ValueError: if the name is unknown
    """  # noqa: DOC503
    try:
        if not isinstance(value, resolver.base) and not (isinstance(value, str) and value in more_names):
            resolver.lookup(value)
    except (KeyError, TypeError):
        error = ValueError if isinstance(value, str) else TypeError
        raise error(
            f"{name}={show(value)} is unknown: it must be an instance, a class, or a name of {resolver.base.__name__}. "
            f"The names are {sorted({*resolver.lookup_dict, *resolver.synonyms, *more_names})}."
        ) from None


def check_component(name: str, hint: Any, kwargs: Any, resolver: ClassResolver[Any]) -> None:
    """Check an argument that is an instance, a class, or a name, and its keyword-based parameters.

    :param name: the argument's name. That of its parameters ends with ``_kwargs``.
    :param hint: its value
    :param kwargs: its keyword-based parameters
    :param resolver: the resolver

    :raises TypeError: if a type is wrong, or a parameter is unknown
    :raises ValueError: if a name is unknown, or an instance has parameters, too
    """  # noqa: DOC503
    check_hint(name, hint, resolver)
    check_kwargs(f"{name}_kwargs", kwargs)
    if kwargs and isinstance(hint, resolver.base):
        raise ValueError(
            f"{name}_kwargs={show(kwargs)} have no effect, since {name} is an instance, which has its arguments "
            f"already. Give them to it, or give {name} by name or class."
        )
    if kwargs:
        cls = resolver.lookup(hint)
        check_names(cls.__name__, kwargs, argument_names(cls))


def check_numbers(name: str, values: Any, allowed: str, **limits: Any) -> tuple[float, ...]:
    """Check that an argument is a sequence of finite numbers, e.g., a list or an array.

    :param name: the argument's name
    :param values: its value
    :param allowed: what is allowed, e.g., "numbers"
    :param **limits: the limits of :func:`check_number`

    :returns: the numbers

    :raises TypeError: if it is no sequence, or contains something else
    :raises ValueError: if a number is out of range, or not finite
    """  # noqa: DOC503
    is_array = isinstance(values, np.ndarray) and values.ndim == 1
    if isinstance(values, str | bytes) or not (is_array or isinstance(values, Sequence)):
        raise TypeError(f"{name}={show(values)} is a {type(values).__name__}: it must be a sequence of {allowed}.")
    value = None
    try:
        for value in values:
            check_number(name, value, **limits)
    except (TypeError, ValueError) as error:
        message = f"{name}={show(values)} contains {show(value)}: it must be a sequence of {allowed}."
        raise type(error)(message) from None
    return tuple(float(value) for value in values)


def check_ids(
    mapped_triples: Any, num_entities: int | None, num_relations: int | None, *, name: str = "mapped_triples"
) -> None:
    """Check that triples are a tensor of IDs in the valid range, and that there are at least two entities.

    :param mapped_triples: shape: (num_triples, 3) the triples
    :param num_entities: the number of entities. If None, any number will do.
    :param num_relations: the number of relations. If None, any number will do.
    :param name: the name of the argument with the triples

    :raises TypeError: if the triples are no tensor of integers
    :raises ValueError: if their shape or an ID is invalid
    """
    if not isinstance(mapped_triples, Tensor):
        raise TypeError(
            f"{name} is a {type(mapped_triples).__name__}: it must be a tensor of shape (num_triples, 3), e.g. "
            "that of a triples factory, triples_factory.mapped_triples."
        )
    if mapped_triples.dtype == torch.bool or mapped_triples.is_floating_point() or mapped_triples.is_complex():
        raise TypeError(f"{name} is a tensor of {mapped_triples.dtype}: it must be one of integers.")
    if mapped_triples.ndim != 2 or mapped_triples.shape[-1] != 3 or not len(mapped_triples):
        raise ValueError(
            f"{name} has shape {tuple(mapped_triples.shape)}: it must be (num_triples, 3), with at least one."
        )
    for limit, columns, number in (("num_entities", [0, 2], num_entities), ("num_relations", [1], num_relations)):
        if number is not None:
            check_size(limit, number, maximum=MAX_ENTITIES)
        low, high = (int(x) for x in mapped_triples[:, columns].aminmax())
        if low < 0 or (number is not None and high >= number):
            raise ValueError(
                f"{name} has IDs from {low} to {high}, but {limit}={number}: they must be in [0, {limit})."
            )
        if limit == "num_entities" and (high + 1 if number is None else number) < 2:
            raise ValueError("num_entities=1 is too small: a triple cannot be corrupted without a second entity.")
