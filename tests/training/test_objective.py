"""Tests for the loss of a batch, and for what is generated, on a graph whose structure is known."""

import functools
from typing import Any

import pytest
import torch
from pykeen.models import ComplEx, TransE
from pykeen.trackers import PythonResultTracker
from pykeen.triples import CoreTriplesFactory
from pykeen.triples.instances import SLCWABatch
from torch import Tensor

from pykeen_dhns import DHNSTrainingLoop, DiffHEG, MultimodalRepresentation
from pykeen_dhns.diffusion import Levels
from pykeen_dhns.losses.hardness_adaptive import HardnessAdaptiveLoss

from .test_loop import FACTORY
from .test_model_adapter import make_features, make_multimodal

#: Clusters on a grid of SIZE x SIZE, a unit apart, with PER_CLUSTER entities each
SIZE, PER_CLUSTER, SPREAD = 5, 12, 0.1
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
    """Train a generator on a model that already knows the planted embeddings, and does not change."""
    factory, entities, centres = planted()
    torch.manual_seed(0)
    model = TransE(
        triples_factory=factory,
        embedding_dim=2,
        scoring_fct_norm=2,
        loss="dhns",
        # not PretrainedInitializer, whose tensor becomes the parameter, and is overwritten when that is reset
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
    # half way to the neighbouring cluster
    assert distances["diffheg"][0] < 0.5
    # the easier a level, the farther away; noise is equally far away at all levels
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


def make_multimodal_loop(missing: tuple[int, ...] = (), **kwargs: Any) -> DHNSTrainingLoop:
    """Create a loop with a multimodal model."""
    torch.manual_seed(0)
    model = make_multimodal(textual=make_features(missing), visual=make_features())
    model.loss = HardnessAdaptiveLoss(margin=3.0, positive_weight=1.0, hardness_weight=0.5)
    return DHNSTrainingLoop(
        model=model, triples_factory=FACTORY, optimizer="adam", num_negs_per_pos=4, multimodal=True, **kwargs
    )


@pytest.mark.parametrize("generator", ["diffheg", "noise", "none"])
@pytest.mark.parametrize("loss", ["nssa", "marginranking", "dhns"])
def test_everything_follows_the_model(loss: str, generator: str) -> None:
    """What is computed with is on the model's device, the margins of a loss which is not the model's own, too."""
    model = TransE(triples_factory=FACTORY, embedding_dim=6, loss=loss)
    objective = DHNSTrainingLoop(model=model, triples_factory=FACTORY, generator=generator).objective
    # stands in for a GPU
    model.to(device="meta")
    objective.to_model()
    modules = [objective.criterion] if objective.generator is None else [objective.criterion, objective.generator]
    tensors = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    assert tensors
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert objective.criterion.level_margins(Levels((0.5,)))[0].is_meta


def test_loss_by_hand() -> None:
    """The loss is that of sampled negatives, plus that of generated ones, of Eq. 12 to 15."""
    loop = make_multimodal_loop()
    objective, model = loop.objective, loop.objective.adapter.model
    positives = FACTORY.mapped_triples[:8]
    negatives = positives.unsqueeze(dim=1).repeat(1, 3, 1)
    negatives[..., 0] = (negatives[..., 0] + 1) % 14
    torch.manual_seed(1)
    loss = loop._process_batch({"positives": positives, "negatives": negatives}, 0, 8)

    torch.manual_seed(1)
    assert isinstance(objective.generator, DiffHEG)
    embeddings = objective.adapter.read(positives, objective.query)
    objective.generator.loss(embeddings.targets, embeddings.conditions)
    samples = torch.view_as_complex(objective.generator.generate(embeddings.conditions).unflatten(-1, (6, 2)))
    h, r, t = model._get_representations(h=positives[:, 0], r=positives[:, 1], t=positives[:, 2], mode=None)
    positive = -(h * r - t).abs().square().sum(dim=-1).sqrt()
    hardness = torch.zeros(())
    for level, fraction in zip(samples, (0.05, 0.1, 0.2, 0.5), strict=True):
        margin = 3.0 * fraction**0.1
        joint = torch.stack(
            [
                sum(-(x * r - t).abs().square().sum(dim=-1).sqrt() for x in level[:3]) / 3,
                sum(-(h * r - x).abs().square().sum(dim=-1).sqrt() for x in level[3:]) / 3,
            ]
        )
        term = -(margin + positive).sigmoid().log() - (-joint - margin).sigmoid().log().mean(dim=0)
        hardness = hardness + term.mean() / 4
    negative = model.score_hrt(negatives.flatten(end_dim=1)).view(8, 3)
    kgc = objective.criterion.base.process_slcwa_scores(positive.unsqueeze(dim=-1), negative)
    torch.testing.assert_close(loss, kgc + 0.5 * hardness, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("model", [TransE, ComplEx])
def test_shares_of_a_batch(model: Any, reduction: str) -> None:
    """The mean over processes, with shares of different sizes, is that of the batch, regularisation included."""
    loop = DHNSTrainingLoop(
        model=model(triples_factory=FACTORY, embedding_dim=6, loss="nssa", loss_kwargs=dict(reduction=reduction)),
        triples_factory=FACTORY,
        generator="none",
    )
    objective, positives = loop.objective, FACTORY.mapped_triples[:8]
    assert (model is ComplEx) == any(r.regularizer is not None for r in loop.objective.adapter.entities)
    negatives = positives.unsqueeze(dim=1).repeat(1, 3, 1)
    negatives[..., 2] = (negatives[..., 2] + torch.arange(1, 4)) % 14

    def compute(rows: slice, **kwargs: Any) -> Tensor:
        share: SLCWABatch = {"positives": positives[rows], "negatives": negatives[rows]}
        return objective.loss(share, 0, len(positives[rows]), **kwargs).squeeze()

    whole, shares = compute(slice(0, 8)), (slice(0, 5), slice(5, 8))
    mean = torch.stack([compute(share, num_processes=2, total_size=8) for share in shares]).mean()
    torch.testing.assert_close(mean, whole)
    # it would not be without the sizes
    assert not torch.isclose(torch.stack([compute(share) for share in shares]).mean(), whole)


def test_missing_modalities_do_not_count() -> None:
    """What is generated from features that do not exist changes nothing: not the loss, nor any gradient."""
    gradients = []
    for value in (0.0, 1e3):
        loop = make_multimodal_loop(missing=(1, 4))
        representation = loop.objective.adapter.entities[0]
        assert isinstance(representation, MultimodalRepresentation)
        (features,) = (b for name, b in representation.named_buffers() if "textual" in name and b.shape == (14, 5))
        features[[1, 4]] = value
        loop.objective.to_model()
        positives = FACTORY.mapped_triples[FACTORY.mapped_triples[:, 0] == 1][:8]
        negatives = positives.unsqueeze(dim=1).repeat(1, 3, 1)
        negatives[..., 2] = (negatives[..., 2] + 1) % 14
        torch.manual_seed(0)
        loss = loop._process_batch({"positives": positives, "negatives": negatives}, 0, 8)
        loss.backward()
        assert loop.objective.generator is not None
        parameters = [*loop.model.parameters(), *loop.objective.generator.parameters()]
        gradients.append([loss.detach(), *(p.grad for p in parameters if p.grad is not None)])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


def test_multimodal_loop_learns() -> None:
    """The loss of generator and model both decrease, with modalities, some of which are missing."""
    tracker = PythonResultTracker()
    loop = make_multimodal_loop(missing=(2, 3, 5), result_tracker=tracker)
    losses = loop.train(FACTORY, num_epochs=20, batch_size=128, use_tqdm=False)
    assert losses is not None
    assert tracker.metrics[20]["dhns.loss_diffusion"] < tracker.metrics[1]["dhns.loss_diffusion"]
    assert losses[-1] < 0.9 * losses[0]
    assert torch.isfinite(torch.as_tensor(losses)).all()
