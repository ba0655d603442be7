"""Tests for hardness levels."""

import dataclasses
import pickle

import pytest

from pykeen_dhns.diffusion import Levels


@pytest.mark.parametrize(
    ("num_timesteps", "expected"),
    [(100, (5, 10, 20, 50)), (50, (2, 5, 10, 25)), (20, (1, 2, 4, 10)), (2, (1, 1, 1, 1))],
)
def test_time_steps(num_timesteps: int, expected: tuple[int, ...]) -> None:
    """The defaults are the paper's. All steps are at least 1, and there is one for each level, hardest first."""
    assert Levels.make(None).time_steps(num_timesteps) == expected


def test_order() -> None:
    """Levels are sorted, and the whole time is a valid level."""
    levels = Levels.make([1, 0.5, 0.01])
    assert levels.fractions == (0.01, 0.5, 1.0)
    assert levels.time_steps(100) == (1, 50, 100)
    assert len(levels) == 3


def test_is_a_value() -> None:
    """Equal fractions make equal levels, which cannot be changed, and survive pickling."""
    levels = Levels((0.5, 0.1))
    assert levels == Levels((0.1, 0.5)) == pickle.loads(pickle.dumps(levels))  # noqa: S301
    assert len({levels, Levels((0.1, 0.5)), Levels()}) == 2
    assert Levels.make(levels) is levels
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(levels, "fractions", (1.0,))  # noqa: B010
