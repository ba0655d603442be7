"""Tests for what several processes learn together, without any other process."""

import copy
from typing import Any

import pytest
import torch
from pykeen.sampling import NegativeSampler, negative_sampler_resolver
from torch import Tensor

from pykeen_dhns import DHNSNegativeSampler, DiffHEG
from pykeen_dhns.lightning.synchronization import average_sampler, share_batches

from .small import NATIONS, make_module
from ..helpers.sharing import is_shared


class TwoProcesses:
    """Connects to another process, by what it would have sent."""

    root_device = torch.device("cpu")

    def __init__(self, other: Tensor | None = None) -> None:
        """Initialize the connection."""
        self.other = other
        self.sent: list[Tensor] = []

    def reduce(self, tensor: Tensor, reduce_op: str) -> Tensor:
        """Combine what both processes send. If the other one is not there yet, return what was sent."""
        self.sent.append(tensor)
        total = tensor if self.other is None else tensor + self.other
        return total / 2 if reduce_op == "mean" and self.other is not None else total


def make_sampler(name: str, **kwargs: Any) -> NegativeSampler:
    """Make a sampler."""
    return negative_sampler_resolver.make(name, mapped_triples=NATIONS.training.mapped_triples, **kwargs)


def test_average_sampler() -> None:
    """Parameters, scales, and the states of optimisers become the mean of both, and nothing else changes."""
    first = make_sampler("dhns", num_negs_per_pos=4, hard_fraction=0.5)
    second = copy.deepcopy(first)
    for sampler, triples in zip((first, second), NATIONS.training.mapped_triples.split(800), strict=False):
        sampler.corrupt_batch(triples)
    before = copy.deepcopy(first)
    connection: Any = TwoProcesses()
    average_sampler(second, connection)
    average_sampler(first, TwoProcesses(*connection.sent))  # type: ignore[arg-type]
    assert isinstance(first, DHNSNegativeSampler)
    assert isinstance(second, DHNSNegativeSampler)
    assert isinstance(before, DHNSNegativeSampler)
    modules = [x.entity_generator for x in (before, second, first)]
    tensors = [
        [*x.parameters(), *x.buffers(), *x.generator.optimizer_tensors(), *x.proxy_model.optimizer_tensors()]
        for x in modules
    ]
    for a, b, mean in zip(*tensors, strict=True):
        torch.testing.assert_close(mean, (a + b) / 2)
    assert is_shared(first.entity_generator)


@pytest.mark.parametrize(("name", "kwargs"), [("basic", {}), ("dhns", dict(hard_fraction=0.0))])
def test_nothing_to_average(name: str, kwargs: dict[str, Any]) -> None:
    """Samplers that learn nothing send nothing."""
    connection: Any = TwoProcesses()
    average_sampler(make_sampler(name, **kwargs), connection)
    assert not connection.sent


def test_share_batches() -> None:
    """All scales of a generator add up over processes, until they are told to stop."""
    connection: Any = TwoProcesses()
    share_batches(make_module(generator="none").objective, connection)
    objective = make_module().objective
    generator = objective.generator
    assert isinstance(generator, DiffHEG)
    share_batches(objective, connection)
    embeddings = torch.randn(2, generator.num_groups, 5, generator.dim)
    generator.observe(*embeddings)
    assert len(connection.sent) == 2
    share_batches(objective, None)
    generator.observe(*embeddings)
    assert len(connection.sent) == 2
    assert objective.sum_over_processes is None
