"""Representations from features, which are not learned themselves, and their projection to a shape wanted."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import torch
from class_resolver import HintOrType, OptionalKwargs
from pykeen.nn import representation_resolver
from pykeen.nn.representation import Representation
from pykeen.typing import LongTensor
from torch import Tensor, nn
from torch.nn import functional

from .fusion import flatten_real
from ..features import Features, check_rows, load_features

__all__ = [
    "STRUCTURAL",
    "FeatureRepresentation",
    "Modality",
    "Projection",
    "check_names",
    "load_modalities",
    "make_modalities",
]

#: What a modality can be given as: features, or a representation, its class, or its name
Modality: TypeAlias = Features | Representation | type[Representation]

#: The name of the modality that is the learned embedding itself
STRUCTURAL = "structural"


class FeatureRepresentation(Representation):
    """Fixed features, brought to a common scale.

    They are centred, and divided by one number, such that the mean of the variances of all features is one. Both are
    over those entities that have features. All others get zeros.

    Features are no parameters, so nothing resets or trains them. They are part of the state dict.
    """

    #: shape: `(max_id, num_features)` the features
    features: Tensor

    #: shape: `(max_id,)` which entities have features
    mask: Tensor

    def __init__(self, features: Features, *, max_id: int | None = None, name: str = "features", **kwargs: Any) -> None:
        """Initialize the representation.

        :param features: shape: `(max_id, num_features)` the features, or where to find them, cf.
            :func:`pykeen_dhns.features.load_features`
        :param max_id: the number of entities. If None, there are as many as rows.
        :param name: the modality's name, for messages
        :param kwargs: additional keyword-based parameters passed to :class:`pykeen.nn.representation.Representation`

        :raises ValueError: if these are no features, or of another number of entities
        """  # noqa: DOC103
        values, mask = load_features(name, features)
        max_id = len(values) if max_id is None else max_id
        check_rows(name, n=len(values), max_id=max_id)
        variance, mean = torch.var_mean(values[mask], dim=0, correction=0)
        scale = variance.mean().sqrt()
        if not scale.isfinite():
            raise ValueError(f"modalities[{name!r}] has values up to {values.abs().max():.0e}: scale them down.")
        # a look-up is cheap: PyKEEN's default, to look for duplicates first, is not worth it
        super().__init__(max_id=max_id, shape=tuple(values.shape[1:]), **(dict(unique=False) | kwargs))
        # if all entities have the same features, then these are zero now, whatever the scale
        values = (values - mean) / torch.where(scale > 0, scale, 1.0)
        self.register_buffer("features", values.masked_fill(~mask.unsqueeze(dim=1), 0.0))
        self.register_buffer("mask", mask)

    # docstr-coverage: inherited
    def _plain_forward(self, indices: LongTensor | None = None) -> Tensor:
        return self.features if indices is None else self.features[indices.to(self.features.device)]


class Projection(nn.Module):
    """A linear map from vectors of one shape to those of another one."""

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        shape: Sequence[int],
        input_is_complex: bool = False,
        is_complex: bool = False,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Initialize the projection.

        :param input_shape: the shape of an input
        :param shape: the shape of an output
        :param input_is_complex: whether inputs are complex. If so, they are taken as pairs of real numbers.
        :param is_complex: whether outputs are complex
        :param dtype: the (real) data type of the parameters. If None, use PyTorch's default.
        """
        super().__init__()
        self.num_input_dims = len(input_shape)
        self.real_shape = (*shape, 2) if is_complex else tuple(shape)
        self.is_complex = is_complex
        input_dim = math.prod(input_shape) * (2 if input_is_complex else 1)
        dim = math.prod(self.real_shape)
        self.weight = nn.Parameter(torch.empty(dim, input_dim, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(dim, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self, std: float = 1.0) -> None:
        """Reset the module's parameters.

        :param std: the standard deviation of outputs, if inputs have zero mean and unit variance
        """
        nn.init.normal_(self.weight, std=std / math.sqrt(self.weight.shape[1]))
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Project.

        :param x: shape: `(*batch_dims, *input_shape)` the inputs

        :returns: shape: `(*batch_dims, *shape)` the outputs
        """
        batch_dims = x.shape[: x.ndim - self.num_input_dims]
        x = flatten_real(x, num_batch_dims=len(batch_dims)).to(self.weight.dtype)
        # converted once more, since automatic mixed precision would leave a type that has no complex counterpart
        y = functional.linear(x, self.weight, self.bias).to(self.weight.dtype)
        y = y.view(*batch_dims, *self.real_shape)
        return torch.view_as_complex(y) if self.is_complex else y


def make_modalities(
    modalities: Mapping[str, Modality] | None,
    modalities_kwargs: Mapping[str, OptionalKwargs] | None,
    *,
    max_id: int,
) -> dict[str, Representation]:
    """Make the representations from which modalities are projected.

    :param modalities: features or a representation for each modality, cf.
        :class:`pykeen_dhns.multimodal.representation.MultimodalRepresentation`
    :param modalities_kwargs: additional keyword-based parameters for representations given by class or name
    :param max_id: the number of entities

    :returns: a representation for each modality

    :raises ValueError: if a modality cannot be made; the message names it
    """
    representations: dict[str, Representation] = {}
    for name, source in load_modalities(modalities, modalities_kwargs, max_id=max_id).items():
        if not isinstance(source, Representation | str | type):
            raise ValueError(  # noqa: TRY004
                f"modalities[{name!r}] is a {type(source).__name__}, but has modalities_kwargs: it must be the class "
                f"or the name of a representation."
            )
        kwargs = (modalities_kwargs or {}).get(name)
        try:
            representation = representation_resolver.make(source, pos_kwargs=kwargs, max_id=max_id)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"modalities[{name!r}]={source!r} cannot be made with {kwargs}: {error}") from error
        if representation.max_id != max_id:
            raise ValueError(
                f"modalities[{name!r}] is a representation with max_id={representation.max_id}, but there are {max_id} "
                f"entities: these must be equal."
            )
        representations[name] = representation
    return representations


def load_modalities(
    modalities: Mapping[str, Modality] | None,
    modalities_kwargs: Mapping[str, OptionalKwargs] | None,
    *,
    max_id: int,
) -> dict[str, HintOrType[Representation]]:
    """Load those modalities which are features, such that several representations can share them.

    :param modalities: features or a representation for each modality
    :param modalities_kwargs: additional keyword-based parameters for representations given by class or name
    :param max_id: the number of entities

    :returns: a representation, its class, or its name for each modality

    :raises ValueError: if the features are not possible; the message names the modality
    """  # noqa: DOC502
    check_names(modalities, modalities_kwargs)
    return {
        name: cast(HintOrType[Representation], source)
        if isinstance(source, Representation | type) or name in (modalities_kwargs or {})
        else FeatureRepresentation(source, max_id=max_id, name=name)
        for name, source in (modalities or {}).items()
    }


def check_names(modalities: Any, modalities_kwargs: Any = None) -> None:
    """Check the names of modalities.

    :param modalities: a mapping with something for each modality, or None
    :param modalities_kwargs: a mapping with additional keyword-based parameters for some of them, or None

    :raises ValueError: if these are no mappings, a name is not possible, or there are parameters for an unknown one
    """
    for key, value in (("modalities", modalities), ("modalities_kwargs", modalities_kwargs)):
        if not isinstance(value, Mapping | None):
            message = f"{key} is a {type(value).__name__}: it must be a mapping from names of modalities."
            raise ValueError(message)  # noqa: TRY004
    for name in modalities or {}:
        if name == STRUCTURAL:
            raise ValueError(f"modalities[{name!r}] is reserved for the learned embedding: choose another name.")
        # they become names of submodules
        if not isinstance(name, str) or not name or "." in name or hasattr(nn.ModuleDict(), name):
            raise ValueError(
                f"modalities[{name!r}] is no valid name: it must be a string that is not empty, has no dot, and is not "
                f"the name of an attribute of torch.nn.ModuleDict. Choose another one, e.g., 'textual'."
            )
    unknown = sorted(set(modalities_kwargs or {}).difference(modalities or {}))
    if unknown:
        raise ValueError(f"modalities_kwargs has {unknown}, but modalities has {sorted(modalities or {})} only.")
