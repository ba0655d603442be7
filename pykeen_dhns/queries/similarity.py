"""Similarities of every query in a batch with every candidate, by matrix products where there is one."""

import torch
from torch import Tensor

from .layout import Representations
from ..utils.real_vectors import to_real_vector

__all__ = ["dot_product", "negative_distance"]

#: The smallest squared distance, relative to the mean of the squared norms, by precision. A squared distance is the
#: difference of larger numbers, so nothing smaller can be told from zero.
SMALLEST = {torch.float: 1e-6, torch.double: 1e-14}


def to_matrix(parts: Representations) -> Tensor:
    """Concatenate representations to one real vector per row.

    :param parts: shape: `(num_rows, *shape_i)` the representations

    :returns: shape: (num_rows, dim) the vectors
    """
    vectors = [to_real_vector(part, num_batch_dims=1) for part in parts]
    return vectors[0] if len(vectors) == 1 else torch.cat(vectors, dim=-1)


def dot_product(queries: Representations, candidates: Representations) -> Tensor:
    """Compute the dot products of real vectors. Complex ones count as real ones of twice the dimension.

    :param queries: shape: `(batch_size, *shape_i)` the queries
    :param candidates: shape: `(num_candidates, *shape_i)` the candidates

    :returns: shape: (batch_size, num_candidates) the dot products
    """
    return to_matrix(queries) @ to_matrix(candidates).t()


def negative_distance(
    queries: Tensor,
    candidates: Tensor,
    *,
    scale: Tensor | None = None,
    p: float = 2,
    power_norm: bool = False,
) -> Tensor:
    r"""Compute negative distances $-\|q - s \odot c\|_p$.

    Euclidean distances come from a matrix product, at least in single precision. A product loses digits where vectors
    are close. So vectors are centred first, and the distance has a lower bound, where its gradient is zero. For complex
    vectors, there is only the Euclidean distance.

    :param queries: shape: (batch_size, dim) the queries $q$
    :param candidates: shape: (num_candidates, dim) the candidates $c$
    :param scale: shape: (batch_size, dim) by what the candidates are multiplied, $s$, which needs ``p=2``. If None, by
        one.
    :param p: the norm
    :param power_norm: whether to compute the p-th power of the norm

    :returns: shape: (batch_size, num_candidates) the negative distances
    """
    dtype = torch.promote_types(queries.real.dtype, torch.float)
    with torch.autocast(device_type=queries.device.type, enabled=False):
        if p == 2:
            squares = _square_distances(queries, candidates, scale)
            return -squares if power_norm else -squares.sqrt()
        distances = torch.cdist(queries.to(dtype), candidates.to(dtype), p=p)
    result: Tensor = -(distances**p) if power_norm else -distances
    return result


def _square_distances(queries: Tensor, candidates: Tensor, scale: Tensor | None) -> Tensor:
    q, c = (to_real_vector(x, num_batch_dims=1) for x in (queries, candidates))
    dtype = torch.promote_types(q.dtype, torch.float)
    q, c = q.to(dtype), c.to(dtype)
    if scale is None:
        center = c.detach().mean(dim=0)
        q, c = q - center, c - center
        factor = q
        c_square = c.square().sum(dim=-1).unsqueeze(dim=0)
    else:
        s = to_real_vector(scale, num_batch_dims=1).to(dtype)
        factor = q * s
        c_square = s.square() @ c.square().t()
    q_square = q.square().sum(dim=-1, keepdim=True)
    smallest = SMALLEST[dtype] * (q_square.detach().mean() + c_square.detach().mean())
    squares = torch.addmm(q_square + c_square, factor, c.t(), alpha=-2)
    return squares.clamp(min=smallest)
