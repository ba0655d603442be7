"""The arguments that say which modalities there are."""

from collections.abc import Mapping
from types import NoneType
from typing import TypeAlias

from class_resolver import HintOrType, OptionalKwargs
from pykeen.nn.representation import Representation
from torch import nn

from .feature_representation import FeatureRepresentation
from ..features import Features
from ..utils.validation import check_kwargs, check_type, show

__all__ = [
    "STRUCTURAL",
    "Modality",
    "load_modalities",
]

#: What a modality can be given as: features, or a representation, its class, or its name
Modality: TypeAlias = Features | Representation | type[Representation]

#: The name of the modality that is the learned embedding itself
STRUCTURAL = "structural"


def load_modalities(
    modalities: Mapping[str, Modality] | None,
    modalities_kwargs: Mapping[str, OptionalKwargs] | None,
    *,
    max_id: int,
) -> dict[str, HintOrType[Representation]]:
    """Load the modalities that are features, so that several representations can share them.

    :param modalities: features or a representation for each modality, cf.
        :class:`pykeen_dhns.multimodal.representation.MultimodalRepresentation`
    :param modalities_kwargs: additional keyword-based parameters for representations given by class or name
    :param max_id: the number of entities

    :returns: a representation, its class, or its name for each modality

    :raises ValueError: if a name or the features are not possible; the message names the modality
    """
    allowed = "a mapping from names of modalities, or None"
    check_type("modalities", modalities, (Mapping, NoneType), allowed)
    check_type("modalities_kwargs", modalities_kwargs, (Mapping, NoneType), allowed)
    modalities, modalities_kwargs = modalities or {}, modalities_kwargs or {}
    for name, kwargs in modalities_kwargs.items():
        check_kwargs(f"modalities_kwargs[{show(name)}]", kwargs)
        if name not in modalities:
            raise ValueError(f"modalities_kwargs has {show(name)}, but modalities has {list(modalities)} only.")
    sources: dict[str, HintOrType[Representation]] = {}
    for name, source in modalities.items():
        # they become names of submodules
        if not isinstance(name, str) or not name or "." in name or name == STRUCTURAL or hasattr(nn.ModuleDict(), name):
            raise ValueError(
                f"modalities[{show(name)}] is no valid name: it must be a string that is not empty, has no dot, is not "
                f"{STRUCTURAL!r}, which is reserved for the learned embedding, and is not the name of an attribute of "
                f"torch.nn.ModuleDict. Choose another one, e.g., 'textual'."
            )
        if isinstance(source, Representation | type):
            sources[name] = source
        elif name not in modalities_kwargs:
            sources[name] = FeatureRepresentation(source, max_id=max_id, name=name)
        elif isinstance(source, str):
            sources[name] = source
        else:
            raise ValueError(
                f"modalities[{name!r}] is a {type(source).__name__}, but has modalities_kwargs: it must be the class "
                f"or the name of a representation."
            )
    return sources
