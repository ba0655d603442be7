"""Small models, for any interaction, and with modalities."""

from collections.abc import Callable
from typing import Any, cast

import torch
from pykeen.models import ERModel, RotatE
from pykeen.nn.representation import Embedding
from pykeen.utils import complex_normalize
from torch import Tensor

from pykeen_dhns import MultimodalRepresentation
from pykeen_dhns.training.model_adapter import AnyModel

from .interactions import DIMS, make_interaction
from .loops import FACTORY

__all__ = ["INVERSE", "MODELS", "make_features", "make_model", "make_multimodal"]

#: Arguments of small models, for those that need more than the embedding dimension
MODELS: dict[str, dict[str, Any]] = {
    "BoxE": {},
    "CP": dict(rank=2),
    "CompGCN": {},
    "ComplEx": {},
    "ConvE": dict(embedding_dim=12, output_channels=4, embedding_height=3, embedding_width=4),
    "ConvKB": dict(num_filters=3),
    "CrossE": {},
    "DistMA": {},
    "DistMult": {},
    "ERMLP": {},
    "ERMLPE": {},
    "HolE": {},
    "KG2E": {},
    "MuRE": {},
    "NTN": {},
    "NodePiece": dict(num_tokens=3),
    "PairRE": {},
    "ProjE": {},
    "QuatE": {},
    "RESCAL": {},
    "RGCN": {},
    "RotatE": {},
    "SE": {},
    "SimplE": {},
    "TorusE": {},
    "TransD": dict(relation_dim=4),
    "TransE": {},
    "TransF": {},
    "TransH": {},
    "TransR": dict(relation_dim=4),
    "TuckER": {},
    "UM": {},
}
#: Models that need inverse triples, and models that are tested with them
INVERSE = {"ConvE", "CompGCN", "NodePiece", "TransE", "ComplEx", "TransD"}


def make_model(name: str) -> AnyModel:
    """Create a model for any interaction."""
    interaction = make_interaction(name)
    dtype = torch.complex64 if interaction.is_complex else torch.float32
    kwargs: dict[str, Any] = {
        f"{kind}_representations_kwargs": [
            {"shape": tuple(DIMS[symbol] for symbol in shape), "dtype": dtype} for shape in shapes
        ]
        for kind, shapes in (("entity", interaction.entity_shape), ("relation", interaction.relation_shape))
    }
    if not interaction.relation_shape:
        kwargs.update(relation_representations=[], relation_representations_kwargs=None)
    model = ERModel(triples_factory=FACTORY, interaction=interaction, random_seed=0, skip_checks=True, **kwargs)
    # in double precision, so that the order of sums hardly matters
    model = model.double()
    if name == "rotate":
        # PyKEEN rotates whichever side is cheaper, which is the same for rotations only
        rotations = cast(Embedding, model.relation_representations[0])
        rotations.constrainer = complex_normalize
        rotations.post_parameter_update()
    return model


def make_features(missing: tuple[int, ...] = ()) -> Tensor:
    """Draw features, which some entities lack."""
    features = torch.randn(FACTORY.num_entities, 5)
    features[list(missing)] = float("nan")
    return features


def make_multimodal(model: Callable[..., AnyModel] = RotatE, **modalities: Any) -> AnyModel:
    """Create a model with modalities."""
    return model(
        triples_factory=FACTORY,
        embedding_dim=6,
        random_seed=0,
        entity_representations=MultimodalRepresentation.configured(modalities=modalities),
    )
