"""Tests that the fast Bernoulli sampler is PyKEEN's."""

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.sampling import BernoulliNegativeSampler, negative_sampler_resolver
from pykeen.triples.instances import BatchedSLCWAInstances
from torch import Tensor

from pykeen_dhns import FastBernoulliNegativeSampler

from .samplers import TRIPLES, sparse_graph


@pytest.mark.parametrize(
    ("triples", "num_relations"),
    [
        (TRIPLES, 55),
        (TRIPLES.int(), 55),
        (sparse_graph(), 3),
        # repeated triples, and relations without triples
        (sparse_graph(num_entities=9, num_triples=300), 5),
        (torch.as_tensor([[3, 1, 3]]), 2),
    ],
)
def test_same_as_pykeen(triples: Tensor, num_relations: int) -> None:
    """Probabilities are the same bit for bit, and with the same seed, so are the negatives."""
    fast, expected = (
        cls(mapped_triples=triples, num_relations=num_relations, num_negs_per_pos=8)
        for cls in (FastBernoulliNegativeSampler, BernoulliNegativeSampler)
    )
    torch.testing.assert_close(
        fast.corrupt_head_probability, expected.corrupt_head_probability, rtol=0, atol=0, equal_nan=True
    )
    negatives = []
    for sampler in (fast, expected):
        torch.manual_seed(0)
        negatives.append(sampler.corrupt_batch(triples.long()))
    assert negatives[0].equal(negatives[1])


def test_name() -> None:
    """PyKEEN's own loop finds it by name, and filters its negatives."""
    assert negative_sampler_resolver.lookup("fastbernoulli") is FastBernoulliNegativeSampler
    instances = BatchedSLCWAInstances.from_triples_factory(
        Nations().training,
        negative_sampler="fastbernoulli",
        negative_sampler_kwargs=dict(num_negs_per_pos=4, filtered=True),
    )
    assert "masks" in next(iter(instances))
