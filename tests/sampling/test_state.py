"""Tests of when a sampler learns, and of what is kept of it."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch

from pykeen_dhns import DHNSNegativeSampler
from pykeen_dhns.sampling import entity_generator

from .samplers import GENERATORS, TRIPLES, check, make
from ..helpers.sharing import is_shared

Restore = Callable[[DHNSNegativeSampler], DHNSNegativeSampler]


def assert_same_state(first: DHNSNegativeSampler, second: DHNSNegativeSampler) -> None:
    """Check that two samplers have learned the same, bit for bit."""
    torch.testing.assert_close(first.state_dict(), second.state_dict(), rtol=0, atol=0)


def load_state(sampler: DHNSNegativeSampler) -> DHNSNegativeSampler:
    """Load the state of a sampler into another one."""
    torch.manual_seed(1)
    other = make(generator=type(sampler.entity_generator.generator))
    other.load_state_dict(sampler.state_dict())
    return other


def unpickle(sampler: DHNSNegativeSampler) -> DHNSNegativeSampler:
    """Write a sampler, and read it again."""
    result: DHNSNegativeSampler = pickle.loads(pickle.dumps(sampler))  # noqa: S301
    return result


@pytest.mark.parametrize("restore", [load_state, copy.deepcopy, unpickle])
@pytest.mark.parametrize("generator", GENERATORS)
def test_continues(generator: Any, restore: Restore) -> None:
    """A sampler that is loaded, or copied, goes on as the original, and learns in worker processes as it does."""
    original = make(generator=generator)
    for positives in TRIPLES.split(300):
        original.corrupt_batch(positives)
    restored = restore(original)
    results = []
    for sampler in (original, restored):
        torch.manual_seed(2)
        results.append(torch.stack([sampler.corrupt_batch(TRIPLES[:100]) for _ in range(3)]))
    assert results[0].equal(results[1])
    assert_same_state(original, restored)
    assert is_shared(restored.entity_generator)


def test_copies_are_independent() -> None:
    """What a copy learns does not change the original."""
    original = make()
    before = copy.deepcopy(original)
    copy.deepcopy(original).corrupt_batch(TRIPLES)
    assert_same_state(original, before)


def test_evaluation_mode_does_not_learn() -> None:
    """In evaluation mode, the state does not change."""
    sampler = make().eval()
    before = copy.deepcopy(sampler)
    check(TRIPLES, sampler.corrupt_batch(TRIPLES))
    assert_same_state(sampler, before)


@pytest.mark.parametrize(("minimum", "expected"), [(40, 75), (90, 90)])
def test_learns_less_once_settled(minimum: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It learns from each batch for five passes over the triples, and some steps, then from a quarter of them."""
    monkeypatch.setattr(entity_generator, "SETTLED_STEPS", minimum)
    torch.manual_seed(0)
    batches = TRIPLES[:1500].split(100)
    sampler = make(TRIPLES[:1500])
    proxy_model = sampler.entity_generator.proxy_model
    for positives in (batches * 6)[:expected]:
        sampler.corrupt_batch(positives)
    assert proxy_model.num_steps == expected
    for positives in batches * 20:
        sampler.corrupt_batch(positives)
    # 300 batches, with a standard deviation of 7.5
    assert 45 <= proxy_model.num_steps - expected <= 105


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_learns_without_gradients(context: Any, generator: Any) -> None:
    """A sampler learns all the same if it is made, and used, where the caller has switched gradients off."""
    torch.manual_seed(0)
    expected = make(generator=generator)
    before = copy.deepcopy(expected.entity_generator.proxy_model.entity.weight)
    torch.manual_seed(1)
    negatives = expected.corrupt_batch(TRIPLES)
    assert not expected.entity_generator.proxy_model.entity.weight.equal(before)
    torch.manual_seed(0)
    with context():
        sampler = make(generator=generator)
        torch.manual_seed(1)
        # also with tensors that can never have a gradient
        assert sampler.corrupt_batch(TRIPLES + 0).equal(negatives)
    assert_same_state(sampler, expected)
