"""Load the features of a modality, and check them."""

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from .inputs import to_path

__all__ = ["Features", "check_rows", "load_features"]

#: Where features come from: the features themselves, a file with them, or a mapping with ``features`` and ``mask``
Features: TypeAlias = Tensor | np.ndarray[Any, Any] | pd.DataFrame | str | os.PathLike[str] | Mapping[str, Any]


def load_features(name: str, source: Features) -> tuple[Tensor, Tensor]:
    """Load the features of a modality.

    :param name: the modality's name, for messages, and as the key in a file with several tensors
    :param source: shape: (n, k) the features of all entities, ordered by entity ID: a tensor, an array, a data frame,
        or the path of a file: ``.npy``, ``.pt``, ``.pth``, or ``.safetensors``. A row of NaN says that the entity has
        no features. A mapping ``dict(features=..., mask=...)`` can say this, too. Its mask has shape (n,) and holds
        Booleans. It comes from any of these sources.

    :returns: shape: (n, k), dtype: float32, the features, which are zero where missing, and shape: (n,), dtype: bool,
        whether an entity has features

    :raises ValueError: if the features are not valid. The message names the modality, and says what is needed.
    """
    label, mask = f"modalities[{name!r}]", None
    if isinstance(source, Mapping):
        if "features" not in source or not source.keys() <= {"features", "mask"}:
            raise ValueError(
                f"{label} is a mapping with {sorted(map(str, source))}: it must have features, and may have mask."
            )
        source, mask = source["features"], source.get("mask")
    features = _read(label, name, source)
    if features.ndim != 2 or not features.numel() or features.layout != torch.strided or features.is_complex():
        raise ValueError(
            f"{label} has shape {tuple(features.shape)}, dtype {features.dtype}, and layout {features.layout}: it must "
            f"be (num_entities, num_features), both at least 1, of real numbers, and dense."
        )
    # a number that is too large becomes infinite, which the check below reports
    features = features.to(torch.float32)
    present = ~features.isnan().all(dim=1)
    if mask is not None:
        mask = _read(f"{label}['mask']", name, mask)
        if mask.dtype != torch.bool or mask.shape != present.shape:
            raise ValueError(
                f"{label}['mask'] has shape {tuple(mask.shape)} and dtype {mask.dtype}: it must be ({len(features)},), "
                f"one Boolean for each row of the features, with True for entities that have features."
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


def check_rows(name: str, n: int, max_id: int) -> None:
    """Check that a modality has one row for each entity.

    :param name: the modality's name
    :param n: its number of rows
    :param max_id: the number of entities

    :raises ValueError: if these differ
    """
    if n != max_id:
        raise ValueError(
            f"modalities[{name!r}] has {n} rows, but there are {max_id} entities: there must be one row for each "
            f"entity, ordered by ID. Use a row of NaN for an entity without features."
        )


def _read(label: str, name: str, source: Any) -> Tensor:
    """Get a tensor on the CPU from where it is."""
    if isinstance(source, str | os.PathLike):
        source = _read_file(label, name, to_path(label, source))
    if isinstance(source, pd.DataFrame):
        source = source.to_numpy()
    if isinstance(source, Tensor):
        return source.detach().cpu()
    if isinstance(source, np.ndarray):
        if source.dtype.kind not in "fiub":
            raise ValueError(f"{label} has dtype {source.dtype}: it must be of real numbers.")
        # not left to PyTorch, which does not take all of NumPy's types, and warns of read-only arrays
        with np.errstate(over="ignore"):
            return torch.from_numpy(source.astype(bool if source.dtype == bool else np.float32))
    # EncodedFeatures has such an attribute
    hint = " Use its attribute features." if hasattr(source, "features") else ""
    raise ValueError(
        f"{label} is a {type(source).__name__}: it must be a tensor, an array, a data frame, the path of a file, or a "
        f"mapping with features and mask.{hint}"
    )


def _read_file(label: str, name: str, path: Path) -> Any:
    """Get a tensor or an array from a file."""
    label, suffix = f"{label}={str(path)!r}", path.suffix.lower()
    if suffix not in READERS:
        raise ValueError(f"{label} has an unknown suffix: it must be one of {', '.join(READERS)}.")
    if not path.is_file():
        raise FileNotFoundError(f"{label} is not a file. The path looked at was {path.absolute()}.")
    reader, how_to_write = READERS[suffix]
    try:
        content = reader(path)
    except ImportError:
        raise
    except Exception as error:
        # without the libraries' own messages, which suggest to run the code in the file
        raise ValueError(
            f"{label} cannot be read as {path.suffix}: it is broken, or holds other objects than numbers, which could "
            f"run code. Write it by {how_to_write}."
        ) from error
    if isinstance(content, Mapping) and content and all(isinstance(value, Tensor) for value in content.values()):
        if len(content) > 1 and name not in content:
            raise ValueError(
                f"{label} holds {len(content)} tensors, such as {', '.join(sorted(map(str, content))[:10])}: it must "
                f"hold a single one, or one named {name!r}."
            )
        return content[name] if len(content) > 1 else next(iter(content.values()))
    if not isinstance(content, Tensor | np.ndarray):
        message = f"{label} holds a {type(content).__name__}: it must hold a tensor or an array."
        raise ValueError(message)  # noqa: TRY004
    return content


def _read_safetensors(path: Path) -> Any:
    """Read tensors by name."""
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError(f"{str(path)!r} needs a further package to be read: pip install safetensors") from error
    return load_file(path)


_load_torch = functools.partial(torch.load, map_location="cpu", weights_only=True)

#: How to read a file, and how to write it, by suffix. None of these functions runs code from the file.
READERS: Mapping[str, tuple[Callable[[Path], Any], str]] = {
    ".npy": (functools.partial(np.load, allow_pickle=False), "numpy.save(path, array)"),
    ".pt": (_load_torch, "torch.save(tensor, path)"),
    ".pth": (_load_torch, "torch.save(tensor, path)"),
    ".safetensors": (_read_safetensors, "safetensors.torch.save_file(dict(features=tensor), path)"),
}
