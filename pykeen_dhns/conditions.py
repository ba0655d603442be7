"""Conditions: what an entity and a relation tell about the entity at the other end (Eq. 7-9)."""

from abc import ABC, abstractmethod

import torch
from class_resolver import ClassResolver
from torch import Tensor, nn

__all__ = [
    "Condition",
    "HadamardCondition",
    "LearnedCondition",
    "MatrixCondition",
    "QuaternionCondition",
    "TranslationCondition",
    "condition_resolver",
]


class Condition(nn.Module, ABC):
    """Combine an entity and a relation to an embedding near to which the missing entity is to be expected."""

    @abstractmethod
    def tail(self, head: Tensor, relation: Tensor) -> Tensor:
        """Compute the condition for a missing tail.

        :param head: shape: `(*batch_dims, *shape)` the head embeddings
        :param relation: the relation embeddings, with the same batch dimensions

        :returns: shape: `(*batch_dims, *shape)` the conditions
        """

    @abstractmethod
    def head(self, tail: Tensor, relation: Tensor) -> Tensor:
        """Compute the condition for a missing head.

        :param tail: shape: `(*batch_dims, *shape)` the tail embeddings
        :param relation: the relation embeddings, with the same batch dimensions

        :returns: shape: `(*batch_dims, *shape)` the conditions
        """


class TranslationCondition(Condition):
    """Addition (Eq. 9), for TransE and its relatives. The head side subtracts."""

    # docstr-coverage: inherited
    def tail(self, head: Tensor, relation: Tensor) -> Tensor:  # noqa: D102
        return head + relation

    # docstr-coverage: inherited
    def head(self, tail: Tensor, relation: Tensor) -> Tensor:  # noqa: D102
        return tail - relation


class HadamardCondition(Condition):
    """Element-wise multiplication (Eq. 7, 8), for RotatE and ComplEx (complex embeddings), and DistMult (real ones).

    The head side multiplies by the conjugate: the inverse rotation for RotatE, the same bilinear form seen from the
    other end for ComplEx, and no difference for real embeddings.
    """

    # docstr-coverage: inherited
    def tail(self, head: Tensor, relation: Tensor) -> Tensor:  # noqa: D102
        return head * relation

    # docstr-coverage: inherited
    def head(self, tail: Tensor, relation: Tensor) -> Tensor:  # noqa: D102
        return tail * relation.conj()


class QuaternionCondition(Condition):
    """The Hamilton product (Eq. 7), for QuatE: embeddings of shape (dim, 4). The head side uses the conjugate."""

    # docstr-coverage: inherited
    def tail(self, head: Tensor, relation: Tensor) -> Tensor:  # noqa: D102
        return hamilton_product(head, relation)

    # docstr-coverage: inherited
    def head(self, tail: Tensor, relation: Tensor) -> Tensor:  # noqa: D102
        return hamilton_product(tail, relation * relation.new_tensor([1, -1, -1, -1]))


class MatrixCondition(Condition):
    """Multiplication with a matrix per relation (Eq. 8), for RESCAL. The head side uses the transpose."""

    # docstr-coverage: inherited
    def tail(self, head: Tensor, relation: Tensor) -> Tensor:  # noqa: D102
        return torch.einsum("...i,...ij->...j", head, relation)

    # docstr-coverage: inherited
    def head(self, tail: Tensor, relation: Tensor) -> Tensor:  # noqa: D102
        return torch.einsum("...j,...ij->...i", tail, relation)


class LearnedCondition(Condition):
    """A learned combination, for every interaction that none of the others fits: one linear layer per side."""

    def __init__(self, entity_dim: int, relation_dim: int) -> None:
        """Initialize the condition.

        :param entity_dim: the (real) dimension of the entity embeddings
        :param relation_dim: the (real) dimension of the relation embeddings
        """
        super().__init__()
        self.tail_layer = nn.Linear(entity_dim + relation_dim, entity_dim)
        self.head_layer = nn.Linear(entity_dim + relation_dim, entity_dim)

    # docstr-coverage: inherited
    def tail(self, head: Tensor, relation: Tensor) -> Tensor:  # noqa: D102
        condition: Tensor = self.tail_layer(torch.cat([head, relation], dim=-1))
        return condition

    # docstr-coverage: inherited
    def head(self, tail: Tensor, relation: Tensor) -> Tensor:  # noqa: D102
        condition: Tensor = self.head_layer(torch.cat([tail, relation], dim=-1))
        return condition


def hamilton_product(x: Tensor, y: Tensor) -> Tensor:
    """Multiply quaternions.

    :param x: shape: `(*batch_dims, 4)` the left factors
    :param y: shape: `(*batch_dims, 4)` the right factors

    :returns: shape: `(*batch_dims, 4)` the products
    """
    a, b, c, d = x.unbind(dim=-1)
    e, f, g, h = y.unbind(dim=-1)
    return torch.stack(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ],
        dim=-1,
    )


#: A resolver for conditions
condition_resolver: ClassResolver[Condition] = ClassResolver.from_subclasses(Condition, default=HadamardCondition)
