"""Queries that add the relation to the entity, or to a projection of the entity."""

import torch
from torch import Tensor, nn
from typing_extensions import override

from .base import DistanceQuery, DotProductQuery, Query, Side
from .layout import Representations

__all__ = [
    "BiasedQuery",
    "HyperplaneQuery",
    "IdentityQuery",
    "ProjectionQuery",
    "SpaceQuery",
    "SumQuery",
    "TransFQuery",
    "TranslationQuery",
]


class TranslationQuery(DistanceQuery):
    """Addition (Eq. 9), for TransE. The head side subtracts."""

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        return (head[0] + relation[0],)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        return (tail[0] - relation[0],)


class TransFQuery(DotProductQuery):
    r"""For TransF, which takes the inner product of the missing entity with $2 h + r$, or $2 t - r$."""

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        return (2 * head[0] + relation[0],)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        return (2 * tail[0] - relation[0],)

    @override
    def offset(self, known: Representations, relation: Representations, missing: Side) -> Tensor | None:
        product = (known[0] * relation[0]).sum(dim=-1, keepdim=True)
        return product if missing == "head" else -product


class SumQuery(DotProductQuery):
    """For DistMA, which sums the inner products of all pairs: the sum of entity and relation."""

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        return (head[0] + relation[0],)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        return self.tail(tail, relation)

    @override
    def offset(self, known: Representations, relation: Representations, missing: Side) -> Tensor | None:
        return (known[0] * relation[0]).sum(dim=-1, keepdim=True)


class IdentityQuery(DistanceQuery):
    """For UM, which ignores relations: the entity itself."""

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        return head

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        return tail


class BiasedQuery(DistanceQuery):
    r"""For MuRE: $h \odot r_m + r_v - t$ is a distance, and both entities add a bias to its score.

    The query for a missing entity has no bias. For a missing head, it is not divided by $r_m$, which may be near zero.
    """

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        vector, factor = relation
        return head[0] * factor + vector, torch.zeros_like(head[1])

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        vector, factor = relation
        return (tail[0] - vector) * factor, torch.zeros_like(tail[1])

    @override
    def split(self, known: Representations, relation: Representations, missing: Side) -> tuple[Tensor, Tensor | None]:
        vector, factor = relation
        return (known[0] - vector, factor) if missing == "head" else (known[0] * factor + vector, None)

    @override
    def bias(self, known: Representations, candidates: Representations) -> Tensor | None:
        return known[1].unsqueeze(dim=1) + candidates[1]


class ProjectionQuery(Query):
    r"""For TransD: the projected entity $e_\bot = e + \langle e_p, e \rangle r_p$, plus or minus the relation.

    Entities and relations have a projection vector each. That of the query is zero, so the query is its own projection.
    Entities and relations may differ in dimension. The shorter one is filled with zeros, as in TransD.
    """

    @staticmethod
    def _project(entity: Representations, relation: Representations) -> Tensor:
        x, x_p = entity
        projected = relation[1] * (x * x_p).sum(dim=-1, keepdim=True)
        return projected + _resize(x, projected.shape[-1])

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        x = _resize(self._project(head, relation) + relation[0], head[0].shape[-1])
        return x, torch.zeros_like(x)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        x = _resize(self._project(tail, relation) - relation[0], tail[0].shape[-1])
        return x, torch.zeros_like(x)


class HyperplaneQuery(Query):
    """For TransH: translation in the hyperplane of the relation, which has a normal vector and a translation."""

    @staticmethod
    def _project(x: Tensor, normal: Tensor) -> Tensor:
        return x - (x * normal).sum(dim=-1, keepdim=True) * normal

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        normal, translation = relation
        return (self._project(head[0], normal) + translation,)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        normal, translation = relation
        return (self._project(tail[0], normal) - translation,)


class SpaceQuery(Query):
    r"""For TransR: translation in the space of the relation, and from there back to the space of entities.

    The matrix $M_r$ maps from the space of entities to that of the relation. Its pseudo-inverse leads back, to the
    smallest entity that $M_r$ maps to the translated one. A little damping keeps this finite when the trained matrix
    becomes singular.
    """

    #: The damping, relative to the mean square of the singular values of the matrix
    damping = 1e-5

    def _translate(self, entity: Tensor, translation: Tensor, matrix: Tensor) -> Tensor:
        # Linear systems need single precision. On a GPU, mixed precision would not take care of that.
        dtype = torch.promote_types(entity.dtype, torch.float)
        with torch.autocast(device_type=entity.device.type, enabled=False):
            return self._solve(entity.to(dtype), translation.to(dtype), matrix.to(dtype))

    def _solve(self, entity: Tensor, translation: Tensor, matrix: Tensor) -> Tensor:
        transposed = matrix.transpose(-2, -1)
        gram = transposed @ matrix
        diagonal = gram.diagonal(dim1=-2, dim2=-1)
        damping = (self.damping * diagonal.mean(dim=-1, keepdim=True)).clamp(min=torch.finfo(gram.dtype).tiny)
        gram = gram + torch.diag_embed(damping.expand_as(diagonal))
        target = (entity.unsqueeze(dim=-2) @ matrix).squeeze(dim=-2) + translation
        # the solver does not broadcast; shape: (*batch_dims, relation_dim, 1)
        solution = torch.linalg.solve(gram.expand(*target.shape, gram.shape[-1]), target.unsqueeze(dim=-1))
        result: Tensor = (solution.transpose(-2, -1) @ transposed).squeeze(dim=-2)
        return result

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        translation, matrix = relation
        return (self._translate(head[0], translation, matrix),)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        translation, matrix = relation
        return (self._translate(tail[0], -translation, matrix),)


def _resize(x: Tensor, dim: int) -> Tensor:
    """Cut the last dimension, or fill it with zeros."""
    missing = dim - x.shape[-1]
    return nn.functional.pad(x, (0, missing)) if missing > 0 else x[..., :dim]
