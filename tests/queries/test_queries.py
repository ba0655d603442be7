"""Tests for queries."""

from collections.abc import Callable

import pytest
import torch
from pykeen.nn.modules import ClampedInteraction, interaction_resolver
from torch import Tensor, nn

from pykeen_dhns.queries.base import Query
from pykeen_dhns.queries.elementwise import HadamardQuery
from pykeen_dhns.queries.learned import LearnedQuery
from pykeen_dhns.queries.products import QuaternionQuery
from pykeen_dhns.queries.registry import QUERIES, AnyInteraction, make_query, query_resolver

from ..helpers.interactions import NAMES, Sides, make_interaction, make_layout, make_sides, score

#: The interactions which are the inner product of the missing entity with its query, up to a constant
BILINEAR = ("complex", "cp", "distmult", "hole", "quate", "rescal", "simple", "transf")
#: The interactions which are a negative distance, zero at the query
DISTANCES = ("pairre", "rotate", "transd", "transe", "transh", "transr")
#: What turns relations into such for which the head side leads back to where the tail side came from
INVERTIBLE: dict[str, Callable[[tuple[Tensor, ...]], tuple[Tensor, ...]]] = {
    "complex": lambda parts: (parts[0] / parts[0].abs(),),
    "distmult": lambda parts: (parts[0].sign(),),
    "cp": lambda parts: (parts[0].sign(),),
    "hole": lambda _: (torch.eye(8)[:5],),
    "pairre": lambda parts: tuple(part.sign() * (0.5 + part.abs()) for part in parts),
    "quate": lambda parts: (nn.functional.normalize(parts[0], dim=-1),),
    "rescal": lambda parts: (torch.linalg.qr(parts[0]).Q,),
    "rotate": lambda parts: (parts[0] / parts[0].abs(),),
    "simple": lambda parts: (parts[0].sign(), parts[1].sign()),
    "transe": lambda parts: parts,
}


