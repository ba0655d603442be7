"""Tests for conditions."""

import torch
from torch import Tensor

from pykeen_dhns.conditions import (
    Condition,
    HadamardCondition,
    LearnedCondition,
    MatrixCondition,
    QuaternionCondition,
    TranslationCondition,
    condition_resolver,
    hamilton_product,
)


def check_inverse(condition: Condition, head: Tensor, relation: Tensor) -> None:
    """Check that the head side leads back to where the tail side came from."""
    torch.testing.assert_close(condition.head(condition.tail(head, relation), relation), head)


def test_translation() -> None:
    """Addition, inverted by subtraction."""
    head, relation = torch.randn(2, 3, 4)
    torch.testing.assert_close(TranslationCondition().tail(head, relation), head + relation)
    check_inverse(TranslationCondition(), head, relation)


def test_rotation() -> None:
    """Rotations, inverted by conjugate rotations."""
    head, relation = torch.randn(2, 3, 4, dtype=torch.complex64)
    check_inverse(HadamardCondition(), head, relation / relation.abs())


def test_bilinear_forms_agree() -> None:
    """The score is the same, seen from either end: for DistMult, ComplEx, and RESCAL."""
    real_head, real_relation, real_tail = torch.randn(3, 5, 4)
    head, relation, tail = torch.randn(3, 5, 4, dtype=torch.complex64)
    matrix = torch.randn(5, 4, 4)
    for condition, h, r, t in (
        (HadamardCondition(), real_head, real_relation, real_tail),
        (HadamardCondition(), head, relation, tail),
        (MatrixCondition(), real_head, matrix, real_tail),
    ):
        from_head = (condition.tail(h, r) * t.conj()).sum(dim=-1).real
        from_tail = (h * condition.head(t, r).conj()).sum(dim=-1).real
        torch.testing.assert_close(from_head, from_tail)


def test_quaternions() -> None:
    """The Hamilton product, inverted by the conjugate."""
    head, relation = torch.randn(2, 3, 5, 4)
    check_inverse(QuaternionCondition(), head, torch.nn.functional.normalize(relation, dim=-1))
    one, i, j, k = torch.eye(4)
    torch.testing.assert_close(hamilton_product(i, j), k)
    torch.testing.assert_close(hamilton_product(j, i), -k)
    torch.testing.assert_close(hamilton_product(k, k), -one)


def test_learned() -> None:
    """A learned condition has parameters, and keeps its sides apart."""
    condition = LearnedCondition(entity_dim=4, relation_dim=3)
    entity, relation = torch.randn(5, 4), torch.randn(5, 3)
    assert condition.tail(entity, relation).shape == (5, 4)
    assert not condition.tail(entity, relation).allclose(condition.head(entity, relation))


def test_resolver() -> None:
    """Conditions resolve by name."""
    assert condition_resolver.options == {"hadamard", "learned", "matrix", "quaternion", "translation"}
