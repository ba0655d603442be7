"""Tests for the negatives that a batch shares."""

from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.models import DistMult, RotatE, TransE, TransR
from torch import Tensor

from pykeen_dhns import DHNSTrainingLoop, HardnessAdaptiveLoss, MultimodalRepresentation
from pykeen_dhns.training import LoopConfig
from pykeen_dhns.training.model_adapter import AnyModel, ModelAdapter
from pykeen_dhns.training.scoring import TripleScorer
from pykeen_dhns.training.shared_negatives import Pool, SharedNegatives, SharedScores

from ..helpers.interactions import NAMES
from ..helpers.loops import FACTORY, make_batch, make_loop, train
from ..helpers.models import make_features, make_model, make_multimodal

KNOWN = {tuple(triple) for triple in FACTORY.mapped_triples.tolist()}


def make_shared(num_negs: int = 9, **kwargs: Any) -> SharedNegatives:
    """Create the shared negatives of Nations."""
    return SharedNegatives(
        FACTORY.mapped_triples,
        num_entities=FACTORY.num_entities,
        num_relations=FACTORY.num_relations,
        num_negs=num_negs,
        **kwargs,
    )


def corrupt(positives: Tensor, pool: Tensor) -> Tensor:
    """Create all corruptions as triples, shape: (batch_size, 2, num_negs, 3)."""
    triples = positives.view(-1, 1, 1, 3).repeat(1, 2, len(pool), 1)
    triples[:, 0, :, 0] = pool
    triples[:, 1, :, 2] = pool
    return triples


def score(model: AnyModel, shared: SharedNegatives, positives: Tensor, pool: Tensor) -> SharedScores:
    """Score a batch against a pool."""
    adapter = ModelAdapter(model)
    scored = TripleScorer(adapter).score(positives, positives.new_empty(len(positives), 0, 3), pool=pool)
    return shared.score(adapter, adapter.make_query(), scored, positives, Pool(pool, len(pool)))


@pytest.mark.parametrize("filtered", [False, True])
def test_mask(filtered: bool) -> None:
    """The positive itself is no negative, also if the pool has it twice, and if it is no training triple.

    If asked for, training triples are none either.
    """
    shared = make_shared(filtered=filtered)
    known = KNOWN if filtered else set()
    positives = FACTORY.mapped_triples[torch.randperm(FACTORY.num_triples)[:20]]
    # not a training triple
    positives = torch.cat([positives, torch.tensor([[0, 54, 13]])])
    assert (0, 54, 13) not in KNOWN
    pool = torch.tensor([13, 3, 3, 0, 7, 12, 3, 13, 1])
    mask = shared.find_negatives(positives, pool)
    expected = [
        [[tuple(triple) not in {*known, tuple(positive)} for triple in side] for side in sides]
        for positive, sides in zip(positives.tolist(), corrupt(positives, pool).tolist(), strict=True)
    ]
    assert mask.tolist() == expected
    assert 0 < mask.float().mean() < 1


@pytest.mark.parametrize("name", NAMES)
def test_every_interaction(name: str) -> None:
    """Scores and gradients are those of triples, for every interaction and both sides."""
    model = make_model(name).eval()
    positives, pool = FACTORY.mapped_triples[::150], torch.tensor([13, 3, 3, 0, 7])
    check(model, positives, pool)


@pytest.mark.parametrize("missing", [(), (0, 3, 12)])
def test_modalities(missing: tuple[int, ...]) -> None:
    """So are those of multimodal entities, also if some lack a modality."""
    model = make_multimodal(TransE, textual=make_features(missing)).double()
    check(model, FACTORY.mapped_triples[::150], torch.tensor([13, 3, 3, 0, 7]))


def check(model: AnyModel, positives: Tensor, pool: Tensor) -> None:
    """Compare scores and gradients with those of triples."""
    results = []
    for is_shared in (True, False):
        model.zero_grad()
        if is_shared:
            scores = score(model, make_shared(), positives, pool).scores
        else:
            scores = model.score_hrt(corrupt(positives, pool).view(-1, 3)).view(len(positives), 2, len(pool))
        scores.square().sum().backward()
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        if model.interaction.__class__.__name__ == "RotatEInteraction":
            # only the part that rotates, cf. RotationQuery
            key = next(key for key in gradients if key.startswith("relation"))
            relation, gradient = (
                torch.view_as_complex(x.detach().unflatten(-1, (-1, 2)))
                for x in (dict(model.named_parameters())[key], gradients[key])
            )
            gradients[key] = (relation.conj() * gradient).imag
        results.append({"scores": scores.detach(), **gradients})
    # UM's distance of an entity to itself is not exactly zero
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-4)


