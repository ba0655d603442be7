"""Tensors of any shape, real or complex, as real vectors."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["from_real_vector", "to_real_vector"]


def to_real_vector(x: Tensor, num_batch_dims: int) -> Tensor:
    """View tensors as real vectors.

    :param x: shape: `(*batch_dims, *shape)` the tensors, real or complex
    :param num_batch_dims: the number of batch dimensions

    :returns: shape: `(*batch_dims, dim)` the vectors. A complex number takes two dimensions.
    """
    real = torch.view_as_real(x.resolve_conj()) if x.is_complex() else x
    # PyTorch cannot infer the dimension if the batch is empty
    return real.reshape((*real.shape[:num_batch_dims], math.prod(real.shape[num_batch_dims:])))


def from_real_vector(x: Tensor, *, shape: Sequence[int], is_complex: bool) -> Tensor:
    """Undo :func:`to_real_vector`.

    :param x: shape: `(*batch_dims, dim)` the vectors
    :param shape: the shape wanted, without batch dimensions
    :param is_complex: whether complex tensors are wanted

    :returns: shape: `(*batch_dims, *shape)` the tensors
    """
    if not is_complex:
        return x.reshape((*x.shape[:-1], *shape))
    # not `view_as_complex`, which needs pairs of numbers to be aligned in memory
    return torch.complex(*x.reshape((*x.shape[:-1], *shape, 2)).unbind(dim=-1))
