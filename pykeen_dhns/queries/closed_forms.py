"""Conditions: what an entity and a relation tell about the entity at the other end (Eq. 7-9)."""

from abc import ABC, abstractmethod

import torch
from class_resolver import ClassResolver
from torch import Tensor, nn

from .layout import Parts, PartsLayout

__all__ = [
    "CircularCondition",
    "Condition",
    "DirectionalCondition",
    "HadamardCondition",
    "HyperplaneCondition",
    "LearnedCondition",
    "MatrixCondition",
    "PairedCondition",
    "ProjectionCondition",
    "QuaternionCondition",
    "SpaceCondition",
    "TransFCondition",
    "TranslationCondition",
    "condition_resolver",
]


class Condition(nn.Module, ABC):
    """Combine an entity and a relation to an embedding near to which the missing entity is to be expected.

    Where "near" comes from is the interaction: for a distance, the condition is where the distance vanishes; for an
    inner product, it is the vector with which the product is taken, i.e., the gradient of the score.
    """

    @abstractmethod
    def tail(self, head: Parts, relation: Parts) -> Parts:
        """Compute the condition for a missing tail.

        :param head: shape: `(*batch_dims, *shape_i)` the head representations
        :param relation: shape: broadcastable to `(*batch_dims, *shape_i)`, the relation representations

        :returns: shape: `(*batch_dims, *shape_i)` the conditions, one for each part of the tail's representation
        """

    @abstractmethod
    def head(self, tail: Parts, relation: Parts) -> Parts:
        """Compute the condition for a missing head.

        :param tail: shape: `(*batch_dims, *shape_i)` the tail representations
        :param relation: shape: broadcastable to `(*batch_dims, *shape_i)`, the relation representations

        :returns: shape: `(*batch_dims, *shape_i)` the conditions, one for each part of the head's representation
        """


class TranslationCondition(Condition):
    """Addition (Eq. 9), for TransE. The head side subtracts."""

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        return (head[0] + relation[0],)

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        return (tail[0] - relation[0],)


class TransFCondition(Condition):
    r"""The vector whose inner product with the missing entity TransF takes: $2 h + r$, and $2 t - r$."""

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        return (2 * head[0] + relation[0],)

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        return (2 * tail[0] - relation[0],)


class ProjectionCondition(Condition):
    r"""For TransD: entities and relations have a projection vector each, and $e_\bot = e + \langle e_p, e \rangle r_p$.

    The condition is the projected entity plus (minus) the relation, with a projection vector of zero, which makes it
    its own projection. Entity and relation may differ in dimension: what is missing is filled with zeros, as in TransD.
    """

    @staticmethod
    def _project(entity: Parts, relation: Parts) -> Tensor:
        x, x_p = entity
        projected = relation[1] * (x * x_p).sum(dim=-1, keepdim=True)
        return projected + _resize(x, projected.shape[-1])

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        x = _resize(self._project(head, relation) + relation[0], head[0].shape[-1])
        return x, torch.zeros_like(x)

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        x = _resize(self._project(tail, relation) - relation[0], tail[0].shape[-1])
        return x, torch.zeros_like(x)


class HyperplaneCondition(Condition):
    """For TransH: translation within the relation's hyperplane, given by its normal (first part) and shift (second)."""

    @staticmethod
    def _project(x: Tensor, normal: Tensor) -> Tensor:
        return x - (x * normal).sum(dim=-1, keepdim=True) * normal

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        normal, shift = relation
        return (self._project(head[0], normal) + shift,)

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        normal, shift = relation
        return (self._project(tail[0], normal) - shift,)


class SpaceCondition(Condition):
    r"""For TransR: translation in the relation's space, $e M_r$, and from there back to that of entities.

    The way back is the smallest entity that is mapped to the translated one (the pseudo-inverse of $M_r$). It is damped
    a little, since a matrix that is trained may become singular.
    """

    #: The damping, relative to the mean square of the matrix' singular values
    damping = 1e-5

    def _shift(self, entity: Tensor, shift: Tensor, matrix: Tensor) -> Tensor:
        transposed = matrix.transpose(-2, -1)
        gram = transposed @ matrix
        diagonal = gram.diagonal(dim1=-2, dim2=-1)
        damping = (self.damping * diagonal.mean(dim=-1, keepdim=True)).clamp(min=torch.finfo(gram.dtype).tiny)
        gram = gram + torch.diag_embed(damping.expand_as(diagonal))
        target = (entity.unsqueeze(dim=-2) @ matrix).squeeze(dim=-2) + shift
        # shape: (*batch_dims, relation_dim, 1); the solver wants a real batch, no broadcasting of the right side's
        solution = torch.linalg.solve(gram.expand(*target.shape, gram.shape[-1]), target.unsqueeze(dim=-1))
        result: Tensor = (solution.transpose(-2, -1) @ transposed).squeeze(dim=-2)
        return result

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        shift, matrix = relation
        return (self._shift(head[0], shift, matrix),)

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        shift, matrix = relation
        return (self._shift(tail[0], -shift, matrix),)