def make(interaction: AnyInteraction) -> Query:
    """Make the query of an interaction."""
    return make_query(
        interaction,
        head=make_layout(interaction, interaction.head_shape),
        relation=make_layout(interaction, interaction.relation_shape),
        tail=make_layout(interaction, interaction.tail_shape),
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_interaction(name: str) -> None:
    """There is a query for every interaction, of the shape and dtype of the missing entity, also if broadcast."""
    interaction = make_interaction(name)
    query = make(interaction)
    assert (type(query) is LearnedQuery) == (name not in BILINEAR + DISTANCES)
    sides = make_sides(interaction, 5)
    entities = make_sides(interaction, 3, 5)
    relation = tuple(part.unsqueeze(dim=0) for part in sides.relation)
    for missing, computed in (
        (sides.tail, query.tail(sides.head, sides.relation)),
        (sides.head, query.head(sides.tail, sides.relation)),
        (entities.tail, query.tail(entities.head, relation)),
        (entities.head, query.head(entities.tail, relation)),
    ):
        assert len(computed) == len(missing) > 0
        for part, expected in zip(computed, missing, strict=True):
            assert part.shape == expected.shape
            assert part.dtype == expected.dtype
            assert part.isfinite().all()


@pytest.mark.parametrize("name", BILINEAR)
def test_bilinear(name: str) -> None:
    """The query is the gradient of the score, a constant apart from it, for each missing entity."""
    interaction = make_interaction(name)
    query = make(interaction)
    sides = make_sides(interaction, 5)
    factor = 0.5 if name == "simple" else 1.0  # which averages over two directions
    for side, computed in (
        ("tail", query.tail(sides.head, sides.relation)),
        ("head", query.head(sides.tail, sides.relation)),
    ):
        missing = [part.requires_grad_() for part in getattr(make_sides(interaction, 5), side)]
        gradients = torch.autograd.grad(
            score(interaction, sides._replace(**{side: tuple(missing)})).sum(), missing, allow_unused=True
        )
        for gradient, part in zip(gradients, computed, strict=True):
            torch.testing.assert_close(gradient, factor * part, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", DISTANCES)
def test_distances(name: str) -> None:
    """The score is at its maximum at the query, which is zero, up to what the relation alone decides."""
    interaction = make_interaction(name)
    query = make(interaction)
    sides = make_sides(interaction, 5)
    relation = sides.relation
    if name == "rotate":
        relation = (relation[0] / relation[0].abs(),)
    elif name == "pairre":
        relation = tuple(part.sign() * (0.5 + part.abs()) for part in relation)
    elif name == "transh":  # a normal of unit length, and a shift within the plane
        normal = nn.functional.normalize(relation[0], dim=-1)
        relation = (normal, relation[1] - (relation[1] * normal).sum(dim=-1, keepdim=True) * normal)
    # TransD and TransR clip projected entities to the unit ball, far away for these
    scale = 0.1 if name in ("transd", "transr") else 1.0
    sides = Sides(*(tuple(scale * part for part in parts) for parts in sides._replace(relation=relation)))
    if name == "transr":
        sides = sides._replace(relation=(sides.relation[0], relation[1]))
    for completed in (
        sides._replace(tail=tuple(query.tail(sides.head, sides.relation))),
        sides._replace(head=tuple(query.head(sides.tail, sides.relation))),
    ):
        best = score(interaction, completed)
        torch.testing.assert_close(best, torch.zeros_like(best), atol=2e-3 * scale, rtol=0)
        assert (score(interaction, sides) < best).all()


@pytest.mark.parametrize("name", INVERTIBLE)
def test_sides_invert_each_other(name: str) -> None:
    """The head side leads back to where the tail side came from, for relations that can be inverted."""
    interaction = make_interaction(name)
    query = make(interaction)
    sides = make_sides(interaction, 5)
    relation = INVERTIBLE[name](sides.relation)
    again = query.head(query.tail(sides.head, relation), relation)
    for part, expected in zip(again, sides.head, strict=True):
        torch.testing.assert_close(part, expected, rtol=1e-3, atol=1e-4)


def test_ignored_dimensions() -> None:
    """Dimensions that a relation ignores do not drown the others."""
    query = make(make_interaction("pairre"))
    entity, factor, divisor = torch.ones(3, 1, 8)
    divisor[:, 0] = 1e-12
    (tail,) = query.tail((entity,), (factor, divisor))
    assert tail.abs().max() < 20
    torch.testing.assert_close(tail[:, 1:], torch.ones(1, 7))


def test_singular_matrix() -> None:
    """A matrix without an inverse is no reason to stop."""
    query = make(make_interaction("transr"))
    for matrix in (torch.zeros(1, 8, 6), torch.ones(1, 8, 6)):
        (tail,) = query.tail((torch.ones(1, 8),), (torch.ones(1, 6), matrix))
        assert tail.isfinite().all()
        assert tail.abs().max() < 1e3


def test_learned() -> None:
    """A learned query has parameters, and keeps its sides apart."""
    query = make(make_interaction("tucker"))
    sides = make_sides(make_interaction("tucker"), 5)
    assert list(query.parameters())
    assert not query.tail(sides.head, sides.relation)[0].allclose(query.head(sides.head, sides.relation)[0])


def test_wrapped() -> None:
    """A wrapper around an interaction changes nothing about the query."""
    assert type(make(ClampedInteraction(base=make_interaction("distmult"), clamp_score=1.0))) is HadamardQuery
    assert type(make(make_interaction("quate"))) is QuaternionQuery


def test_complex_interactions_of_real_representations() -> None:
    """PyKEEN's complex interactions accept real representations, for which there is no closed form."""
    interaction = make_interaction("rotate")
    layout = make_layout(make_interaction("distmult"), ("d",))
    query = make_query(interaction, head=layout, relation=layout, tail=layout)
    assert type(query) is LearnedQuery
    assert query.tail((torch.randn(5, 8),), (torch.randn(5, 8),))[0].shape == (5, 8)


def test_resolver() -> None:
    """Queries resolve by name, and each interaction with a closed form is one of PyKEEN's."""
    assert query_resolver.options >= {"hadamard", "learned", "matrix", "quaternion", "translation", "transf"}
    assert set(QUERIES) <= set(interaction_resolver.lookup_dict.values())
