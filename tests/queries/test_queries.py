"""Tests for the queries of interactions."""

import pytest
import torch
from pykeen.nn.modules import ClampedInteraction, interaction_resolver
from torch import nn

from pykeen_dhns.queries.base import AnyInteraction, Query
from pykeen_dhns.queries.elementwise import HadamardQuery
from pykeen_dhns.queries.learned import LearnedQuery
from pykeen_dhns.queries.registry import QUERIES, make_query

from ..helpers.interactions import (
    NAMES,
    TripleRepresentations,
    make_interaction,
    make_layouts,
    make_representations,
    score,
)

#: The interactions which are the inner product of the missing entity with its query, up to a constant
BILINEAR = ("complex", "cp", "distma", "distmult", "hole", "quate", "rescal", "simple", "transf")
#: The interactions which are a negative distance, zero at the query
DISTANCES = ("pairre", "rotate", "transd", "transe", "transh", "transr", "um")


def make(interaction: AnyInteraction) -> Query:
    """Make the query of an interaction."""
    return make_query(interaction, **make_layouts(interaction))


def complete(query: Query, triples: TripleRepresentations) -> dict[str, TripleRepresentations]:
    """Replace the tail by the query, and the head, by the name of what is replaced."""
    return dict(
        tail=triples._replace(tail=tuple(query.tail(triples.head, triples.relation))),
        head=triples._replace(head=tuple(query.head(triples.tail, triples.relation))),
    )


@pytest.mark.parametrize("name", NAMES)
def test_shapes(name: str) -> None:
    """Every interaction has a query, with the shapes and types of the missing entity. Relations are broadcast."""
    interaction = make_interaction(name)
    query = make(interaction)
    assert (type(query) is LearnedQuery) == (name not in (*BILINEAR, *DISTANCES, "mure"))
    triples = make_representations(interaction, 3, 5)
    triples = triples._replace(relation=tuple(x[:1] for x in triples.relation))
    for side, completed in complete(query, triples).items():
        expected = getattr(triples, side)
        for x, y in zip(getattr(completed, side), expected, strict=True):
            assert x.shape == y.shape
            assert x.dtype == y.dtype
            assert x.isfinite().all()


@pytest.mark.parametrize("name", BILINEAR)
def test_bilinear(name: str) -> None:
    """The query is the gradient of the score, up to a constant, for each missing entity."""
    interaction = make_interaction(name)
    triples = make_representations(interaction, 5)
    factor = 0.5 if name == "simple" else 1.0  # which averages over two directions
    for side, completed in complete(make(interaction), triples).items():
        missing = tuple(x.requires_grad_() for x in getattr(make_representations(interaction, 5), side))
        total = score(interaction, triples._replace(**{side: missing})).sum()
        for gradient, x in zip(torch.autograd.grad(total, missing), getattr(completed, side), strict=True):
            torch.testing.assert_close(gradient, factor * x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", DISTANCES)
def test_distances(name: str) -> None:
    """The score has its maximum at the query: zero, for relations that allow it."""
    interaction = make_interaction(name)
    triples = make_representations(interaction, 5)
    relation = triples.relation
    # TransD and TransR clip projected entities to the unit ball, far away for these
    scale = 0.1 if name in ("transd", "transr") else 1.0
    if name == "rotate":
        relation = (relation[0] / relation[0].abs(),)
    elif name == "pairre":
        relation = tuple(x.sign() * (0.5 + x.abs()) for x in relation)
    elif name == "transh":  # a normal of unit length, and a translation within the hyperplane
        normal = nn.functional.normalize(relation[0], dim=-1)
        relation = (normal, relation[1] - (relation[1] * normal).sum(dim=-1, keepdim=True) * normal)
    elif name == "transd":
        relation = tuple(scale * x for x in relation)
    elif name == "transr":
        relation = (scale * relation[0], relation[1])
    triples = TripleRepresentations(
        tuple(scale * x for x in triples.head), relation, tuple(scale * x for x in triples.tail)
    )
    for completed in complete(make(interaction), triples).values():
        best = score(interaction, completed)
        torch.testing.assert_close(best, torch.zeros_like(best), atol=2e-3 * scale, rtol=0)
        assert (score(interaction, triples) < best).all()


def test_ignored_dimensions() -> None:
    """Dimensions that a relation of PairRE ignores do not drown the others."""
    query = make(make_interaction("pairre"))
    entity, factor, divisor = torch.ones(3, 1, 8)
    divisor[:, 0] = 1e-12
    (tail,) = query.tail((entity,), (factor, divisor))
    assert tail.abs().max() < 20
    torch.testing.assert_close(tail[:, 1:], torch.ones(1, 7))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_singular_matrix(value: float) -> None:
    """A matrix of TransR without an inverse leaves the query finite."""
    query = make(make_interaction("transr"))
    (tail,) = query.tail((torch.ones(1, 8),), (torch.ones(1, 6), torch.full((1, 8, 6), value)))
    assert tail.isfinite().all()
    assert tail.abs().max() < 1e3


def test_learned() -> None:
    """A learned query has parameters, and keeps its sides apart."""
    interaction = make_interaction("tucker")
    query, triples = make(interaction), make_representations(interaction, 5)
    assert list(query.parameters())
    assert not query.tail(triples.head, triples.relation)[0].allclose(query.head(triples.head, triples.relation)[0])


def test_wrapped() -> None:
    """A wrapper around an interaction changes nothing about the query."""
    assert type(make(ClampedInteraction(base=make_interaction("distmult"), clamp_score=1.0))) is HadamardQuery


def test_complex_interactions_of_real_representations() -> None:
    """PyKEEN's complex interactions accept real representations, for which there is no closed form."""
    query = make_query(make_interaction("rotate"), **make_layouts(make_interaction("distmult")))
    assert type(query) is LearnedQuery


def test_registry() -> None:
    """Each interaction with a closed form is one of PyKEEN's."""
    assert set(QUERIES) <= set(interaction_resolver.lookup_dict.values())
