"""Fixed features as a representation, and the projection of features to the shape of an embedding."""

import math
from collections.abc import Sequence
from types import NoneType
from typing import Any

import torch
from pykeen.nn.representation import Representation
from pykeen.typing import LongTensor
from torch import Tensor, nn
from typing_extensions import override

from ..features import Features, load_features
from ..utils.real_vectors import from_real_vector, to_real_vector
from ..utils.validation import MAX_ENTITIES, check_bool, check_size, check_type

__all__ = ["FeatureRepresentation", "Projection"]


class FeatureRepresentation(Representation):
    """Fixed features, brought to a common scale.

    They are centred, and divided by one number, so that the mean variance of a feature is one. Both use only entities
    that have features. All others get zeros.

    Features are buffers, so nothing resets or trains them. They are part of the state dict.
    """

    #: shape: `(max_id, num_features)` the features
    features: Tensor

    #: shape: `(max_id,)` which entities have features
    mask: Tensor

    def __init__(self, features: Features, *, max_id: int | None = None, name: str = "features", **kwargs: Any) -> None:
        """Initialize the representation.

        :param features: shape: `(max_id, num_features)` the features, or where to find them, cf.
            :func:`pykeen_dhns.features.load_features`
        :param max_id: the number of entities. None is the number of rows.
        :param name: the modality's name, for messages
        :param kwargs: additional keyword-based parameters passed to :class:`pykeen.nn.representation.Representation`

        :raises ValueError: if these are no features, or not one row per entity
        """  # noqa: DOC103
        if max_id is not None:
            check_size("max_id", max_id, maximum=MAX_ENTITIES)
        values, mask = load_features(name, features, num_entities=max_id)
        variance, mean = torch.var_mean(values[mask], dim=0, correction=0)
        scale = variance.mean().sqrt()
        if not scale.isfinite():
            raise ValueError(f"modalities[{name!r}] has values up to {values.abs().max():.0e}: scale them down.")
        # PyKEEN would look for duplicates first, which costs more than the look-up of features
        super().__init__(max_id=len(values), shape=tuple(values.shape[1:]), **(dict(unique=False) | kwargs))
        # a scale of zero means that all entities have the same features, which are zero after centring
        values = (values - mean) / torch.where(scale > 0, scale, 1.0)
        self.register_buffer("features", values.masked_fill(~mask.unsqueeze(dim=1), 0.0))
        self.register_buffer("mask", mask)

    @override
    def _plain_forward(self, indices: LongTensor | None = None) -> Tensor:
        return self.features if indices is None else self.features[indices.to(self.features.device)]


class Projection(nn.Linear):
    """A linear map from tensors of one shape to those of another."""

    def __init__(
        self, example: Tensor, *, shape: Sequence[int], is_complex: bool = False, dtype: torch.dtype | None = None
    ) -> None:
        """Initialize the projection.

        :param example: shape: `(1, *input_shape)` an input. All others must have its shape and type.
        :param shape: the shape of an output
        :param is_complex: whether outputs are complex
        :param dtype: the (real) data type of the parameters. None is PyTorch's default.
        """
        check_type("example", example, Tensor, "a tensor")
        check_type("shape", shape, (list, tuple), "a sequence of integers")
        for size in shape:
            check_size("shape", size)
        check_bool("is_complex", is_complex)
        check_type("dtype", dtype, (torch.dtype, NoneType), "a data type of PyTorch, or None")
        input_dim = to_real_vector(example, num_batch_dims=1).shape[-1]
        super().__init__(input_dim, math.prod(shape) * (2 if is_complex else 1), dtype=dtype)
        self.num_input_dims = example.ndim - 1
        self.shape = tuple(shape)
        self.is_complex = is_complex

    @override
    def reset_parameters(self, std: float = 1.0) -> None:
        """Reset the module's parameters.

        :param std: the standard deviation of outputs, if inputs have zero mean and unit variance
        """
        nn.init.normal_(self.weight, std=std / math.sqrt(self.in_features))
        nn.init.zeros_(self.bias)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Project.

        :param x: shape: `(*batch_dims, *input_shape)` the inputs

        :returns: shape: `(*batch_dims, *shape)` the outputs
        """
        x = to_real_vector(x, num_batch_dims=x.ndim - self.num_input_dims).to(self.weight.dtype)
        # converted again, since the type that mixed precision computes in may have no complex counterpart
        y = super().forward(x).to(self.weight.dtype)
        return from_real_vector(y, shape=self.shape, is_complex=self.is_complex)
