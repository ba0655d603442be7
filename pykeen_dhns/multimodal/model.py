"""Models with multimodal entities."""

import types
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeAlias, cast

from class_resolver import HintOrType, OptionalKwargs, ResolverKey, update_docstring_with_resolver_keys
from pykeen.constants import DEFAULT_EMBEDDING_HPO_EMBEDDING_DIM_RANGE
from pykeen.losses import loss_resolver
from pykeen.models import ERModel, model_resolver
from pykeen.nn.modules import Interaction, interaction_resolver
from pykeen.triples import KGInfo
from torch import nn
from typing_extensions import override

from .fusion import Fusion, fusion_resolver
from .modalities import Modality, load_modalities
from .representation import MultimodalRepresentation
from ..utils.arguments import argument_names, check_names
from ..utils.validation import check_hint, check_integer, check_kwargs, check_size, check_type, show

__all__ = [
    "NAMED_MODELS",
    "MultimodalModel",
]

# whatever the representations are
AnyInteraction: TypeAlias = Interaction[Any, Any, Any]
AnyModel: TypeAlias = ERModel[Any, Any, Any]

#: PyKEEN's models by interaction: a model has the name of its interaction. KG2E is missing, since one of its embeddings
#: must stay positive, which a fusion does not guarantee.
NAMED_MODELS: Mapping[type[AnyInteraction], type[AnyModel]] = {
    interaction: cast(type[AnyModel], model_resolver.lookup_dict[name])
    for name, interaction in interaction_resolver.lookup_dict.items()
    if name in model_resolver.lookup_dict and name != "kg2e"
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
        # not annotated, as in PyKEEN: its command line fails to make an option of an annotated one
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
        check_type("triples_factory", triples_factory, KGInfo, "a triples factory")
        check_kwargs("interaction_kwargs", interaction_kwargs)
        # PyKEEN takes anything for a loss, and its messages about seeds do not say that they are about seeds
        check_hint("loss", kwargs.get("loss"), loss_resolver)
        if kwargs.get("random_seed") is not None:
            check_integer("random_seed", kwargs["random_seed"], minimum=0, maximum=2**32 - 1)
        if embedding_dim is not None:
            check_size("embedding_dim", embedding_dim)
            kwargs["embedding_dim"] = embedding_dim
        cls = _named_model(interaction)
        check_names(type(self).__name__, kwargs, argument_names(type(self)) | argument_names(cls))
        max_id = triples_factory.num_entities
        sources = load_modalities(modalities, modalities_kwargs, max_id=max_id)
        # Python looks up methods in the named model, then in _OtherInteraction, then in ERModel. So the second one sees
        # the arguments that the first one passes to the third.
        built = types.new_class(cls.__name__, (cls, _OtherInteraction))(
            triples_factory=triples_factory,
            other_interaction=interaction,
            other_interaction_kwargs=interaction_kwargs,
            entity_representations=MultimodalRepresentation.configured(
                modalities=sources,
                modalities_kwargs=modalities_kwargs,
                fusion=fusion,
                fusion_kwargs=fusion_kwargs,
            ),
            **kwargs,
        )
        # A model is what its attributes are, modules included. Initializing the base class here, once more, would draw
        # other random numbers.
        self.__dict__.update(built.__dict__)


def _named_model(interaction: HintOrType[AnyInteraction]) -> type[AnyModel]:
    """Choose the model for an interaction."""
    try:
        cls = type(interaction) if isinstance(interaction, Interaction) else interaction_resolver.lookup(interaction)
        return NAMED_MODELS[cls]
    except (KeyError, TypeError, ValueError):
        known = ", ".join(sorted(map(interaction_resolver.normalize_cls, NAMED_MODELS)))
        raise ValueError(
            f"interaction={show(interaction)} is unknown here, known ones are: {known}. For any other one, pass "
            f"entity_representations=MultimodalRepresentation.configured(modalities=...) to a model class of PyKEEN, "
            f"e.g., to pykeen.models.ERModel."
        ) from None


class _OtherInteraction(AnyModel):
    """A base class of named models that changes their interaction, and what they regularise."""

    def __init__(
        self,
        *,
        interaction: HintOrType[AnyInteraction],
        interaction_kwargs: OptionalKwargs = None,
        other_interaction: HintOrType[AnyInteraction],
        other_interaction_kwargs: OptionalKwargs,
        **kwargs: Any,
    ) -> None:
        if isinstance(other_interaction, Interaction):
            if other_interaction_kwargs:
                raise ValueError(
                    f"interaction_kwargs={show(other_interaction_kwargs)} cannot change an instance: pass its class "
                    f"or name."
                )
            interaction, interaction_kwargs = other_interaction, None
        elif other_interaction_kwargs:
            if isinstance(interaction, Interaction):
                interaction, interaction_kwargs = type(interaction), {}
            interaction_kwargs = {**(interaction_kwargs or {}), **other_interaction_kwargs}
        super().__init__(interaction=interaction, interaction_kwargs=interaction_kwargs, **kwargs)

    @override
    def append_weight_regularizer(
        self, parameter: str | nn.Parameter | Iterable[str | nn.Parameter], *args: Any, **kwargs: Any
    ) -> None:
        # TransH regularises all parameters of its entities, by which it means their embeddings
        if not isinstance(parameter, str | nn.Parameter):
            entities = cast(Iterable[MultimodalRepresentation], self.entity_representations)
            others = {id(p) for r in entities for p in r.parameters() if p is not r._embeddings.weight}
            parameter = [p for p in parameter if id(p) not in others]
        super().append_weight_regularizer(parameter, *args, **kwargs)


if MultimodalModel not in model_resolver.lookup_dict.values():
    model_resolver.register(MultimodalModel)
