"""Tests for the negatives that a generator proposes."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pykeen_dhns.generators import EmbeddingGenerator, QueryGenerator
from pykeen_dhns.training import LoopConfig
from pykeen_dhns.training.proposals import Proposals, propose
from pykeen_dhns.training.shared_negatives import Pool, SharedScores

from ..helpers.loops import FACTORY, make_loop, train

NUM_CANDIDATES = 14


def make_proposals(
    *, num_shared: int = 4, num_negs: int = 3, sharpness: float = 1.0, mask: Tensor | None = None, seed: int = 0
) -> Proposals:
    """Draw for two positives. Generated embeddings are near to the first candidates."""
    torch.manual_seed(seed)
    order = torch.randperm(NUM_CANDIDATES)
    embeddings = torch.eye(NUM_CANDIDATES).expand(2, -1, -1)
    generator = QueryGenerator(dim=NUM_CANDIDATES, num_groups=2, levels=[0.1, 0.5])
    generator.observe(embeddings, embeddings)
    # the same at both levels
    samples = embeddings[:, :2].expand(2, -1, -1, -1)
    if mask is None:
        mask = torch.ones(2, 2, NUM_CANDIDATES, dtype=torch.bool)
    return propose(
        generator,
        samples,
        Pool(candidates=order, num_shared=num_shared),
        embeddings[:, order],
        mask[..., order],
        num_negs=num_negs,
        sharpness=sharpness,
    )


def test_similar_entities_are_likely() -> None:
    """Entities that are similar to what was generated are drawn more often than others, as often as is said."""
    proposals = make_proposals(num_negs=4000)
    entities = proposals.pool.candidates
    for row in range(2):
        for side in range(2):
            counts = torch.bincount(proposals.index[row, side], minlength=NUM_CANDIDATES) / 4000
            torch.testing.assert_close(counts, proposals.probabilities[row, side], atol=0.03, rtol=0)
            assert entities[counts.argmax()] == row


def test_without_sharpness() -> None:
    """Without sharpness, all negatives are equally likely."""
    mask = torch.ones(2, 2, NUM_CANDIDATES, dtype=torch.bool)
    mask[0, 1, 5:] = False
    proposals = make_proposals(sharpness=0.0, mask=mask)
    negatives = mask[..., proposals.pool.candidates]
    torch.testing.assert_close(proposals.probabilities, negatives / negatives.sum(dim=-1, keepdim=True))
    assert proposals.mask.all()


def test_no_negative_among_the_candidates() -> None:
    """If all candidates are known, what is drawn is masked."""
    mask = torch.ones(2, 2, NUM_CANDIDATES, dtype=torch.bool)
    mask[0, 1] = False
    proposals = make_proposals(mask=mask)
    assert proposals.probabilities.isfinite().all()
    assert not proposals.mask[0, 1].any()
    assert proposals.mask[1].all()


def test_correction_is_unbiased() -> None:
    """Corrected, the sum of exponentials is that of all candidates on average, times the share of the pool."""
    scores = torch.randn(NUM_CANDIDATES)
    totals: list[Tensor] = []
    uncorrected: list[Tensor] = []
    for seed in range(2000):
        proposals = make_proposals(seed=seed)
        by_candidate = scores[proposals.pool.candidates].expand(2, 2, -1)
        shared = SharedScores(scores=by_candidate[..., :4], mask=torch.ones(2, 2, 4, dtype=torch.bool))
        drawn = by_candidate.gather(-1, proposals.index)
        for correction, sums in ((1.0, totals), (0.0, uncorrected)):
            sums.append(proposals.add_to(shared, drawn, correction=correction).scores.exp().sum(dim=-1))
    expected = (4 / NUM_CANDIDATES * scores.exp().sum()).expand(2, 2)
    torch.testing.assert_close(torch.stack(totals).mean(dim=0), expected, rtol=0.05, atol=0)
    assert (torch.stack(uncorrected).mean(dim=0) > 1.2 * expected).all()


@pytest.mark.parametrize(
    "kwargs",
    [
        dict(),
        dict(generator="noise", proposal_correction=0.0),
        dict(generator="query", num_negs_per_pos=4),
        dict(num_negs_per_pos=8, hard_fraction=0.5, filtered=True),
        dict(num_candidates=6, diffusion_weight=0.1),
    ],
    ids=str,
)
def test_learns(kwargs: dict[str, Any]) -> None:
    """Training lowers the loss."""
    arguments = dict(num_negs_per_pos=None, num_shared_negs=5, num_proposed_negs=3) | kwargs
    loop = make_loop(**arguments, optimizer_kwargs=dict(lr=0.02), model_kwargs=dict(loss="infonce"))
    losses = train(loop, num_epochs=5)
    assert losses[-1] < losses[0]
    assert isinstance(loop.objective.generator, EmbeddingGenerator)


@pytest.mark.parametrize(
    "kwargs",
    [
        dict(num_shared_negs=0),
        dict(num_candidates=4),
        dict(generator="none"),
        dict(multimodal=True),
        dict(shared_negs_from_batch=0.5),
        dict(generated_share=0.5),
    ],
    ids=str,
)
def test_conditions(kwargs: dict[str, Any]) -> None:
    """Proposals need a pool, which is uniform and one of the candidates, and a generator for all positives."""
    with pytest.raises(ValueError, match=f"num_proposed_negs=3 needs.*{next(iter(kwargs))}"):
        LoopConfig(**dict(num_shared_negs=5, num_proposed_negs=3) | kwargs)


def test_temperature() -> None:
    """The correction is that of the loss which divides by a temperature, also if it is the base of another one."""
    losses = []
    for kwargs in (dict(loss="infonce"), dict(loss="dhns", loss_kwargs=dict(base="infonce"))):
        loop = make_loop(num_shared_negs=5, num_proposed_negs=3, num_negs_per_pos=None, model_kwargs=kwargs)
        loop.objective.adopt_triples(FACTORY)
        positives = FACTORY.mapped_triples[:20]
        batch: Any = dict(positives=positives, negatives=positives.new_empty(20, 0, 3))
        torch.manual_seed(0)
        losses.append(loop.objective.loss(batch, 0, 20).detach())
    assert losses[0] == losses[1]
