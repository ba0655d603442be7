"""The representation of multimodal entities."""

import math
from collections.abc import Mapping
from types import NoneType
from typing import Any, cast

import torch
from class_resolver import HintOrType, OptionalKwargs, ResolverKey, update_docstring_with_resolver_keys
from docdata import parse_docdata
from pykeen.nn import representation_resolver
from pykeen.nn.representation import Embedding, Representation, TransformedRepresentation
from pykeen.regularizers import Regularizer
from pykeen.typing import LongTensor
from pykeen.utils import upgrade_to_sequence
from torch import Tensor, nn
from typing_extensions import Self, override

from .feature_representation import FeatureRepresentation, Projection
from .fusion import Fusion, fusion_resolver
from .modalities import STRUCTURAL, Modality, load_modalities
from ..utils.arguments import argument_names, check_names
from ..utils.real_vectors import from_real_vector, to_real_vector
from ..utils.validation import (
    MAX_ENTITIES,
    check_bool,
    check_component,
    check_fraction,
    check_size,
    check_type,
    show,
)

__all__ = ["MultimodalRepresentation"]


@parse_docdata
class MultimodalRepresentation(Embedding):
    """A learned embedding, fused with further modalities of the same entities, e.g., text or images.

    It is an :class:`pykeen.nn.representation.Embedding`, the *structural* modality, and without any other one it is
    nothing else. Each further modality has features, or a representation, and a learned linear map to the shape of the
    embedding. The model gets the fusion of all.

    - An entity may lack a modality. The fusion leaves it out.
    - All modalities start at the same scale, that of the embedding after its initialisation.
    - Constraints, e.g., a unit norm, apply to each modality: to the embedding after an update, as in PyKEEN, and to the
      projected modalities whenever they are computed. Otherwise, these would outgrow the embedding, and drown it.
    - Normaliser, regulariser and dropout apply to the fusion.

    A named model of PyKEEN passes its own arguments to its entity representation, but not those that are new here.
    :meth:`configured` brings them in:

    .. code-block:: python

        pipeline(
            dataset="nations",
            model="RotatE",
            model_kwargs=dict(
                entity_representations=MultimodalRepresentation.configured(modalities=dict(textual="textual.npy")),
            ),
        )

    ---
    name: Multimodal
    """

    @update_docstring_with_resolver_keys(ResolverKey("fusion", "pykeen_dhns.multimodal.fusion.fusion_resolver"))
    def __init__(
        self,
        max_id: int | None = None,
        *,
        modalities: Mapping[str, Modality] | None = None,
        modalities_kwargs: Mapping[str, OptionalKwargs] | None = None,
        fusion: HintOrType[Fusion] = None,
        fusion_kwargs: OptionalKwargs = None,
        dropout: float | None = None,
        unique: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Initialize the representation.

        :param max_id: the number of entities
        :param modalities: the modalities beyond the structural one, by name. Each of them is one of:

            - features, or the path of a file with them, cf. :func:`pykeen_dhns.features.load_features`
            - an instance of a representation. Several multimodal representations can share a
              :class:`pykeen_dhns.multimodal.feature_representation.FeatureRepresentation`. All entities have the
              modality if it is any other one.
            - a class of a representation, or a name if there are ``modalities_kwargs`` for it
        :param modalities_kwargs: additional keyword-based parameters for each representation given by class or name
        :param fusion: the strategy to fuse modalities, by class or name: ``attention``, the default, as it can learn
            to leave out what does not help, ``sum``, ``mean``, or ``gate``
        :param fusion_kwargs: additional keyword-based parameters for the fusion
        :param dropout: the dropout of the fused embeddings
        :param unique: whether to compute the embeddings of repeated entities once. By default, this is done if
            there are modalities and no dropout.
        :param kwargs: additional keyword-based parameters passed to :class:`pykeen.nn.representation.Embedding`, for
            the structural modality: ``shape``, ``initializer``, ``constrainer``, ``trainable``, ``dtype``...

        :raises ValueError: if a modality is not possible; the message names it, what was given, and what is needed
        """  # noqa: DOC103
        check_type("modalities", modalities, (Mapping, NoneType), "a mapping from names of modalities, or None")
        check_component("fusion", fusion, fusion_kwargs, fusion_resolver)
        if max_id is not None:
            check_size("max_id", max_id, maximum=MAX_ENTITIES)
        if dropout is not None:
            check_fraction("dropout", dropout)
        if unique is not None:
            check_bool("unique", unique)
        else:
            unique = bool(modalities) and not dropout
        check_names(type(self).__name__, kwargs, argument_names(type(self)))
        for name in kwargs.keys() & {"shape", "embedding_dim"}:
            for size in () if kwargs[name] is None else upgrade_to_sequence(kwargs[name]):
                check_size(name, size)
        super().__init__(max_id=max_id, dropout=dropout, unique=unique, **kwargs)
        sources = load_modalities(modalities, modalities_kwargs, max_id=self.max_id)
        self.projected = cast(dict[str, TransformedRepresentation], nn.ModuleDict())
        # Without modalities, the parameters of a fusion would only draw random numbers that an embedding does not draw.
        self.fusion: Fusion | None = None
        if not sources:
            return
        for name, source in sources.items():
            self.projected[name] = self._project(name, source, (modalities_kwargs or {}).get(name))
        sizes = dict(dim=self._embeddings.embedding_dim, num_modalities=len(self.modality_names))
        self.fusion = fusion_resolver.make(fusion, fusion_kwargs, **sizes).to(self._embeddings.weight.dtype)
        if sizes != dict(dim=self.fusion.dim, num_modalities=self.fusion.num_modalities):
            raise ValueError(
                f"fusion is for dim={self.fusion.dim} and num_modalities={self.fusion.num_modalities}, but needed is "
                f"one for {sizes}. Pass its class or name."
            )

    def _project(
        self, name: str, source: HintOrType[Representation], kwargs: OptionalKwargs
    ) -> TransformedRepresentation:
        """Make the representation of a modality, and project it to the shape of the structural one."""
        try:
            base = representation_resolver.make(source, kwargs, max_id=self.max_id)
            with torch.no_grad():
                example = base(indices=torch.zeros(1, dtype=torch.long, device=base.device))
            projection = Projection(
                example, shape=self.shape, is_complex=self.is_complex, dtype=self._embeddings.weight.dtype
            )
            return TransformedRepresentation(projection, max_id=self.max_id, base=base, unique=False)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"modalities[{name!r}]={show(source)} cannot be made with modalities_kwargs={show(kwargs)}: {error}"
            ) from error

    @classmethod
    def configured(cls, **kwargs: Any) -> type[Self]:
        """Make a class with other defaults, for models that only pass on the arguments they know.

        Its instances are instances of this class, so they can be pickled.

        :param kwargs: the defaults. Arguments that are given explicitly win.

        :returns: the class

        :raises TypeError: if there is no such argument. Nothing is loaded yet.
        """  # noqa: DOC103, DOC502
        check_names(cls.__name__, kwargs, argument_names(cls))

        def new(_: type, *args: Any, **explicit: Any) -> Any:
            return cls(*args, **(kwargs | explicit))

        return type(cls.__name__, (cls,), dict(__new__=new, __doc__=cls.__doc__, __module__=cls.__module__))

    @property
    def modality_names(self) -> tuple[str, ...]:
        """Return the names of all modalities, first the structural one."""
        return (STRUCTURAL, *self.projected)

    def structural(self, indices: LongTensor | None = None) -> Tensor:
        """Get the embeddings of the structural modality.

        :param indices: shape: `batch_dims` the entity IDs. None means all.

        :returns: shape: `(*batch_dims, *shape)` the embeddings
        """
        return super()._plain_forward(indices)

    def modalities(self, indices: LongTensor | None = None, *, normalize: bool = False) -> dict[str, Tensor]:
        """Get the embeddings of each modality.

        This changes the state of no regulariser, and there is no dropout of the fusion, so you can call it at any time.

        :param indices: shape: `batch_dims` the entity IDs. None means all.
        :param normalize: whether to apply the normaliser, which otherwise applies to the fusion only

        :returns: shape: `(*batch_dims, *shape)` the embeddings by modality, first the structural one. Where an entity
            lacks a modality, they have no meaning.
        """
        regularizers = [module for module in self.modules() if isinstance(module, Regularizer)]
        before = [(regularizer.regularization_term, regularizer.updated) for regularizer in regularizers]
        xs = self._compute_modalities(indices)
        for regularizer, (term, updated) in zip(regularizers, before, strict=True):
            regularizer.regularization_term, regularizer.updated = term, updated
        if normalize and self.normalizer is not None:
            xs = {name: self.normalizer(x) for name, x in xs.items()}
        return xs

    def _compute_modalities(self, indices: LongTensor | None) -> dict[str, Tensor]:
        """Compute the embeddings of each modality, in a forward pass."""
        xs = {STRUCTURAL: self.structural(indices)}
        for name, representation in self.projected.items():
            x = representation._plain_forward(indices)
            xs[name] = x if self.constrainer is None else self.constrainer(x)
        return xs

    def mask(self, indices: LongTensor | None = None) -> Tensor:
        """Get which modalities are present.

        :param indices: shape: `batch_dims` the entity IDs. None means all.

        :returns: shape: `(*batch_dims, num_modalities)`, dtype: bool, which are present, in order of the names
        """
        everywhere = torch.ones((), dtype=torch.bool, device=self._embeddings.weight.device).expand(self.max_id)
        bases = (representation.base for representation in self.projected.values())
        masks = [everywhere, *(b.mask if isinstance(b, FeatureRepresentation) else everywhere for b in bases)]
        if indices is not None:
            masks = [mask[indices.to(mask.device)] for mask in masks]
        return torch.stack(masks, dim=-1)

    def shares(self, indices: LongTensor | None = None) -> Tensor:
        """Get how much each modality contributes.

        :param indices: shape: `batch_dims` the entity IDs. None means all.

        :returns: shape: `(*batch_dims, num_modalities)` the shares, in order of the names. They are not negative, and
            sum up to one, cf. :meth:`pykeen_dhns.multimodal.fusion.Fusion.shares`.
        """
        mask = self.mask(indices)
        if self.fusion is None:
            return mask.to(self._embeddings.weight.dtype)
        return self.fusion.shares(self._to_vectors(self.modalities(indices), mask), mask)

    def _to_vectors(self, xs: Mapping[str, Tensor], mask: Tensor) -> list[Tensor]:
        """Convert the embeddings of each modality to real vectors, zero where missing."""
        structural, *others = (to_real_vector(x, num_batch_dims=mask.ndim - 1) for x in xs.values())
        # what is missing may hold anything: not even NaN may reach values or gradients
        present = mask.unsqueeze(dim=-1).unbind(dim=-2)
        return [structural, *(x.masked_fill(~there, 0.0) for x, there in zip(others, present[1:], strict=True))]

    @override
    def _plain_forward(self, indices: LongTensor | None = None) -> Tensor:
        if self.fusion is None:
            return self.structural(indices)
        mask = self.mask(indices)
        fused = self.fusion(self._to_vectors(self._compute_modalities(indices), mask), mask)
        return from_real_vector(fused, shape=self.shape, is_complex=self.is_complex)

    @override
    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.fusion is None:
            return
        # A modality of a larger scale would drown the structural one, and one of a smaller scale would have no effect.
        # PyKEEN resets modules after their children, so this comes last.
        with torch.no_grad():
            x = self.structural()
            # a constrainer may work in place
            x = x if self.constrainer is None else self.constrainer(x.clone())
            std = to_real_vector(x, num_batch_dims=1).std(correction=0).item()
        for representation in self.projected.values():
            cast(Projection, representation.transformation).reset_parameters(std=std if math.isfinite(std) else 1.0)
        self.fusion.reset_parameters()

    @override
    def post_parameter_update(self) -> None:
        # PyKEEN's implementation would replace the structural embeddings by the fusion
        if self.constrainer is not None:
            with torch.no_grad():
                x = self.constrainer(self.structural())
                self._embeddings.weight.copy_(to_real_vector(x, num_batch_dims=1))


if MultimodalRepresentation not in representation_resolver.lookup_dict.values():
    representation_resolver.register(MultimodalRepresentation)
