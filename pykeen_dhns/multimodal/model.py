"""Models with multimodal entities."""

import inspect
import types
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeAlias, cast

from class_resolver import HintOrType, OptionalKwargs, ResolverKey, update_docstring_with_resolver_keys
from pykeen import models
from pykeen.constants import DEFAULT_EMBEDDING_HPO_EMBEDDING_DIM_RANGE
from pykeen.models import ERModel, model_resolver
from pykeen.nn import modules
from pykeen.nn.modules import Interaction, interaction_resolver
from pykeen.nn.representation import Representation
from pykeen.triples import KGInfo
from torch import nn

from .feature_representation import Modality, load_modalities
from .fusion import Fusion, fusion_resolver
from .representation import MultimodalRepresentation

__all__ = [
    "NAMED_MODELS",
    "MultimodalModel",
]

# whatever the representations are
AnyInteraction: TypeAlias = Interaction[Any, Any, Any]
AnyModel: TypeAlias = ERModel[Any, Any, Any]

#: PyKEEN's models by interaction: those that only differ from their base by its arguments. There is none for ``kg2e``,
#: since one of its embeddings must stay positive, which a fusion does not guarantee.
NAMED_MODELS: Mapping[type[AnyInteraction], type[AnyModel]] = {
    modules.AutoSFInteraction: models.AutoSF,
    modules.BoxEInteraction: models.BoxE,
    modules.CPInteraction: models.CP,
    modules.ComplExInteraction: models.ComplEx,
    modules.ConvEInteraction: models.ConvE,
    modules.ConvKBInteraction: models.ConvKB,
    modules.CrossEInteraction: models.CrossE,
    modules.DistMAInteraction: models.DistMA,
    modules.DistMultInteraction: models.DistMult,
    modules.ERMLPEInteraction: models.ERMLPE,
    modules.ERMLPInteraction: models.ERMLP,
    modules.HolEInteraction: models.HolE,
    modules.MuREInteraction: models.MuRE,
    modules.NTNInteraction: models.NTN,
    modules.PairREInteraction: models.PairRE,
    modules.ProjEInteraction: models.ProjE,
    modules.QuatEInteraction: models.QuatE,
    modules.RESCALInteraction: models.RESCAL,
    modules.RotatEInteraction: models.RotatE,
    modules.SEInteraction: models.SE,
    modules.SimplEInteraction: models.SimplE,
    modules.TorusEInteraction: models.TorusE,
    modules.TransDInteraction: models.TransD,
    modules.TransEInteraction: models.TransE,
    modules.TransFInteraction: models.TransF,
    modules.TransHInteraction: models.TransH,
    modules.TransRInteraction: models.TransR,
    modules.TuckERInteraction: models.TuckER,
    modules.UMInteraction: models.UM,
}


class MultimodalModel(AnyModel):
    """A model of PyKEEN, chosen by its interaction, with multimodal entities.

    It is built by PyKEEN's own class for the interaction, e.g., :class:`pykeen.models.RotatE` for ``rotate``. So
    shapes, data types, initialisation, constraints, regularisation, and default loss are those of that class. Without
    modalities, there is no difference at all: from the same seed, it trains to the same parameters.

    All arguments can be written as JSON, for hyper-parameter optimization, experiments, and ablation studies.

    .. note::

        If an interaction has several embeddings of entities (e.g., that of BoxE), each of them is multimodal.

    ---
    name: Multimodal
    citation:
        author: Niu
        year: 2025
        link: https://arxiv.org/abs/2501.15393
        arxiv: 2501.15393
    """

    #: The default strategy for optimizing the model's hyper-parameters
    hpo_default: ClassVar[Mapping[str, Any]] = dict(
        embedding_dim=DEFAULT_EMBEDDING_HPO_EMBEDDING_DIM_RANGE,
        fusion=dict(type="categorical", choices=sorted(fusion_resolver.lookup_dict)),
    )

    @update_docstring_with_resolver_keys(
        ResolverKey("interaction", "pykeen.nn.modules.interaction_resolver"),
        ResolverKey("fusion", "pykeen_dhns.multimodal.fusion.fusion_resolver"),
    )
    def __init__(  # type: ignore[no-untyped-def]
        self,
        *,
        triples_factory: KGInfo,
        interaction: HintOrType[AnyInteraction] = "rotate",
        interaction_kwargs: OptionalKwargs = None,
        embedding_dim: int | None = None,
        modalities: Mapping[str, Modality] | None = None,
        modalities_kwargs: Mapping[str, OptionalKwargs] | None = None,
        fusion: HintOrType[Fusion] = None,
        fusion_kwargs: OptionalKwargs = None,
        # not annotated, as in PyKEEN, whose command line makes an option of everything that is, and then fails
        **kwargs,
    ) -> None:
        """Initialize the model.

        :param triples_factory: the triples factory, or anything else that knows the numbers of entities and relations
        :param interaction: the interaction, by class or name. It chooses the model. An instance is used as it is.
        :param interaction_kwargs: additional keyword-based parameters for the interaction. They replace those which the
            chosen model has for it.
        :param embedding_dim: the embedding dimension. If None, use the chosen model's default.
        :param modalities: features of entities, or a file with them, by modality, cf.
            :class:`pykeen_dhns.multimodal.representation.MultimodalRepresentation`
        :param modalities_kwargs: additional keyword-based parameters for modalities which are given as representations
        :param fusion: the strategy to fuse modalities, by class or name: ``attention``, the default, ``sum``, ``mean``,
            or ``gate``
        :param fusion_kwargs: additional keyword-based parameters for the fusion
        :param kwargs: additional keyword-based parameters for the chosen model, e.g., ``loss``, or ``random_seed``.
            Without a loss, it is the chosen model's default, but PyKEEN's pipeline always passes one: by default, and
            for all models, the margin ranking loss.

        :raises ValueError: if there is no model for the interaction, or one of the arguments is not possible
        """  # noqa: DOC103
        if "entity_representations" in kwargs:
            raise ValueError(
                "entity_representations is chosen by this model: use modalities and fusion, or a named model."
            )
        cls = _named_model(interaction)
        if isinstance(interaction, Interaction) and interaction_kwargs:
            raise ValueError(
                f"interaction_kwargs={interaction_kwargs} cannot change an instance: pass its class or name."
            )
        if embedding_dim is not None:
            kwargs["embedding_dim"] = embedding_dim
        built = _with_other_interaction(cls)(
            triples_factory=triples_factory,
            other_interaction=interaction if isinstance(interaction, Interaction) else None,
            other_interaction_kwargs=interaction_kwargs,
            entity_representations=MultimodalRepresentation.configured(
                modalities=load_modalities(modalities, modalities_kwargs, max_id=triples_factory.num_entities),
                modalities_kwargs=modalities_kwargs,
                fusion=fusion,
                fusion_kwargs=fusion_kwargs,
            ),
            **kwargs,
        )
        # All that a model is lies in its attributes, modules included. The base has been initialized, too, as part of
        # this: doing it again would draw other random numbers.
        self.__dict__.update(built.__dict__)


