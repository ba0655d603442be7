"""Tests for what is between the proxy model and the entities: generator, guidance, candidates."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pykeen_dhns.sampling.entity_generator import EntityGenerator

from .samplers import GENERATORS, make, sparse_graph
from ..helpers.generators import NoisyLinearGenerator


def embed(module: EntityGenerator, triples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, targets, and generated embeddings of triples."""
    with torch.no_grad():
        queries, targets = (
            x(triples).transpose(0, 1) for x in (module.proxy_model.queries, module.proxy_model.targets)
        )
        return queries, targets, module.generate_embeddings(queries)


@pytest.mark.parametrize("generator", GENERATORS)
def test_generators(generator: Any) -> None:
    """What is generated is of the proxy model's scale, and depends on the generator; only some learn."""
    triples = sparse_graph()
    module = make(triples, generator=generator).entity_generator
    before = [parameter.clone() for parameter in module.generator.parameters()]
    for _ in range(3):
        module.learn(triples, torch.arange(500))
    after = list(module.generator.parameters())
    assert bool(before) == (module.generator.optimizer is not None)
    assert not any(map(torch.equal, before, after))
    queries, targets, samples = embed(module, triples)
    assert samples.shape == (4, *queries.shape)
    if generator == "query":
        assert samples.eq(queries).all()
    else:
        assert (samples[0] - samples[-1]).abs().mean() > 0.1 * targets.std()
    if generator == "noise":
        # the scale of entities, whatever the query
        assert samples.std() == pytest.approx(targets.std().item(), rel=0.2)
        correlation = torch.corrcoef(torch.stack([samples[0].flatten(), queries.flatten()]))[0, 1]
        assert correlation.abs() < 0.05


def test_generator_kwargs() -> None:
    """Additional arguments reach the generator, and the columns have its levels."""
    sampler = make(generator=NoisyLinearGenerator, generator_kwargs=dict(noise=0.25, levels=[0.5, 0.1]))
    generator = sampler.entity_generator.generator
    assert isinstance(generator, NoisyLinearGenerator)
    assert generator.noise == 0.25
    assert sampler.layout.levels is generator.levels
    assert sampler.layout.levels.fractions == (0.1, 0.5)
    assert sampler.layout.generated == (0, 0, 0, 0, 1, 1, 1, 1)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("guidance", [0.0, 0.25, 1.0])
def test_guidance(guidance: float, generator: Any) -> None:
    """What is generated is turned towards the proxy model's query: not at all, half-way, or all the way."""
    triples = sparse_graph()
    module = make(triples, guidance=guidance, generator=generator).entity_generator
    for _ in range(3):
        module.learn(triples, torch.arange(500))
    queries, _, samples = embed(module, triples)
    guided = module.guide(samples, queries)
    scale = module.generator.target_scale
    sample, query, result = (
        torch.nn.functional.normalize(scale.normalize(x.unsqueeze(dim=0)), dim=-1).squeeze(dim=0)
        for x in (samples, queries.expand_as(samples), guided)
    )
    before, after = ((x * query).sum(dim=-1) for x in (sample, result))
    if guidance == 0:
        assert guided.equal(samples)
    elif guidance == 1 or generator == "query":
        torch.testing.assert_close(result, query, rtol=1e-4, atol=1e-4)
    else:
        # in between, but nearer to the sample
        assert (before < after).all()
        assert (after < (sample * result).sum(dim=-1)).all()


def test_candidates() -> None:
    """The pool has all entities, if there are few, else half of it is drawn from those of the batch."""
    triples = sparse_graph(num_entities=500)
    few = make(triples, num_entities=500, num_candidates=500).entity_generator
    assert few.draw_candidates(triples[:3]).equal(torch.arange(500))
    many = make(triples, num_entities=500, num_candidates=400).entity_generator
    candidates = many.draw_candidates(triples[:3])
    assert candidates.shape == (400,)
    assert torch.isin(candidates, triples[:3, ::2].flatten()).float().mean().item() == pytest.approx(0.5, abs=0.02)


def test_uniform_control() -> None:
    """The uniform selection draws each entity that the proxy model believes less than the positive equally often."""
    triples = sparse_graph(num_entities=50)
    sampler = make(triples, selection="uniform", selection_kwargs=dict(margin=0.0))
    module, candidates = sampler.entity_generator, torch.arange(50)
    for _ in range(10):
        module.learn(triples, candidates)
    positive = triples[:1]
    entities, columns = module.generate(positive.repeat(5_000, 1), candidates, sampler.layout)
    with torch.no_grad():
        scores = (module.proxy_model.queries(positive) @ module.proxy_model.entity(candidates).t()).squeeze(dim=1)
    for side, score in zip((0, 2), scores, strict=True):
        admissible = score < score[positive[0, side]]
        frequency = entities[columns == side].bincount(minlength=50) / (columns == side).sum()
        assert 10 < admissible.sum() < 50
        torch.testing.assert_close(frequency, admissible / admissible.sum(), rtol=0, atol=0.01)