def test_one_call_for_all_entities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entities of positives and pool are fused once."""
    model = make_multimodal(TransE, textual=make_features())
    calls: list[Tensor] = []
    forward = MultimodalRepresentation._plain_forward

    def record(self: MultimodalRepresentation, indices: Tensor) -> Tensor:
        calls.append(indices)
        return forward(self, indices)

    monkeypatch.setattr(MultimodalRepresentation, "_plain_forward", record)
    positives, pool = FACTORY.mapped_triples[:3], torch.tensor([13, 0, 13])
    score(model, make_shared(), positives, pool)
    assert [sorted(x.tolist()) for x in calls] == [sorted({*positives[:, ::2].flatten().tolist(), 0, 13})]


@pytest.mark.parametrize("from_batch", [0.0, 0.5, 1.0])
def test_pool(from_batch: float) -> None:
    """A share of the pool comes from the batch. The rest is uniform."""
    torch.manual_seed(0)
    shared = SharedNegatives(
        torch.tensor([[0, 0, 1]]), num_entities=10_000, num_relations=1, num_negs=1000, from_batch=from_batch
    )
    positives = torch.tensor([[2, 0, 3], [2, 0, 4]])
    pool = shared.draw(positives).shared
    assert pool.shape == (1000,)
    own = torch.isin(pool, positives[:, ::2].flatten())
    assert abs(own.float().mean() - from_batch) < 0.01
    if from_batch:
        # half of the entities of the batch are the same one
        assert abs((pool[own] == 2).float().mean() - 0.5) < 0.1
    assert pool[~own].float().mean().sub(5000).abs() < 500 or from_batch == 1


def test_all_entities() -> None:
    """If the pool is as large as the graph, it is the graph."""
    assert sorted(make_shared(num_negs=99).draw(FACTORY.mapped_triples[:5]).shared.tolist()) == list(range(14))


@pytest.mark.parametrize("loss", ["infonce", "nssa", "marginranking", "bcewithlogits", "dhns"])
def test_loss(loss: str) -> None:
    """The loss is PyKEEN's of the same negatives, where each positive has a row for each side."""
    loop = make_loop(TransE, num_shared_negs=9, num_negs_per_pos=None, model_kwargs=dict(loss=loss))
    loop.objective.adopt_triples(FACTORY)
    shared = loop.objective.shared
    assert shared is not None
    positives = FACTORY.mapped_triples[::100]
    batch: Any = dict(positives=positives, negatives=positives.new_empty(len(positives), 0, 3))
    torch.manual_seed(0)
    ours = loop.objective.loss(batch, 0, len(positives))
    torch.manual_seed(0)
    pool = shared.draw(positives).shared
    criterion = loop.model.loss
    if isinstance(criterion, HardnessAdaptiveLoss):
        criterion = criterion.base
    triples, mask = (x.flatten(end_dim=1) for x in (corrupt(positives, pool), shared.find_negatives(positives, pool)))
    theirs = criterion.process_slcwa_scores(
        loop.model.score_hrt(positives.repeat_interleave(2, dim=0)),
        loop.model.score_hrt(triples[mask]).squeeze(dim=-1),
        batch_filter=mask,
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert loop.objective.generator is None


@pytest.mark.parametrize(
    "kwargs",
    [
        dict(num_negs_per_pos=None),
        dict(num_negs_per_pos=3),
        dict(num_negs_per_pos=None, generator="diffheg"),
        dict(num_negs_per_pos=None, generator="diffheg", adaptive_training=False),
        dict(num_negs_per_pos=8, hard_fraction=0.5, filtered=True),
        dict(num_negs_per_pos=None, shared_negs_from_batch=0.5, filtered=True),
    ],
    ids=str,
)
def test_learns(kwargs: dict[str, Any]) -> None:
    """Training lowers the loss, with shared negatives alone, and together with all others."""
    losses = train(make_loop(num_shared_negs=10, optimizer_kwargs=dict(lr=0.02), **kwargs), num_epochs=6)
    assert losses[-1] < losses[0]


def test_inverse_triples_and_workers() -> None:
    """Inverse triples are known, too. Workers make the batches."""
    factory = Nations(create_inverse_triples=True).training
    model = TransE(triples_factory=factory, embedding_dim=6, loss="nssa", random_seed=0)
    loop = DHNSTrainingLoop(model=model, triples_factory=factory, num_shared_negs=10, filtered=True)
    losses = loop.train(factory, num_epochs=3, batch_size=256, num_workers=2, use_tqdm=False)
    assert losses is not None
    assert losses[-1] < losses[0]
    shared = loop.objective.shared
    assert shared is not None
    assert shared.known is not None
    assert shared.known.num_relations == 2 * FACTORY.num_relations


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [None, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("model", [RotatE, DistMult, TransR])
def test_cuda(model: Any, dtype: torch.dtype | None) -> None:
    """A GPU computes the same loss and gradients, also in mixed precision, and trains. Triples stay on the CPU."""
    results = []
    for device in ("cpu", "cuda"):
        # the pool is the graph
        loop = make_loop(model, num_shared_negs=99, filtered=True, num_negs_per_pos=None)
        loop.model.to(device)
        loop.objective.adopt_triples(FACTORY)
        with torch.autocast(device, dtype=dtype, enabled=dtype is not None and device == "cuda"):
            loss = loop.objective.loss(make_batch(num_negs_per_pos=0), 0, 32)
        loss.backward()
        gradients = {name: p.grad.cpu() for name, p in loop.model.named_parameters() if p.grad is not None}
        results.append({"loss": loss.detach().cpu(), **gradients})
    rtol, atol = (5e-2, 1e-2) if dtype else (1e-4, 1e-5)
    torch.testing.assert_close(*results, rtol=rtol, atol=atol)
    loop = make_loop(model, num_shared_negs=9, shared_negs_from_batch=0.5, filtered=True, num_negs_per_pos=None)
    loop.model.to("cuda")
    losses = train(loop, num_epochs=30)
    assert losses[-1] < losses[0]
    assert loop.objective.shared is not None
    assert loop.objective.shared.known is not None
    assert all(buffer.is_cuda for buffer in loop.objective.shared.known.buffers())


@pytest.mark.parametrize(
    "kwargs", [dict(multimodal=True), dict(diffusion_weight=0.1), dict(generator_kwargs=dict(dim=3))], ids=str
)
def test_arguments_without_effect(kwargs: dict[str, Any]) -> None:
    """Without a generator, its arguments are refused. With one, they are fine."""
    with pytest.raises(ValueError, match=f"{next(iter(kwargs))}.*generator='diffheg'"):
        LoopConfig(num_shared_negs=5, **kwargs)
    LoopConfig(num_shared_negs=5, generator="diffheg", **kwargs)


def test_share_of_nothing() -> None:
    """A share needs a pool."""
    with pytest.raises(ValueError, match=r"shared_negs_from_batch=0\.5 is a share of num_shared_negs, which is 0"):
        LoopConfig(shared_negs_from_batch=0.5)


@pytest.mark.parametrize(("loss", "warns"), [(None, True), ("crossentropy", False)])
def test_no_loss_named(loss: str | None, warns: bool, caplog: pytest.LogCaptureFixture) -> None:
    """PyKEEN's default loss is not meant for shared negatives, and the loop says so."""
    loop = make_loop(RotatE, num_shared_negs=9, num_negs_per_pos=None, model_kwargs=dict(loss=loss))
    train(loop, num_epochs=1)
    assert ("The loss is MarginRankingLoss" in caplog.text) == warns


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        (dict(num_shared_negs=9), "Negatives are 9 entities that a batch shares."),
        (dict(num_shared_negs=1024), "Negatives are all 14 entities, which a batch shares."),
        (
            dict(num_shared_negs=9, negative_sampler="basic"),
            "Negatives are 9 entities that a batch shares, and those of a",
        ),
        (dict(levels=[0.1, 0.5]), "those of a sampler, and embeddings that DiffHEG generates, levels [0.1, 0.5]."),
    ],
    ids=str,
)
def test_log(kwargs: dict[str, Any], expected: str, caplog: pytest.LogCaptureFixture) -> None:
    """The loop says what the negatives are: the pool is no larger than the graph, and a sampler adds its own."""
    loop = make_loop(RotatE, num_negs_per_pos=None, model_kwargs=dict(loss="nssa"), **kwargs)
    with caplog.at_level("INFO"):
        train(loop, num_epochs=1)
    assert expected in caplog.text


def test_loss_without_levels(caplog: pytest.LogCaptureFixture) -> None:
    """The loss with a margin per level says that nothing is generated for it."""
    make_loop(TransE, num_shared_negs=9, num_negs_per_pos=None, model_kwargs=dict(loss="dhns"))
    assert "nothing is generated unless a generator is named" in caplog.text
