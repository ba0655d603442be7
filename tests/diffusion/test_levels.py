"""Tests for hardness levels."""

import math

import pytest

from pykeen_dhns.diffusion import resolve_levels


@pytest.mark.parametrize(
    ("num_timesteps", "expected"),
    [(100, (5, 10, 20, 50)), (50, (2, 5, 10, 25)), (20, (1, 2, 4, 10)), (2, (1, 1, 1, 1))],
)
def test_defaults(num_timesteps: int, expected: tuple[int, ...]) -> None:
    """The paper's levels, at least one step away from the data, hardest first."""
    assert resolve_levels(None, num_timesteps) == expected


def test_order() -> None:
    """Levels are sorted, and the whole time is a valid level."""
    assert resolve_levels([1, 0.5, 0.01], 100) == (1, 50, 100)


@pytest.mark.parametrize("level", [0, -0.1, 1.1, math.nan, math.inf])
def test_out_of_range(level: float) -> None:
    """The error names the argument, the value, and the range."""
    with pytest.raises(ValueError, match=rf"levels=.*{level}.*\(0, 1\]"):
        resolve_levels([0.1, level], 100)


def test_empty() -> None:
    """There must be a level."""
    with pytest.raises(ValueError, match=r"levels=.*empty"):
        resolve_levels([], 100)
