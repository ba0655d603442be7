"""Checks of arguments."""

from collections.abc import Collection
from numbers import Integral
from typing import Any

from torch import Tensor

__all__ = [
    "check_choice",
    "check_fraction",
    "check_ids",
    "check_non_negative",
    "check_positive",
    "check_positive_int",
]


def check_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Check that an argument is one of a few.

    :param name: the argument's name
    :param value: its value
    :param choices: what is allowed

    :raises ValueError: if it is none of them
    """
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown. Try one of: {sorted(choices)}")


def check_positive_int(name: str, value: Any, multiple_of: int = 1) -> None:
    """Check that an argument is a positive integer.

    :param name: the argument's name
    :param value: its value
    :param multiple_of: a number that it must be a multiple of

    :raises ValueError: if it is not
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1 or value % multiple_of:
        what = "an integer >= 1" if multiple_of == 1 else f"a positive multiple of {multiple_of}"
        raise ValueError(f"{name}={value!r} is invalid: it must be {what}.")


def check_positive(name: str, value: float) -> None:
    """Check that an argument is a positive and finite number.

    :param name: the argument's name
    :param value: its value

    :raises ValueError: if it is not
    """
    # written so that NaN fails, too
    if not 0 < value < float("inf"):
        raise ValueError(f"{name}={value!r} is invalid: it must be a positive, finite number.")


def check_non_negative(name: str, value: float) -> None:
    """Check that an argument is a non-negative and finite number.

    :param name: the argument's name
    :param value: its value

    :raises ValueError: if it is not
    """
    # written so that NaN fails, too
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name}={value!r} is invalid: it must be a non-negative, finite number.")


def check_fraction(name: str, value: float) -> None:
    """Check that an argument is a number between 0 and 1.

    :param name: the argument's name
    :param value: its value

    :raises ValueError: if it is not
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value!r} is invalid: it must be in [0, 1].")


def check_ids(mapped_triples: Tensor, num_entities: int | None, num_relations: int | None) -> None:
    """Check that the IDs of triples are in the valid range, and that there are at least two entities.

    :param mapped_triples: the triples
    :param num_entities: the number of entities. If None, any number will do.
    :param num_relations: the number of relations. If None, any number will do.

    :raises ValueError: if a check fails
    """
    if mapped_triples.ndim != 2 or mapped_triples.shape[-1] != 3 or not len(mapped_triples):
        raise ValueError(
            f"mapped_triples has shape {tuple(mapped_triples.shape)}: it must be (num_triples, 3), with at least one."
        )
    for name, columns, number in (("num_entities", [0, 2], num_entities), ("num_relations", [1], num_relations)):
        low, high = (int(x) for x in mapped_triples[:, columns].aminmax())
        if low < 0 or (number is not None and high >= number):
            raise ValueError(
                f"mapped_triples has IDs from {low} to {high}, but {name}={number}: they must be in [0, {name})."
            )
        if name == "num_entities" and (high + 1 if number is None else number) < 2:
            raise ValueError("num_entities=1 is too small: a triple cannot be corrupted without a second entity.")
