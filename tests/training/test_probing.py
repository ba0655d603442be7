"""Tests for probes of how much memory a training needs."""

import copy
import random
from typing import Any

import numpy
import pytest
import torch

from pykeen_dhns.training.shared_negatives import SharedNegatives, SharedScores

from ..helpers.loops import FACTORY, assert_same, make_loop, state, train

#: Arguments of loops whose sampler learns, and of loops without a sampler
LOOPS: list[dict[str, Any]] = [dict(hard_fraction=0.5), dict(num_shared_negs=10, num_negs_per_pos=None)]


@pytest.mark.parametrize("kwargs", LOOPS, ids=str)
def test_probe_within_a_training(kwargs: dict[str, Any]) -> None:
    """A training with a probe is the same as one without, bit for bit."""
    first, second = (make_loop(automatic_memory_optimization=probes, **kwargs) for probes in (True, False))
    for loop in (first, second):
        torch.manual_seed(0)
        train(loop)
    assert_same(first, second)


def get_other_random_states() -> tuple[Any, ...]:
    """Return the random states of Python and of NumPy."""
    _, state, position, *_ = numpy.random.get_state()  # noqa: NPY002
    return random.getstate(), numpy.asarray(state).tolist(), position


@pytest.mark.parametrize("kwargs", LOOPS, ids=str)
def test_probe_on_its_own(kwargs: dict[str, Any]) -> None:
    """A probe leaves model, generator, sampler, optimisers, statistics and random states as they are."""
    loop = make_loop(**kwargs)
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


def test_too_large_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """If positives and their shared negatives do not fit into memory, sub-batches become smaller until they do."""
    sizes: list[int] = []
    score = SharedNegatives.score

    def fail(self: SharedNegatives, *args: Any) -> SharedScores:
        """Score, unless there are more than 100 positives."""
        result = score(self, *args)
        sizes.append(len(result.scores))
        if sizes[-1] > 100:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return result

    monkeypatch.setattr(SharedNegatives, "score", fail)
    losses = train(make_loop(num_shared_negs=10, num_negs_per_pos=None), num_epochs=3)
    assert losses[-1] < losses[0]
    assert sizes[:2] == [256, 128]
    assert set(sizes[2:]) == {64, FACTORY.num_triples % 64}
