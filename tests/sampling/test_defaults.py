"""Tests for defaults that depend on the graph."""

from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.sampling import BasicNegativeSampler, BernoulliNegativeSampler, negative_sampler_resolver
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


def test_searched() -> None:
    """A search chooses between the defaults, and not PyKEEN's ``bernoulli``, which is slow on a large graph."""
    samplers = (make(TRIPLES, num_entities=n, hard_fraction=0.5) for n in (NUM_ENTITIES, NUM_ENTITIES + 1))
    names = DHNSNegativeSampler.hpo_default["base_sampler"]["choices"]
    assert {negative_sampler_resolver.lookup(name) for name in names} == {type(s.base_sampler) for s in samplers}


@pytest.mark.parametrize(
    ("num_entities", "kwargs", "expected"),
    [
        (NUM_ENTITIES, {}, ["FastBernoulliNegativeSampler", 0.5, 0.125, [0.1, 0.5]]),
        (NUM_ENTITIES + 1, dict(hard_fraction=0.25), ["BasicNegativeSampler", 0.0, 0.25, [0.05, 0.1, 0.2, 0.5]]),
        (NUM_ENTITIES, dict(num_negs_per_pos=1), ["FastBernoulliNegativeSampler", 0.5, 0.125, [0.2]]),
        (NUM_ENTITIES, dict(hard_fraction=0.0), ["BasicNegativeSampler", None, 0.0, []]),
        (NUM_ENTITIES, dict(hard_fraction=1.0, levels=[0.1]), [None, 0.5, 1.0, [0.1]]),
    ],
)
def test_choices(
    num_entities: int, kwargs: dict[str, Any], expected: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """One line of the log says what the sampler has chosen, and so does an attribute. Too few are a warning."""
    caplog.set_level("INFO", logger="pykeen_dhns")
    sampler = make(TRIPLES, num_entities=num_entities, **dict(num_negs_per_pos=16, hard_fraction=0.125) | kwargs)
    assert list(sampler.choices.values()) == expected
    line, *warnings = caplog.messages
    assert line.startswith(f"Negatives are from base_sampler={expected[0]}")
    assert (f", guidance={expected[1]}, hard_fraction=" in line) == (expected[2] > 0)
    message = (
        "With num_negs_per_pos=1, only a share of 0.125 of the positives has a generated negative. Use 16 or more."
    )
    assert warnings == ([message] if sampler.num_negs_per_pos == 1 else [])


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
