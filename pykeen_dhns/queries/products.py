"""Queries by other products than the element-wise one: with matrices, of quaternions, and by circular convolution."""

import torch
from pykeen.nn.quaternion import hamiltonian_product
from pykeen.utils import circular_correlation
from torch import Tensor
from typing_extensions import override

from .base import DotProductQuery
from .layout import Representations

__all__ = [
    "CircularQuery",
    "MatrixQuery",
    "QuaternionQuery",
]


class MatrixQuery(DotProductQuery):
    """Multiplication with a matrix per relation (Eq. 8), for RESCAL. The head side uses the transpose."""

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        return (torch.einsum("...i,...ij->...j", head[0], relation[0]),)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        return (torch.einsum("...j,...ij->...i", tail[0], relation[0]),)


class QuaternionQuery(DotProductQuery):
    """The negative Hamilton product (Eq. 7), for QuatE. The head side uses the conjugate.

    It is negative, since PyKEEN's interaction is the negative inner product of the Hamilton product and the tail.
    Embeddings have the shape (dim, 4).
    """

    @staticmethod
    def _multiply(entity: Tensor, relation: Tensor) -> Tensor:
        return -hamiltonian_product(entity.movedim(-1, 0), relation.movedim(-1, 0))

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        return (self._multiply(head[0], relation[0]),)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        conjugate = relation[0] * relation[0].new_tensor([1, -1, -1, -1])
        return (self._multiply(tail[0], conjugate),)


class CircularQuery(DotProductQuery):
    """Circular convolution for the tail side, and circular correlation for the head side, for HolE."""

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        product = torch.fft.rfft(head[0], dim=-1) * torch.fft.rfft(relation[0], dim=-1)
        return (torch.fft.irfft(product, n=head[0].shape[-1], dim=-1),)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        return (circular_correlation(relation[0], tail[0]),)
