"""Queries that multiply, or divide, element by element."""

import torch
from torch import Tensor
from typing_extensions import override

from .base import DistanceQuery, DotProductQuery, Query, Side
from .layout import Representations

__all__ = [
    "DirectionalQuery",
    "HadamardProduct",
    "HadamardQuery",
    "PairedQuery",
    "RotationQuery",
]


class HadamardProduct(Query):
    """Element-wise multiplication (Eq. 7, 8). The head side multiplies by the conjugate."""

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        return (head[0] * relation[0],)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        return (tail[0] * relation[0].conj(),)


class HadamardQuery(HadamardProduct, DotProductQuery):
    """For ComplEx (complex), and DistMult and CP (real).

    With the conjugate, the head side is the same bilinear form, seen from the other end. For real embeddings, it makes
    no difference.
    """


class RotationQuery(HadamardProduct, DistanceQuery):
    """For RotatE. With the conjugate, the head side rotates back.

    A relation's numbers have modulus one, so either side can be rotated. PyKEEN rotates whatever is cheaper. Only the
    part of the relation's gradient that would change the modulus depends on it. PyKEEN undoes that change.
    """


class DirectionalQuery(DotProductQuery):
    """For SimplE: one product with the relation, and one with its inverse. Both have their own entity embeddings."""

    #: The score is the mean of both products
    factor = 0.5

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        return head[0] * relation[0], head[1] * relation[1]

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        return self.tail(tail, relation)


class PairedQuery(DistanceQuery):
    r"""For PairRE: $h \odot r_h = t \odot r_t$, solved for the missing entity.

    If the divisor is close to zero in a dimension, the relation ignores this dimension of the missing entity, and any
    value would do. A lower bound keeps a few such dimensions from drowning all others.
    """

    #: The smallest divisor, relative to the root mean square of all
    bound = 0.1

    def _solve(self, entity: Tensor, factor: Tensor, divisor: Tensor) -> Tensor:
        smallest = self.bound * divisor.square().mean(dim=-1, keepdim=True).sqrt()
        smallest = smallest.clamp(min=torch.finfo(divisor.dtype).tiny)
        magnitude = torch.maximum(divisor.abs(), smallest)
        return entity * factor / torch.where(divisor < 0, -magnitude, magnitude)

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        return (self._solve(head[0], relation[0], relation[1]),)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        return (self._solve(tail[0], relation[1], relation[0]),)

    @override
    def split(self, known: Representations, relation: Representations, missing: Side) -> tuple[Tensor, Tensor | None]:
        of_head, of_tail = relation
        return (known[0] * of_head, of_tail) if missing == "tail" else (known[0] * of_tail, of_head)
