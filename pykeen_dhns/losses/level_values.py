"""Checks of what is given level by level: margins, weights, and the levels themselves."""

import math
from collections.abc import Sequence

from ..diffusion.levels import resolve_levels

__all__ = ["check_ascending", "check_length", "check_margins", "check_weights"]


def check_margins(margins: Sequence[float]) -> tuple[float, ...]:
    """Check explicit margins.

    :param margins: the margins, hardest level first

    :returns: the margins

    :raises ValueError: if they are not finite and non-decreasing
    """
    margins = tuple(float(margin) for margin in margins)
    if not all(map(math.isfinite, margins)) or list(margins) != sorted(margins):
        raise ValueError(
            f"margins={margins} are invalid: they must be finite and non-decreasing, since the hardest level comes "
            "first, and gets the smallest margin."
        )
    return margins


def check_weights(weights: Sequence[float]) -> tuple[float, ...]:
    """Check the weights of levels.

    :param weights: the weights, hardest level first

    :returns: the weights

    :raises ValueError: if they are not finite and non-negative
    """
    weights = tuple(float(weight) for weight in weights)
    if not all(0 <= weight < math.inf for weight in weights):
        raise ValueError(f"weights={weights} are invalid: they must be finite and non-negative.")
    return weights


def check_length(name: str, values: tuple[float, ...], levels: Sequence[float]) -> tuple[float, ...]:
    """Check that there is a value for each level.

    :param name: the name of the values
    :param values: the values
    :param levels: the levels

    :returns: the values

    :raises ValueError: if their number differs
    """
    if len(values) != len(levels):
        raise ValueError(f"{name}={values} has {len(values)} values for {len(levels)} levels: one per level is needed.")
    return values


def check_ascending(levels: Sequence[float] | None) -> tuple[float, ...]:
    """Check levels whose order has to be that of scores.

    :param levels: the levels

    :returns: the levels

    :raises ValueError: if they are not valid, or not ascending
    """
    resolve_levels(levels, num_timesteps=1)
    levels = tuple(levels or ())
    if list(levels) != sorted(levels):
        raise ValueError(f"levels={levels} must be ascending, i.e., hardest first, as the scores of their negatives.")
    return levels
