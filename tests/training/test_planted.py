"""Tests of what the training loop generates, on a graph of known structure."""

import functools

import pytest
import torch
from pykeen.models import TransE
from pykeen.triples import CoreTriplesFactory
from torch import Tensor

from pykeen_dhns import DHNSTrainingLoop, DiffHEG

#: Clusters on a grid of SIZE x SIZE, a unit apart, with PER_CLUSTER entities each
SIZE, PER_CLUSTER, SPREAD = 5, 12, 0.1
#: Where each relation leads
SHIFTS = torch.as_tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 1.0]])


def planted() -> tuple[CoreTriplesFactory, Tensor, Tensor]:
    """Create a graph of entities in clusters, whose relations lead to a neighbouring cluster.

    :returns: its triples, shape: (num_entities, 2) the embeddings, shape: (num_clusters, 2) the clusters' centres
    """
    generator = torch.Generator().manual_seed(0)
    centres = torch.cartesian_prod(torch.arange(SIZE), torch.arange(SIZE)).float()
    cluster = torch.arange(SIZE**2).repeat_interleave(PER_CLUSTER)
    entities = centres[cluster] + SPREAD * torch.randn(len(cluster), 2, generator=generator)
    triples = []
    for relation, shift in enumerate(SHIFTS):
        for head, start in enumerate(cluster.tolist()):
            (target,) = (centres == centres[start] + shift).all(dim=-1).nonzero(as_tuple=True)
            if len(target):
                tail = int(target) * PER_CLUSTER + int(torch.randint(PER_CLUSTER, size=(), generator=generator))
                triples.append([head, relation, tail])
    factory = CoreTriplesFactory(torch.as_tensor(triples), num_entities=len(cluster), num_relations=len(SHIFTS))
    return factory, entities, centres


@functools.cache
def train_planted(generator: str) -> tuple[DHNSTrainingLoop, CoreTriplesFactory, Tensor]:
    """Train a generator on a model that has the planted embeddings from the start, and keeps them."""
    factory, entities, centres = planted()
    torch.manual_seed(0)
    model = TransE(
        triples_factory=factory,
        embedding_dim=2,
        scoring_fct_norm=2,
        loss="dhns",
        # not PretrainedInitializer: its tensor becomes the parameter, and a reset overwrites it
        entity_initializer=lambda _: entities.clone(),
        entity_constrainer=None,
        relation_initializer=lambda _: SHIFTS.clone(),
        random_seed=0,
    )
    loop = DHNSTrainingLoop(
        model=model, triples_factory=factory, optimizer="sgd", optimizer_kwargs=dict(lr=0.0), generator=generator
    )
    loop.train(factory, num_epochs=60, batch_size=64, use_tqdm=False)
    assert model.entity_representations[0](None).equal(entities)
    return loop, factory, centres


def generate(loop: DHNSTrainingLoop, positives: Tensor, seed: int = 0) -> Tensor:
    """Generate tails, shape: (num_levels, batch_size, 2)."""
    objective = loop.objective
    torch.manual_seed(seed)
    assert objective.generator is not None
    return objective.generator.generate(objective.adapter.read(positives, objective.query).conditions)[:, 1]


@pytest.mark.slow
def test_generated_tails_are_near_to_the_true_ones() -> None:
    """The hardest tails land in the true tail's cluster, at a quarter of the distance of noise at most."""
    distances = {}
    for kind in ("diffheg", "noise"):
        loop, factory, centres = train_planted(kind)
        positives = factory.mapped_triples
        true = centres[positives[:, 2] // PER_CLUSTER]
        distances[kind] = (generate(loop, positives) - true).norm(dim=-1).mean(dim=-1)
    assert distances["diffheg"][0] < distances["noise"][0] / 4
    # the neighbouring cluster begins half a unit away
    assert distances["diffheg"][0] < 0.5
    # easier levels are farther away, while noise is equally far away at all levels
    assert (distances["diffheg"].diff() > 0).all()
    torch.testing.assert_close(distances["noise"], distances["noise"][:1].expand(4), rtol=0.1, atol=0)


@pytest.mark.slow
def test_short_grid_is_as_good_as_the_chain() -> None:
    """Short grid and full chain agree about mean, covariance, and nearest entities of what they generate."""
    loop, factory, _ = train_planted("diffheg")
    diffheg, entities = loop.objective.generator, loop.objective.adapter.entities[0](None).detach()
    assert isinstance(diffheg, DiffHEG)
    queries = factory.mapped_triples[::40]
    repeated = queries.repeat_interleave(300, dim=0)
    samples: dict[str, Tensor] = {}
    try:
        for name, reverse, seed in (("grid", "short", 0), ("chain", "ddpm", 1), ("again", "ddpm", 2)):
            diffheg.reverse = reverse  # type: ignore[assignment]
            samples[name] = generate(loop, repeated, seed=seed).unflatten(1, (len(queries), 300))
    finally:
        diffheg.reverse = "short"

    def overlap(level: int, a: str, b: str) -> Tensor:
        """Compare how often each entity is the nearest one, query by query."""
        counts = [
            torch.stack(
                [torch.bincount(index, minlength=len(entities)) / 300 for index in torch.cdist(x, entities).argmin(-1)]
            )
            for x in (samples[a][level], samples[b][level])
        ]
        return torch.minimum(*counts).sum(dim=-1).mean()

    for level in range(4):
        grid, chain = samples["grid"][level], samples["chain"][level]
        scale = chain.flatten(end_dim=1).std(dim=0).mean()
        error = (grid.mean(dim=1) - chain.mean(dim=1)).norm(dim=-1).mean()
        assert error < 0.15 * scale, level
        ours, theirs = (torch.stack([x.t().cov() for x in y]).mean(dim=0) for y in (grid, chain))
        assert (ours - theirs).norm() < 0.3 * theirs.norm(), level
        assert overlap(level, "grid", "chain") > 0.9 * overlap(level, "again", "chain"), level
