"""How the representations of an entity or a relation form one real vector."""

import dataclasses
import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from ..utils.real_vectors import from_real_vector, to_real_vector

__all__ = ["Representations", "VectorLayout"]

#: The representations of entities or relations: tensors of shape `(*batch_dims, *shape_i)`. Most models have a single
#: one. Some have several, e.g., TransD and BoxE, and one (UM) has none for its relations.
Representations: TypeAlias = Sequence[Tensor]


@dataclasses.dataclass(frozen=True)
class VectorLayout:
    """How the representations of an entity or a relation form one real vector.

    There can be one or several, and each is real or complex.
    """

    #: The shape of each representation, without batch dimensions
    shapes: tuple[tuple[int, ...], ...]
    #: Whether each representation is complex. A complex number takes two real dimensions.
    is_complex: tuple[bool, ...]

    @property
    def dims(self) -> tuple[int, ...]:
        """Return the number of real dimensions of each representation."""
        return tuple(
            math.prod(shape) * (2 if is_complex else 1)
            for shape, is_complex in zip(self.shapes, self.is_complex, strict=True)
        )

    @property
    def dim(self) -> int:
        """Return the number of real dimensions of all representations."""
        return sum(self.dims)

    def flatten(self, representations: Representations, dim: int | None = None) -> Tensor:
        """Concatenate representations to one real vector.

        :param representations: shape: `(*batch_dims, *shape_i)` the representations, with the same batch dimensions
        :param dim: the dimension of the result; if larger than needed, zeros fill it. None is as large as needed.

        :returns: shape: `(*batch_dims, dim)` the vectors
        """
        vectors = [
            to_real_vector(x, num_batch_dims=x.ndim - len(shape))
            for x, shape in zip(representations, self.shapes, strict=True)
        ]
        result = vectors[0] if len(vectors) == 1 else torch.cat(vectors, dim=-1)
        if dim is not None and dim > self.dim:
            result = torch.nn.functional.pad(result, (0, dim - self.dim))
        return result

    def unflatten(self, x: Tensor) -> tuple[Tensor, ...]:
        """Undo :meth:`flatten`.

        :param x: shape: `(*batch_dims, dim)` the vectors. Dimensions beyond what the representations need are ignored.

        :returns: shape: `(*batch_dims, *shape_i)` the representations
        """
        vectors = x[..., : self.dim].split(self.dims, dim=-1)
        return tuple(
            from_real_vector(vector, shape=shape, is_complex=is_complex)
            for vector, shape, is_complex in zip(vectors, self.shapes, self.is_complex, strict=True)
        )
