"""Tests for separate and restored random states."""

import random

import numpy
import torch

from pykeen_dhns.utils.random_state import preserve_random_state, seeded


def draw() -> tuple[float, float, float]:
    """Draw from each of the global random states."""
    return random.random(), float(numpy.random.random()), float(torch.rand(()))  # noqa: NPY002, S311


def test_seeded() -> None:
    """Draws depend on the seed only, and later draws do not depend on them."""
    torch.manual_seed(0)
    expected = torch.rand(4)
    torch.manual_seed(0)
    draws = []
    for seed in (2**63 - 1, 2**63 - 1, 5):
        with seeded(seed):
            draws.append(torch.rand(4))
    assert torch.rand(4).equal(expected)
    assert draws[0].equal(draws[1])
    assert not draws[0].equal(draws[2])


def test_preserve_random_state() -> None:
    """All three random states are restored."""
    with preserve_random_state():
        expected = draw()
    assert draw() == expected
