"""Arrays with one row for each entity: read from files, and checked."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

__all__ = ["check_rows", "expand_path", "read_file"]


def check_rows(
    label: str, features: np.ndarray[Any, Any], num_rows: int | None = None, *, may_be_missing: bool = False
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Check that each row is finite, or NaN if it is missing, and return which rows are present, shape: (n,)."""
    if features.ndim != 2 or not features.size:
        raise ValueError(
            f"{label} has shape {features.shape}: it must be (num_entities, num_features), both at least 1."
        )
    if num_rows is not None and len(features) != num_rows:
        raise ValueError(
            f"{label} has {len(features)} rows, but there are {num_rows} entities: there must be one row for each "
            f"entity, ordered by ID. Use a row of NaN for an entity without features."
        )
    present = ~np.isnan(features).all(axis=1)
    if not present.any() and not may_be_missing:
        raise ValueError(f"{label} has {len(features)} rows, but all are missing: at least one must have features.")
    bad = present & ~np.isfinite(features).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{label} is partly NaN, infinite, or too large for float32 in {bad.sum()} rows, first in row "
            f"{bad.argmax()}: all numbers of a row must be finite, or all NaN if the entity has no features."
        )
    return np.asarray(present)


def read_file(label: str, path: Path, key: str = "") -> Any:
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


def expand_path(path: str | os.PathLike[str]) -> Path:
    """Replace ``~`` and ``$NAME`` by the home directory and the environment variable."""
    return Path(os.path.expandvars(path)).expanduser()
