"""Tests for probes of how much memory a training needs."""

import copy
import random
from typing import Any

import numpy
import torch

from ..helpers.loops import FACTORY, assert_same, make_loop, state, train


def test_probe_within_a_training() -> None:
    """A training with a probe is the same as one without, to the bit."""
    first, second = (make_loop(automatic_memory_optimization=probes, hard_fraction=0.5) for probes in (True, False))
    for loop in (first, second):
        torch.manual_seed(0)
        train(loop)
    assert_same(first, second)


def get_other_random_states() -> tuple[Any, ...]:
    """Return the random states of Python and of NumPy."""
    _, state, position, *_ = numpy.random.get_state()  # noqa: NPY002
    return random.getstate(), numpy.asarray(state).tolist(), position


def test_probe_on_its_own() -> None:
    """A probe leaves model, generator, sampler, optimisers, statistics and random states as they are."""
    loop = make_loop(hard_fraction=0.5)
    train(loop, num_epochs=1)
    before = copy.deepcopy(state(loop))
    torch_state, other_states = torch.random.get_rng_state(), get_other_random_states()
    optimizer, sampler = loop.optimizer, loop.sampler
    assert loop.train(FACTORY, batch_size=64, only_size_probing=True, use_tqdm=False) is None
    assert (loop.optimizer, loop.sampler) == (optimizer, sampler)
    after = state(loop)
    assert before.keys() == after.keys()
    for key, value in before.items():
        assert value.equal(after[key]), key
    assert torch_state.equal(torch.random.get_rng_state())
    assert other_states == get_other_random_states()
    assert not loop.objective.statistics.pop()
