"""Load the features of a modality, and check them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..utils.validation import check_type

__all__ = ["Features", "load_features"]

#: Where features come from: the features themselves, a file with them, or a mapping with ``features`` and ``mask``
Features: TypeAlias = Tensor | np.ndarray[Any, Any] | pd.DataFrame | str | os.PathLike[str] | Mapping[str, Any]


def load_features(name: str, source: Features, num_entities: int | None = None) -> tuple[Tensor, Tensor]:
    """Load the features of a modality.

    :param name: the modality's name, for messages, and as the key in a file with several tensors
    :param source: shape: (n, k) the features of all entities, ordered by entity ID: a tensor, an array, a data frame,
        or the path of a file: ``.npy``, ``.pt``, ``.pth``, or ``.safetensors``. A row that is NaN, or masked, says that
        the entity has no features. A mapping ``dict(features=..., mask=...)`` can say this, too. Its mask has shape
        (n,) and holds Booleans. It comes from any of these sources.
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
    mask_label = _add_path(f"{label}['mask']", mask)
    label = _add_path(label, source)
    features = _read(label, name, source).astype(np.float32)
    if mask is not None:
        mask = _read(mask_label, name, mask)
        if mask.dtype != bool or mask.shape != features.shape[:1]:
            raise ValueError(
                f"{mask_label} has shape {mask.shape} and dtype {mask.dtype}: it must be ({len(features)},), with "
                f"True for entities that have features, and False for others."
            )
        features[~mask] = np.nan
    present = _check_rows(label, features, num_entities)
    features[~present] = 0.0
    return torch.from_numpy(features), torch.from_numpy(present)


def _add_path(label: str, source: Any) -> str:
    """Add the path of a file to the label that messages begin with."""
    return f"{label}={os.fspath(source)!r}" if isinstance(source, str | os.PathLike) else label


def _read(label: str, name: str, source: Any) -> np.ndarray[Any, Any]:
    """Get an array of numbers or Booleans from where it is."""
    if isinstance(source, str | os.PathLike):
        source = _read_file(label, Path(os.path.expandvars(source)).expanduser(), key=name)
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


def _check_rows(
    label: str, features: np.ndarray[Any, Any], num_rows: int | None
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Check that each row is finite, or NaN if it is missing, and return which rows are present, shape: (n,)."""
    if features.ndim != 2 or not features.size:
        raise ValueError(
            f"{label} has shape {features.shape}: it must be (num_entities, num_features), both at least 1."
        )
    if num_rows is not None and len(features) != num_rows:
        raise ValueError(
            f"{label} has {len(features)} rows, but there are {num_rows} entities: there must be one row for each "
            f"entity, ordered by ID. pykeen_dhns.features.align makes this of features and their labels, with a row of "
            f"NaN for an entity without features."
        )
    present = ~np.isnan(features).all(axis=1)
    if not present.any():
        raise ValueError(f"{label} has {len(features)} rows, but all are missing: at least one must have features.")
    bad = present & ~np.isfinite(features).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{label} is partly NaN, infinite, or too large for float32 in {bad.sum()} rows, first in row "
            f"{bad.argmax()}: all numbers of a row must be finite, or all NaN if the entity has no features."
        )
    return np.asarray(present)


def _read_file(label: str, path: Path, key: str) -> Any:
    """Read a tensor or an array from a file, by its key if there are several. No format runs code from it."""
    suffix = path.suffix.lower()
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
        if len(content) > 1 and key not in content:
            raise ValueError(f"{label} holds tensors of the names {sorted(content)}: one of them must be {key!r}.")
        content = content[key] if key in content else next(iter(content.values()), None)
    return content