def _named_model(interaction: HintOrType[AnyInteraction]) -> type[AnyModel]:
    """Choose the model for an interaction."""
    try:
        cls = type(interaction) if isinstance(interaction, Interaction) else interaction_resolver.lookup(interaction)
        return NAMED_MODELS[cls]
    except (KeyError, TypeError, ValueError):
        known = ", ".join(sorted(map(interaction_resolver.normalize_cls, NAMED_MODELS)))
        raise ValueError(
            f"interaction={interaction!r} is unknown here, known ones are: {known}. For any other one, pass "
            f"entity_representations=MultimodalRepresentation.configured(modalities=...) to a model class of PyKEEN, "
            f"e.g., to pykeen.models.ERModel."
        ) from None


def _with_other_interaction(cls: type[AnyModel]) -> type[AnyModel]:
    """Derive a class from a named model, which can have another interaction.

    In the order in which methods are resolved, :class:`_OtherInteraction` comes between the named model and its base,
    so it sees the arguments which the former passes to the latter.
    """
    return cast(type[AnyModel], types.new_class(cls.__name__, (cls, _OtherInteraction)))


class _OtherInteraction(AnyModel):
    """A base for named models, with changes to the interaction, and to what is regularised."""

    def __init__(
        self,
        *,
        interaction: HintOrType[AnyInteraction],
        interaction_kwargs: OptionalKwargs = None,
        other_interaction: AnyInteraction | None = None,
        other_interaction_kwargs: OptionalKwargs = None,
        **kwargs: Any,
    ) -> None:
        if other_interaction is not None:
            interaction, interaction_kwargs = other_interaction, None
        elif other_interaction_kwargs:
            if isinstance(interaction, Interaction):
                interaction, interaction_kwargs = type(interaction), {}
            interaction = interaction_resolver.lookup(interaction)
            _check_kwargs(interaction, other_interaction_kwargs)
            interaction_kwargs = {**(interaction_kwargs or {}), **other_interaction_kwargs}
        super().__init__(interaction=interaction, interaction_kwargs=interaction_kwargs, **kwargs)

    # docstr-coverage: inherited
    def append_weight_regularizer(
        self, parameter: str | nn.Parameter | Iterable[str | nn.Parameter], *args: Any, **kwargs: Any
    ) -> None:
        # TransH regularises all parameters of its entities, by which it means their embeddings
        if not isinstance(parameter, str | nn.Parameter):
            others = {id(p) for r in self.entity_representations for p in _further_parameters(r)}
            parameter = [p for p in parameter if id(p) not in others]
        super().append_weight_regularizer(parameter, *args, **kwargs)


def _further_parameters(representation: Representation) -> Iterable[nn.Parameter]:
    """Iterate over the parameters of a multimodal representation which PyKEEN's embedding does not have."""
    if isinstance(representation, MultimodalRepresentation):
        for name, parameter in representation.named_parameters():
            if not name.startswith("_embeddings."):
                yield parameter


def _check_kwargs(cls: type[AnyInteraction], kwargs: Mapping[str, Any]) -> None:
    """Check that an interaction has parameters of these names."""
    parameters = inspect.signature(cls).parameters
    unknown = sorted(kwargs.keys() - parameters.keys())
    if unknown and all(p.kind != p.VAR_KEYWORD for p in parameters.values()):
        raise ValueError(f"interaction_kwargs has {unknown}, but {cls.__name__} only has: {', '.join(parameters)}.")


if MultimodalModel not in model_resolver.lookup_dict.values():
    model_resolver.register(MultimodalModel)