class HadamardCondition(Condition):
    """Element-wise multiplication (Eq. 7, 8), for RotatE and ComplEx (complex), and DistMult and CP (real).

    The head side multiplies by the conjugate: the inverse rotation for RotatE, the same bilinear form seen from the
    other end for ComplEx, and no difference for real embeddings.
    """

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        return (head[0] * relation[0],)

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        return (tail[0] * relation[0].conj(),)


class DirectionalCondition(Condition):
    """For SimplE: element-wise products with the relation, and with its inverse, each with a part of its own."""

    @staticmethod
    def _multiply(entity: Parts, relation: Parts) -> Parts:
        return entity[0] * relation[0], entity[1] * relation[1]

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        return self._multiply(head, relation)

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        return self._multiply(tail, relation)


class PairedCondition(Condition):
    r"""For PairRE: $h \odot r_h = t \odot r_t$, solved for the missing entity.

    Where a relation ignores a dimension of the missing entity, i.e., the divisor is close to zero, any value would do.
    There, the divisor is bounded from below, else a few such dimensions would drown all others.
    """

    #: The smallest divisor, relative to the root mean square of all
    bound = 0.1

    def _solve(self, entity: Tensor, factor: Tensor, divisor: Tensor) -> Tensor:
        smallest = self.bound * divisor.square().mean(dim=-1, keepdim=True).sqrt()
        smallest = smallest.clamp(min=torch.finfo(divisor.dtype).tiny)
        magnitude = torch.maximum(divisor.abs(), smallest)
        return entity * factor / torch.where(divisor < 0, -magnitude, magnitude)

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        return (self._solve(head[0], relation[0], relation[1]),)

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        return (self._solve(tail[0], relation[1], relation[0]),)


class QuaternionCondition(Condition):
    """The negative Hamilton product (Eq. 7), for QuatE: embeddings of shape (dim, 4). The head side uses the conjugate.

    Negative, since PyKEEN's interaction is the negative inner product of the Hamilton product and the tail.
    """

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        return (-hamilton_product(head[0], relation[0]),)

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        conjugate = relation[0] * relation[0].new_tensor([1, -1, -1, -1])
        return (-hamilton_product(tail[0], conjugate),)


class MatrixCondition(Condition):
    """Multiplication with a matrix per relation (Eq. 8), for RESCAL. The head side uses the transpose."""

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        return (torch.einsum("...i,...ij->...j", head[0], relation[0]),)

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        return (torch.einsum("...j,...ij->...i", tail[0], relation[0]),)


class CircularCondition(Condition):
    """Circular convolution, and circular correlation for the head side, for HolE."""

    @staticmethod
    def _transform(x: Tensor) -> Tensor:
        result: Tensor = torch.fft.rfft(x, dim=-1)
        return result

    @staticmethod
    def _invert(x: Tensor, dim: int) -> Tensor:
        result: Tensor = torch.fft.irfft(x, n=dim, dim=-1)
        return result

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        x, r = head[0], relation[0]
        return (self._invert(self._transform(x) * self._transform(r), x.shape[-1]),)

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        x, r = tail[0], relation[0]
        return (self._invert(self._transform(x) * self._transform(r).conj(), x.shape[-1]),)


class LearnedCondition(Condition):
    """A learned combination, for every interaction that none of the others fits: one linear layer per side.

    Its parameters belong to the diffusion model, and are trained with it.
    """

    def __init__(self, head: PartsLayout, relation: PartsLayout, tail: PartsLayout) -> None:
        """Initialize the condition.

        :param head: the layout of head representations
        :param relation: the layout of relation representations
        :param tail: the layout of tail representations
        """
        super().__init__()
        self.head_layout = head
        self.relation_layout = relation
        self.tail_layout = tail
        self.tail_layer = nn.Linear(head.dim + relation.dim, tail.dim)
        self.head_layer = nn.Linear(tail.dim + relation.dim, head.dim)

    def _combine(self, layer: nn.Module, entity: Tensor, relation: Parts) -> Tensor:
        if self.relation_layout.dim:
            vector = self.relation_layout.flatten(relation)
            entity = torch.cat([entity, vector.expand(*entity.shape[:-1], -1)], dim=-1)
        condition: Tensor = layer(entity)
        return condition

    # docstr-coverage: inherited
    def tail(self, head: Parts, relation: Parts) -> Parts:  # noqa: D102
        return self.tail_layout.split(self._combine(self.tail_layer, self.head_layout.flatten(head), relation))

    # docstr-coverage: inherited
    def head(self, tail: Parts, relation: Parts) -> Parts:  # noqa: D102
        return self.head_layout.split(self._combine(self.head_layer, self.tail_layout.flatten(tail), relation))


def _resize(x: Tensor, dim: int) -> Tensor:
    """Cut the last dimension, or fill it with zeros."""
    missing = dim - x.shape[-1]
    return nn.functional.pad(x, (0, missing)) if missing > 0 else x[..., :dim]


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
