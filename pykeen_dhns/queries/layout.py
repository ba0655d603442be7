"""Representations of several parts, as one real vector."""

import dataclasses
import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Parts", "PartsLayout"]

#: The representations of an entity or a relation: one for each part, shape: `(*batch_dims, *shape_i)`. Most models have
#: a single part, some have several (TransD, BoxE, ...), and there is one without any for its relations.
Parts = Sequence[Tensor]


@dataclasses.dataclass(frozen=True)
class PartsLayout:
    """How representations of several parts, real or complex, are laid out in a single real vector."""

    #: The shape of each part
    shapes: tuple[tuple[int, ...], ...]
    #: Whether each part is complex. A complex number takes two real dimensions.
    is_complex: tuple[bool, ...]

    @property
    def dims(self) -> tuple[int, ...]:
        """Return the number of real dimensions of each part."""
        return tuple(
            math.prod(shape) * (2 if is_complex else 1)
            for shape, is_complex in zip(self.shapes, self.is_complex, strict=True)
        )

    @property
    def dim(self) -> int:
        """Return the number of real dimensions of all parts."""
        return sum(self.dims)

    def flatten(self, parts: Parts, dim: int | None = None) -> Tensor:
        """Bring parts into one real vector.

        :param parts: shape: `(*batch_dims, *shape_i)` the parts, with the same batch dimensions
        :param dim: the dimension of the result; the remainder is padded with zeros. Defaults to what it takes.

        :returns: shape: `(*batch_dims, dim)` the vectors
        """
        vectors = []
        for part, shape, is_complex in zip(parts, self.shapes, self.is_complex, strict=True):
            vector = torch.view_as_real(part.resolve_conj()) if is_complex else part
            vectors.append(vector.reshape(*part.shape[: part.ndim - len(shape)], -1))
        result = vectors[0] if len(vectors) == 1 else torch.cat(vectors, dim=-1)
        if dim is not None and dim > self.dim:
            result = torch.nn.functional.pad(result, (0, dim - self.dim))
        return result

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """Invert :meth:`flatten`.

        :param x: shape: `(*batch_dims, dim)` the vectors, maybe padded

        :returns: shape: `(*batch_dims, *shape_i)` the parts
        """
        vectors = x[..., : self.dim].split(self.dims, dim=-1)
        parts = []
        for vector, shape, is_complex in zip(vectors, self.shapes, self.is_complex, strict=True):
            part = vector.reshape((*x.shape[:-1], *shape, *((2,) if is_complex else ())))
            parts.append(torch.complex(*part.unbind(dim=-1)) if is_complex else part)
        return tuple(parts)
