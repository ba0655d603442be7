"""Load the features of a modality, and check them."""

import logging
import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import torch
from pykeen.triples import TriplesFactory
from torch import Tensor

from .arrays import check_rows, expand_path, read_file
from .encoded_features import EncodedFeatures, belongs_to, load_provenance
from .labels import entity_labels
from ..utils.validation import check_type

__all__ = ["Features", "check_labels", "load_features"]

logger = logging.getLogger(__name__)

#: Where features come from: the features themselves, a file with them, or a mapping with ``features`` and ``mask``
Features: TypeAlias = (
    Tensor | np.ndarray[Any, Any] | pd.DataFrame | EncodedFeatures | str | os.PathLike[str] | Mapping[str, Any]
)


def load_features(name: str, source: Features, num_entities: int | None = None) -> tuple[Tensor, Tensor]:
    """Load the features of a modality.

    :param name: the modality's name, for messages, and as the key in a file with several tensors
    :param source: shape: (n, k) the features of all entities, ordered by entity ID: a tensor, an array, a data frame,
        encoded features, or the path of a file: ``.npy``, ``.pt``, ``.pth``, or ``.safetensors``. A row that is NaN, or
        masked, says that the entity has no features. A mapping ``dict(features=..., mask=...)`` can say this, too. Its
        mask has shape (n,) and holds Booleans. It comes from any of these sources.
    :param num_entities: the number of entities, which the number of rows must be. If None, any number will do.

    :returns: shape: (n, k), dtype: float32, the features, which are zero where missing, and shape: (n,), dtype: bool,
        whether an entity has features

    :raises ValueError: if the features are not valid. The message names the modality, and says what is needed.
    """
    check_type("name", name, str, "the name of a modality")
    label, mask = f"modalities[{name!r}]", None
    if isinstance(source, Mapping):
        if not {"features"} <= source.keys() <= {"features", "mask"}:
            raise ValueError(f"{label} is a mapping with {list(source)}: it must have features, and may have mask.")
        source, mask = source["features"], source.get("mask")
    features = _read(label, name, source).astype(np.float32)
    if mask is not None:
        mask = _read(f"{label}['mask']", name, mask)
        if mask.dtype != bool or mask.shape != features.shape[:1]:
            raise ValueError(
                f"{label}['mask'] has shape {mask.shape} and dtype {mask.dtype}: it must be ({len(features)},), with "
                f"True for entities that have features, and False for others."
            )
        features[~mask] = np.nan
    present = check_rows(label, features, num_entities)
    features[~present] = 0.0
    return torch.from_numpy(features), torch.from_numpy(present)


def _read(label: str, name: str, source: Any) -> np.ndarray[Any, Any]:
    """Get an array of numbers or Booleans from where it is."""
    if isinstance(source, str | os.PathLike):
        path = expand_path(source)
        label = f"{label}={str(path)!r}"
        source = read_file(label, path, key=name)
    if isinstance(source, EncodedFeatures):
        source = source.features
    if isinstance(source, Tensor):
        source = source.detach().cpu().to_dense()
        # NumPy has no bfloat16
        source = source.float().numpy() if source.is_floating_point() else source.numpy()
    array = source if isinstance(source, np.ma.MaskedArray) else np.asarray(source)
    if array.dtype == bool:
        return np.ma.filled(array, False)
    if array.dtype.kind not in "fiu":
        raise ValueError(
            f"{label} is a {type(source).__name__} with dtype {array.dtype}: it must be real numbers, in a tensor, an "
            f"array, a data frame, or a file."
        )
    with np.errstate(over="ignore"):
        return np.ma.filled(array.astype(np.float32), np.nan)


def check_labels(name: str, source: Any, triples_factory: TriplesFactory) -> None:
    """Check that features were encoded for the labels of the entities, if they are encoded ones, or a file of them.

    :param name: the modality's name, for messages
    :param source: the features, or where they come from, cf. :func:`load_features`
    :param triples_factory: a triples factory with labels

    :raises ValueError: if they were encoded for other labels, or in another order
    """
    label = f"modalities[{name!r}]"
    if isinstance(source, Mapping):
        source = source.get("features")
    if isinstance(source, EncodedFeatures):
        provenance = source.provenance
    elif isinstance(source, str | os.PathLike) and (path := expand_path(source)).suffix == ".npy":
        label = f"{label}={str(path)!r}"
        if not path.with_name(f"{path.name}.json").exists():
            return
        try:
            provenance = load_provenance(path)
        except ValueError as error:
            logger.warning("Nothing can check that the rows of %s are those of the entities. %s", label, error)
            return
    else:
        return
    if belongs_to(provenance, entity_labels(triples_factory)):
        return
    if provenance.labels_hash is None:
        logger.warning("Nothing can check that the rows of %s are those of the entities. It has no labels.", label)
    else:
        raise ValueError(
            f"{label} was encoded for other labels than those of the entities, or for these in another order. Encode "
            f"again with labels=entity_labels(triples_factory), or bring the rows into order by align."
        )
