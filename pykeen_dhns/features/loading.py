"""Load the features of a modality, and check them."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import torch
from pykeen.triples import KGInfo, TriplesFactory
from torch import Tensor

from .encoded_features import EncodedFeatures, expand_path, hash_json, load_provenance
from .labels import entity_labels
from ..utils.validation import check_type

__all__ = ["Features", "load_features"]

logger = logging.getLogger(__name__)

#: Where features come from: the features themselves, a file with them, or a mapping with ``features`` and ``mask``
Features: TypeAlias = (
    Tensor | np.ndarray[Any, Any] | pd.DataFrame | EncodedFeatures | str | os.PathLike[str] | Mapping[str, Any]
)


def load_features(
    name: str, source: Features, num_entities: int | None = None, triples_factory: KGInfo | None = None
) -> tuple[Tensor, Tensor]:
    """Load the features of a modality.

    :param name: the modality's name, for messages, and as the key in a file with several tensors
    :param source: shape: (n, k) the features of all entities, ordered by entity ID: a tensor, an array, a data frame,
        encoded features, or the path of a file: ``.npy``, ``.pt``, ``.pth``, or ``.safetensors``. A row that is NaN, or
        masked, says that the entity has no features. A mapping ``dict(features=..., mask=...)`` can say this, too. Its
        mask has shape (n,) and holds Booleans. It comes from any of these sources.
    :param num_entities: the number of entities, which the number of rows must be. If None, any number will do.
    :param triples_factory: the triples factory of the entities. If it has labels, encoded features, and files of them,
        must have been encoded for these labels, in this order. If None, nothing is checked but the number of rows.

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
    features = _read(label, name, source).float()
    if features.ndim != 2 or not features.numel():
        raise ValueError(
            f"{label} has shape {tuple(features.shape)}: it must be (num_entities, num_features), both at least 1."
        )
    if num_entities is not None and len(features) != num_entities:
        raise ValueError(
            f"{label} has {len(features)} rows, but there are {num_entities} entities: there must be one row for each "
            f"entity, ordered by ID. Use a row of NaN for an entity without features."
        )
    if isinstance(triples_factory, TriplesFactory):
        _check_labels(label, source, triples_factory)
    present = ~features.isnan().all(dim=1)
    if mask is not None:
        mask = _read(f"{label}['mask']", name, mask)
        if mask.dtype != torch.bool or mask.shape != present.shape:
            raise ValueError(
                f"{label}['mask'] has shape {tuple(mask.shape)} and dtype {mask.dtype}: it must be ({len(features)},), "
                f"with True for entities that have features, and False for others."
            )
        present &= mask
    if not present.any():
        raise ValueError(f"{label} has {len(features)} rows, but all are missing: at least one must have features.")
    bad = (present & ~features.isfinite().all(dim=1)).nonzero().flatten().tolist()
    if bad:
        raise ValueError(
            f"{label} is partly NaN, infinite, or too large for float32 in {len(bad)} rows, first in row {bad[0]}: all "
            f"numbers of a row must be finite, or all NaN if the entity has no features."
        )
    return features.masked_fill(~present.unsqueeze(dim=1), 0.0), present


def _read(label: str, name: str, source: Any) -> Tensor:
    """Get a tensor on the CPU from where it is."""
    if isinstance(source, str | os.PathLike):
        source = _read_file(label, name, expand_path(source))
    if isinstance(source, EncodedFeatures):
        source = source.features
    if isinstance(source, Tensor):
        if not source.is_complex():
            return source.detach().cpu().to_dense()
        dtype: Any = source.dtype
    else:
        array = source if isinstance(source, np.ma.MaskedArray) else np.asarray(source)
        if array.dtype == bool:
            return torch.from_numpy(np.ma.filled(array, False).copy())
        if array.dtype.kind in "fiu":
            # a copy, in a type that PyTorch can always take
            return torch.from_numpy(np.ma.filled(array.astype(np.float32), np.nan))
        dtype = array.dtype
    raise ValueError(
        f"{label} is a {type(source).__name__} with dtype {dtype}: it must be real numbers, in a tensor, an array, a "
        f"data frame, or a file."
    )


def _check_labels(label: str, source: Any, triples_factory: TriplesFactory) -> None:
    """Check that encoded features, or a file of them, were encoded for the labels of the entities."""
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
    if provenance.labels_hash is None:
        logger.warning("Nothing can check that the rows of %s are those of the entities. It has no labels.", label)
    elif provenance.labels_hash != hash_json(entity_labels(triples_factory)):
        raise ValueError(
            f"{label} was encoded for other labels than those of the entities, or for these in another order. Encode "
            f"again with labels=entity_labels(triples_factory), or bring the rows into order by align."
        )


def _read_file(label: str, name: str, path: Path) -> Any:
    """Get a tensor or an array from a file. No format runs code from it."""
    label, suffix = f"{label}={str(path)!r}", path.suffix.lower()
    if suffix not in {".npy", ".pt", ".pth", ".safetensors"}:
        raise ValueError(f"{label} has an unknown suffix: it must be .npy, .pt, .pth, or .safetensors.")
    if not path.is_file():
        raise FileNotFoundError(f"{label} is not a file. The path looked at was {path.absolute()}.")
    try:
        if suffix == ".npy":
            content = np.load(path, allow_pickle=False)
        elif suffix == ".safetensors":
            from safetensors.torch import load_file

            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (ImportError, OSError):
        raise
    except Exception as error:
        # without the libraries' own messages, which suggest to run the code in the file
        raise ValueError(
            f"{label} cannot be read: it is broken, or holds other objects than numbers, which could run code. Write "
            f"it by numpy.save, torch.save, or safetensors.torch.save_file."
        ) from error
    if isinstance(content, Mapping):
        if len(content) > 1 and name not in content:
            raise ValueError(f"{label} holds tensors of the names {sorted(content)}: one of them must be {name!r}.")
        content = content[name] if name in content else next(iter(content.values()), None)
    return content
