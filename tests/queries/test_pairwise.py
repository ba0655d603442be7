"""Tests for the scores of every query with every candidate."""

from collections.abc import Sequence

import pytest
import torch
from pykeen.nn.modules import (
    ClampedInteraction,
    MonotonicAffineTransformationInteraction,
    MuREInteraction,
    PairREInteraction,
    RotatEInteraction,
    TransEInteraction,
)
from torch import Tensor

from pykeen_dhns.queries import pairwise
from pykeen_dhns.queries.base import AnyInteraction, Side
from pykeen_dhns.queries.pairwise import score_candidates
from pykeen_dhns.queries.registry import make_query

from ..helpers.interactions import NAMES, TripleRepresentations, make_interaction, make_layouts, make_representations
from ..helpers.interactions import score as score_triples

SIDES: tuple[Side, Side] = ("head", "tail")

#: The interactions whose scores come from a matrix product, or from distances
CLOSED = {
    *("complex", "cp", "distma", "distmult", "hole", "mure", "pairre", "quate", "rescal", "rotate", "simple"),
    *("transe", "transf", "um"),
}


def draw(interaction: AnyInteraction, missing: Side) -> TripleRepresentations:
    """Draw five triples, with seven candidates instead of one side."""
    triples = make_representations(interaction, 5)
    relation = triples.relation
    if isinstance(interaction, RotatEInteraction):
        relation = (relation[0] / relation[0].abs(),)
    candidates = getattr(make_representations(interaction, 7), missing)
    return triples._replace(relation=relation, **{missing: candidates})


def require_gradients(triples: TripleRepresentations) -> list[Tensor]:
    """Make all representations leaves."""
    return [x.requires_grad_() for parts in triples for x in parts]


def score_pairs(interaction: AnyInteraction, triples: TripleRepresentations, missing: Side) -> Tensor:
    """Score as the package does it."""
    query = make_query(interaction, **make_layouts(interaction))
    known = triples.tail if missing == "head" else triples.head
    return score_candidates(interaction, query, known, triples.relation, getattr(triples, missing), missing)


def score_separately(interaction: AnyInteraction, triples: TripleRepresentations, missing: Side) -> Tensor:
    """Score each query and candidate as a triple of its own."""
    repeated = {
        name: tuple(
            x.repeat(5, *[1] * (x.ndim - 1)) if name == missing else x.repeat_interleave(7, dim=0) for x in parts
        )
        for name, parts in triples._asdict().items()
    }
    return score_triples(interaction, TripleRepresentations(**repeated)).view(5, 7)


def compare(interaction: AnyInteraction, missing: Side) -> None:
    """Compare scores and gradients."""
    triples = draw(interaction, missing)
    leaves = require_gradients(triples)
    results: list[Sequence[Tensor]] = []
    for function in (score_pairs, score_separately):
        scores = function(interaction, triples, missing)
        gradients = torch.autograd.grad(scores.square().sum(), leaves, allow_unused=True)
        if isinstance(interaction, RotatEInteraction):
            # only the part that rotates, cf. RotationQuery
            relation, gradient = triples.relation[0].detach(), gradients[1]
            gradients = (gradients[0], (relation.conj() * gradient).imag, gradients[2])
        results.append([scores, *(x for x in gradients if x is not None)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("missing", SIDES)
@pytest.mark.parametrize("name", NAMES)
def test_every_interaction(name: str, missing: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores and gradients are those of separate triples, also if memory allows for two candidates at a time."""
    interaction = make_interaction(name)
    compare(interaction, missing)
    query = make_query(interaction, **make_layouts(interaction))
    triples = draw(interaction, missing)
    known = triples.tail if missing == "head" else triples.head
    closed = query.score(interaction, known, triples.relation, getattr(triples, missing), missing)
    assert (closed is not None) == (name in CLOSED)
    if closed is None:
        monkeypatch.setattr(pairwise, "MAX_ELEMENTS", 700)
        compare(interaction, missing)


@pytest.mark.parametrize("missing", SIDES)
@pytest.mark.parametrize(
    "interaction",
    [
        *(TransEInteraction(p=p, power_norm=power_norm) for p in (1, 2, 3) for power_norm in (False, True)),
        *(PairREInteraction(p=p, power_norm=power_norm) for p in (1, 2) for power_norm in (False, True)),
        MuREInteraction(p=2, power_norm=True),
        ClampedInteraction(base=TransEInteraction(p=2), clamp_score=(-2.0, -1.0)),
        ClampedInteraction(base="distmult"),
        MonotonicAffineTransformationInteraction(TransEInteraction(p=2), initial_bias=0.5, initial_scale=3.0),
    ],
)
def test_arguments(interaction: AnyInteraction, missing: Side) -> None:
    """Norms, their powers, and transformations of scores are respected."""
    interaction.reset_parameters()
    compare(interaction, missing)


@pytest.mark.parametrize("center", [0.0, 30.0])
def test_close_candidates(center: float) -> None:
    """Candidates near, or equal to, the query have finite gradients, and a distance near zero."""
    interaction = TransEInteraction(p=2)
    triples = draw(interaction, "tail")
    tail = center + 0.3 * torch.randn(7, 8)
    relation = torch.zeros(5, 8)
    head = tail[:5].clone()
    triples = TripleRepresentations(head=(head,), relation=(relation,), tail=(tail,))
    leaves = require_gradients(triples)
    scores = score_pairs(interaction, triples, "tail")
    assert (scores.diagonal() > -0.01).all()
    torch.testing.assert_close(scores, score_separately(interaction, triples, "tail"), rtol=1e-3, atol=0.01)
    for gradient in torch.autograd.grad(scores.sum(), leaves):
        assert gradient.isfinite().all()


def test_half_precision() -> None:
    """Distances of embeddings in half precision are computed in single precision."""
    head, relation, tail = (torch.randn(9, 16) for _ in range(3))
    triples = TripleRepresentations((head.bfloat16(),), (relation.bfloat16(),), (tail.bfloat16(),))
    scores = score_pairs_of(triples)
    assert scores.dtype == torch.float32
    expected = -torch.cdist((triples.head[0] + triples.relation[0]).float(), triples.tail[0].float())
    torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-3)


def score_pairs_of(triples: TripleRepresentations) -> Tensor:
    """Score tails by TransE."""
    interaction = TransEInteraction(p=2)
    query = make_query(interaction, **make_layouts(interaction))
    return score_candidates(interaction, query, triples.head, triples.relation, triples.tail, "tail")
