"""Tests for defaults that depend on the graph."""

from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.sampling import BasicNegativeSampler, BernoulliNegativeSampler
from pykeen.triples.instances import BatchedSLCWAInstances

from pykeen_dhns import DHNSNegativeSampler
from pykeen_dhns.sampling.defaults import is_dense

from .samplers import GENERATORS, make, sparse_graph

TRIPLES = sparse_graph(num_entities=200)
#: With as many entities, the graph is dense, and with one more, it is not
NUM_ENTITIES = len(TRIPLES) // 4


@pytest.mark.parametrize("generator", GENERATORS)
def test_guidance(generator: Any) -> None:
    """On dense graphs, what is generated is guided. On sparse ones, and in controls, it is not."""
    dense, sparse = (
        make(TRIPLES, num_entities=n, generator=generator).entity_generator for n in (NUM_ENTITIES, NUM_ENTITIES + 1)
    )
    assert dense.guidance == (0 if generator in ("noise", "query") else 0.5)
    assert sparse.guidance == 0
    assert make(TRIPLES, generator=generator, guidance=0.25).entity_generator.guidance == 0.25


def test_base_sampler() -> None:
    """On dense graphs, other negatives are drawn by bernoulli, on sparse ones, or if nothing is generated, by basic."""
    dense, sparse = (
        make(TRIPLES, num_entities=n, hard_fraction=0.5).base_sampler for n in (NUM_ENTITIES, NUM_ENTITIES + 1)
    )
    assert isinstance(dense, BernoulliNegativeSampler)
    assert isinstance(sparse, BasicNegativeSampler)
    for kwargs in (dict(base_sampler="basic", hard_fraction=0.5), dict(hard_fraction=0.0)):
        assert isinstance(make(TRIPLES, num_entities=NUM_ENTITIES, **kwargs).base_sampler, BasicNegativeSampler)


def test_inverse_triples() -> None:
    """Inverse triples do not make a graph denser."""
    relations = 2 * TRIPLES[:, 1]
    plain = torch.stack([TRIPLES[:, 0], relations, TRIPLES[:, 2]], dim=-1)
    inverse = torch.stack([TRIPLES[:, 2], relations + 1, TRIPLES[:, 0]], dim=-1)
    for extended, expected in (
        (torch.cat([plain, inverse]), False),
        (torch.cat([plain, inverse[1:], plain[:1]]), True),
    ):
        assert is_dense(extended, NUM_ENTITIES + 1, num_relations=6) == expected
    # PyKEEN's training loop passes them without saying so
    factory = Nations(create_inverse_triples=True).training
    instances = BatchedSLCWAInstances.from_triples_factory(factory, negative_sampler="dhns")
    sampler = instances.negative_sampler
    assert isinstance(sampler, DHNSNegativeSampler)
    assert len(instances.mapped_triples) == 2 * factory.num_triples
    assert sampler.known.contains(instances.mapped_triples).all()
    assert is_dense(instances.mapped_triples, sampler.num_entities, sampler.num_relations)
