"""The representation of multimodal entities."""

import inspect
from collections.abc import Mapping
from typing import Any, cast

import torch
from class_resolver import HintOrType, OptionalKwargs, ResolverKey, update_docstring_with_resolver_keys
from docdata import parse_docdata
from pykeen.nn import representation_resolver
from pykeen.nn.representation import Embedding, TransformedRepresentation
from pykeen.typing import LongTensor
from torch import Tensor, nn
from typing_extensions import Self

from .feature_representation import (
    STRUCTURAL,
    FeatureRepresentation,
    Modality,
    Projection,
    check_names,
    make_modalities,
)
from .fusion import Fusion, fusion_resolver

__all__ = ["MultimodalRepresentation"]


@parse_docdata
class MultimodalRepresentation(Embedding):
    """A learned embedding, fused with further modalities of the same entities, e.g., text or images.

    It is an :class:`pykeen.nn.representation.Embedding`, the *structural* modality, and without any other one it is
    nothing else. Each further modality has features, or a representation of its own, and a learned linear map from
    there to the shape of the embedding. What the model gets is the fusion of all.

    - An entity may lack a modality. It is left out of the fusion then.
    - All modalities start at the same scale, that of the embedding after its initialisation.
    - Constraints, e.g., a unit norm, apply to each modality: to the embedding after an update, as in PyKEEN, and to
      what is projected whenever it is. Otherwise, the latter would outgrow the former, which may not, and drown it.
    - Normaliser, regulariser and dropout apply to the fusion.

    A named model of PyKEEN passes its own arguments to its entity representation, but none of those that are new here.
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
        :param modalities: what there is for each modality beyond the structural one, by name:

            - features, or the path of a file with them, cf. :func:`pykeen_dhns.features.load_features`, or
            - an instance of a representation. An instance of a
              :class:`pykeen_dhns.multimodal.feature_representation.FeatureRepresentation` can be shared; any other one
              is taken to be present for all entities.
            - a class or a name of a representation, if there are ``modalities_kwargs`` for it. A class needs none.
        :param modalities_kwargs: additional keyword-based parameters for each representation given by class or name
        :param fusion: the strategy to fuse modalities, by class or name: ``attention``, the default, as it can learn
            to leave out what does not help, ``sum``, ``mean``, or ``gate``
        :param fusion_kwargs: additional keyword-based parameters for the fusion
        :param dropout: the dropout of the fused embeddings
        :param unique: whether to compute the embeddings of repeated entities once. If None, this is done if there is
            something to compute, and nothing random about it, i.e., with modalities and without dropout.
        :param kwargs: additional keyword-based parameters passed to :class:`pykeen.nn.representation.Embedding`, which
            are about the structural modality: ``shape``, ``initializer``, ``constrainer``, ``trainable``, ``dtype``...

        :raises ValueError: if a modality is not possible; the message names it, what was given, and what is needed
        """  # noqa: DOC103, DOC502
        check_names(modalities, modalities_kwargs)
        if unique is None:
            unique = bool(modalities) and not dropout
        super().__init__(max_id=max_id, dropout=dropout, unique=unique, **kwargs)
        # neither has parameters if there are no modalities: resetting the model must not draw more random numbers
        self.projected = nn.ModuleDict()
        self.fusion: Fusion | None = None
        fusion_cls = type(fusion) if isinstance(fusion, Fusion) else fusion_resolver.lookup(fusion)
        if not modalities:
            return
        dtype = self._embeddings.weight.dtype
        for name, base in make_modalities(modalities, modalities_kwargs, max_id=self.max_id).items():
            with torch.no_grad():
                example = base(indices=torch.zeros(1, dtype=torch.long, device=base.device))
            projection = Projection(
                input_shape=base.shape,
                shape=self.shape,
                input_is_complex=example.is_complex(),
                is_complex=self.is_complex,
                dtype=dtype,
            )
            self.projected[name] = TransformedRepresentation(transformation=projection, base=base, unique=False)
        dim, num_modalities = self._embeddings.embedding_dim, len(self.modality_names)
        self.fusion = fusion_resolver.make(fusion, fusion_kwargs, dim=dim, num_modalities=num_modalities).to(dtype)
        if (self.fusion.dim, self.fusion.num_modalities) != (dim, num_modalities):
            raise ValueError(
                f"fusion is a {fusion_cls.__name__} for dim={self.fusion.dim} and num_modalities="
                f"{self.fusion.num_modalities}, but these must be {dim} and {num_modalities}. Pass its class or name."
            )

    @classmethod
    def configured(cls, **kwargs: Any) -> type[Self]:
        """Make a class with other defaults, for models which do not pass on what they do not know.

        What it makes are instances of this class, so they can be pickled.

        :param kwargs: the defaults. Arguments that are given explicitly win.

        :returns: the class

        :raises ValueError: if there is no such argument, or a modality's name is not valid. Nothing is loaded yet.
        """  # noqa: DOC103
        unknown = sorted(kwargs.keys() - _argument_names(cls))
        if unknown:
            raise ValueError(f"{unknown} are unknown, known arguments are: {sorted(_argument_names(cls))}.")
        check_names(kwargs.get("modalities"), kwargs.get("modalities_kwargs"))

        def new(_: type, *args: Any, **explicit: Any) -> Any:
            return cls(*args, **(kwargs | explicit))

        return type(cls.__name__, (cls,), dict(__new__=new, __doc__=cls.__doc__, __module__=cls.__module__))

    @property
    def modality_names(self) -> tuple[str, ...]:
        """Return the names of all modalities, first the structural one."""
        return (STRUCTURAL, *self.projected)

    @property
    def _projected(self) -> Mapping[str, TransformedRepresentation]:
        """Return the projected modalities, i.e., all but the structural one, with their type."""
        return cast(Mapping[str, TransformedRepresentation], self.projected)

    def structural(self, indices: LongTensor | None = None) -> Tensor:
        """Get the embeddings of the structural modality.

        :param indices: shape: `batch_dims` the entity IDs. None means all.

        :returns: shape: `(*batch_dims, *shape)` the embeddings
        """
        return super()._plain_forward(indices)

    def modalities(self, indices: LongTensor | None = None, *, normalize: bool = False) -> dict[str, Tensor]:
        """Get the embeddings of each modality.

        Neither regulariser nor dropout take notice, so this can be called at any time.

        :param indices: shape: `batch_dims` the entity IDs. None means all.
        :param normalize: whether to apply the normaliser, which otherwise only gets to see the fusion

        :returns: shape: `(*batch_dims, *shape)` the embeddings by modality, first the structural one. Where a modality
            is missing, they are of no meaning.
        """
        bases = [representation.base for representation in self._projected.values()]
        regularizers = [base.regularizer for base in bases if base.regularizer is not None]
        before = [(regularizer.regularization_term, regularizer.updated) for regularizer in regularizers]
        xs = self._read_modalities(indices)
        for regularizer, (term, updated) in zip(regularizers, before, strict=True):
            regularizer.regularization_term, regularizer.updated = term, updated
        if normalize and self.normalizer is not None:
            xs = {name: self.normalizer(x) for name, x in xs.items()}
        return xs

    def _read_modalities(self, indices: LongTensor | None) -> dict[str, Tensor]:
        """Get the embeddings of each modality, of which regularisers of their own take notice."""
        xs = {STRUCTURAL: self.structural(indices)}
        for name, representation in self._projected.items():
            x = representation._plain_forward(indices)
            xs[name] = x if self.constrainer is None else self.constrainer(x)
        return xs

    def mask(self, indices: LongTensor | None = None) -> Tensor:
        """Get which modalities are present.

        :param indices: shape: `batch_dims` the entity IDs. None means all.

        :returns: shape: `(*batch_dims, num_modalities)`, dtype: bool, which are present, in order of the names
        """
        batch_dims = (self.max_id,) if indices is None else indices.shape
        everywhere = torch.ones(batch_dims, dtype=torch.bool, device=self._embeddings.weight.device)
        masks = [everywhere]
        for representation in self._projected.values():
            mask = representation.base.mask if isinstance(representation.base, FeatureRepresentation) else None
            if mask is None:
                masks.append(everywhere)
            else:
                masks.append(mask if indices is None else mask[indices.to(mask.device)])
        return torch.stack(masks, dim=-1)

    def shares(self, indices: LongTensor | None = None) -> Tensor:
        """Get how much each modality contributes.

        :param indices: shape: `batch_dims` the entity IDs. None means all.

        :returns: shape: `(*batch_dims, num_modalities)` the shares: not negative, with a sum of one, in order of the
            names, cf. :meth:`pykeen_dhns.multimodal.fusion.Fusion.shares`
        """
        mask = self.mask(indices)
        if self.fusion is None:
            return mask.to(self._embeddings.weight.dtype)
        return self.fusion.shares(list(self.modalities(indices).values()), mask)

    # docstr-coverage: inherited
    def _plain_forward(self, indices: LongTensor | None = None) -> Tensor:
        if self.fusion is None:
            return self.structural(indices)
        fused: Tensor = self.fusion(list(self._read_modalities(indices).values()), self.mask(indices))
        return fused

    # docstr-coverage: inherited
    def reset_parameters(self) -> None:  # noqa: D102
        super().reset_parameters()
        if self.fusion is None:
            return
        # A modality that is much larger than the structural one would drown it, a much smaller one would not be heard.
        # PyKEEN resets parents after their children, so this comes last.
        std = self._initial_std()
        for representation in self._projected.values():
            cast(Projection, representation.transformation).reset_parameters(std=std)
        self.fusion.reset_parameters()

    def _initial_std(self) -> float:
        """Get the standard deviation of the structural embeddings, as constraints will leave them."""
        with torch.no_grad():
            x = self.structural()
            if self.constrainer is not None:
                # it may work in place
                x = self.constrainer(x.clone())
            std = (torch.view_as_real(x) if x.is_complex() else x).std(correction=0)
        return float(std) if std.isfinite() else 1.0

    # docstr-coverage: inherited
    def post_parameter_update(self) -> None:  # noqa: D102
        if self.fusion is None:
            super().post_parameter_update()
        elif self.constrainer is not None:
            # not the base's, which would replace the structural embeddings by the fusion
            with torch.no_grad():
                x = self.constrainer(self.structural())
                weight = self._embeddings.weight
                weight.copy_((torch.view_as_real(x) if x.is_complex() else x).reshape(weight.shape))


def _argument_names(cls: type) -> set[str]:
    """Get the names of all arguments, through all bases to which a class passes some."""
    names: set[str] = set()
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names.update(p.name for p in parameters if p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL})
        if all(p.kind != p.VAR_KEYWORD for p in parameters):
            break
    return names - {"self"}


if MultimodalRepresentation not in representation_resolver.lookup_dict.values():
    representation_resolver.register(MultimodalRepresentation)
