"""Load the features of a modality, and check them."""

import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from .files import to_path

__all__ = [
    "Features",
    "check_rows",
    "load_features",
]

#: Where features come from: the features themselves, a file with them, or a mapping with ``features`` and ``mask``
Features: TypeAlias = Tensor | np.ndarray[Any, Any] | str | os.PathLike[str] | Mapping[str, Any]


def load_features(name: str, source: Features) -> tuple[Tensor, Tensor]:
    """Load the features of a modality.

    :param name: the modality's name, for messages, and as the key in files which hold several tensors
    :param source: shape: (n, k) the features of all entities, ordered by entity ID: a tensor, an array, or the path of
        a file: ``.npy``, ``.pt``, ``.pth``, or ``.safetensors``. Rows of NaN say that the entity has none. Instead of
        this, or in addition, a mapping ``dict(features=..., mask=...)`` can say which entities have features: its mask
        has shape: (n,), is of Booleans, and comes from any of these sources, too.

    :returns: shape: (n, k), dtype: float32, the features, zero where missing, and shape: (n,), dtype: bool, whether an
        entity has any

    :raises ValueError: if these are no features; the message names the modality, what was given, and what is needed
    """
    label, mask = f"modalities[{name!r}]", None
    if isinstance(source, Mapping):
        source, mask = _split(label, source)
    features = _to_float(label, _read(label, name, source))
    if features.ndim != 2 or not features.numel():
        raise ValueError(
            f"{label} has shape {tuple(features.shape)}: it must be (num_entities, num_features), both at least 1."
        )
    present = ~features.isnan().all(dim=1)
    if mask is not None:
        present &= _load_mask(f"{label}['mask']", name, mask, n=len(features))
    _check_values(label, features, present)
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


def _split(label: str, source: Mapping[str, Any]) -> tuple[Any, Any]:
    """Take a mapping apart into features and mask."""
    if "features" not in source or not source.keys() <= {"features", "mask"}:
        raise ValueError(
            f"{label} is a mapping with {sorted(map(str, source))}: it must have features, and may have mask."
        )
    return source["features"], source.get("mask")


def _load_mask(label: str, name: str, source: Any, n: int) -> Tensor:
    """Load a mask, shape: (n,)."""
    mask = _read(label, name, source)
    if str(mask.dtype).removeprefix("torch.") != "bool" or mask.shape != (n,):
        raise ValueError(
            f"{label} has shape {tuple(mask.shape)} and dtype {mask.dtype}: it must be ({n},), one for each row of the "
            f"features, and of Booleans, with True for entities that have features."
        )
    # a copy, since arrays may be read-only
    return torch.tensor(mask) if isinstance(mask, np.ndarray) else mask.detach().cpu()


def _check_values(label: str, features: Tensor, present: Tensor) -> None:
    """Check that rows are finite where they are present, and that some are."""
    if not present.any():
        raise ValueError(f"{label} has {len(features)} rows, but all are missing: at least one must have features.")
    for problem, what in ((features.isnan(), "partly NaN"), (features.isinf(), "infinite, or too large for float32")):
        rows = (problem.any(dim=1) & present).nonzero().flatten().tolist()
        if rows:
            raise ValueError(
                f"{label} is {what} in {len(rows)} rows, first in row {rows[0]}: a row must be finite, or NaN as a "
                f"whole if the entity has no features."
            )


def _to_float(label: str, array: Any) -> Tensor:
    """Convert to a dense tensor of float32 on the CPU."""
    if isinstance(array, Tensor):
        if array.layout != torch.strided or array.is_complex() or array.is_quantized:
            raise ValueError(f"{label} has dtype {array.dtype} and layout {array.layout}: it must be dense and real.")
        if array.is_nested or array.is_meta:
            what = "nested" if array.is_nested else "on the meta device, i.e., without any values"
            raise ValueError(f"{label} is {what}: it must be a plain tensor.")
        return array.detach().to(device="cpu", dtype=torch.float32)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{label} has dtype {array.dtype}: it must be of real numbers.")
    # what is too large becomes infinite, and is reported as such
    with np.errstate(over="ignore"):
        return torch.from_numpy(array.astype(np.float32))


def _read(label: str, name: str, source: Any) -> Any:
    """Get a tensor or an array from where it is."""
    if isinstance(source, Tensor | np.ndarray):
        return source
    if isinstance(source, str | os.PathLike):
        return _read_file(label, name, to_path(label, source))
    # the features of EncodedFeatures
    hint = " Use its attribute features." if hasattr(source, "features") else ""
    raise ValueError(
        f"{label} is a {type(source).__name__}: it must be a tensor, an array, the path of a file, or a mapping with "
        f"features and mask.{hint}"
    )


def _read_file(label: str, name: str, path: Path) -> Any:
    """Get a tensor or an array from a file."""
    if path.suffix.lower() not in READERS:
        raise ValueError(f"{label}={str(path)!r} has an unknown suffix: it must be one of {', '.join(READERS)}.")
    if not path.is_file():
        raise FileNotFoundError(f"{label}={str(path)!r} is not a file. The path looked at was {path.absolute()}.")
    if not path.stat().st_size:
        raise ValueError(f"{label}={str(path)!r} is an empty file: it must hold a tensor or an array.")
    try:
        content = READERS[path.suffix.lower()](path)
    except ImportError:
        raise
    except Exception as error:
        # of each library's own kind
        raise ValueError(
            f"{label}={str(path)!r} cannot be read as {path.suffix}: it must be a valid file, and hold nothing but "
            f"numbers. {error}"
        ) from error
    if isinstance(content, Mapping) and content and all(isinstance(value, Tensor) for value in content.values()):
        content = _select(label, name, path, content)
    if not isinstance(content, Tensor | np.ndarray):
        message = f"{label}={str(path)!r} holds a {type(content).__name__}: it must hold a tensor or an array."
        raise ValueError(message)  # noqa: TRY004
    return content


def _select(label: str, name: str, path: Path, tensors: Mapping[str, Tensor]) -> Tensor:
    """Choose the only tensor of a file, or the one with the modality's name."""
    if len(tensors) == 1:
        return next(iter(tensors.values()))
    if name not in tensors:
        names = sorted(map(str, tensors))
        # there may be one for each entity
        names = names if len(names) <= 10 else [*names[:10], "..."]
        raise ValueError(
            f"{label}={str(path)!r} holds tensors named {names}: it must hold one tensor only, or "
            f"one that is named {name!r}."
        )
    return tensors[name]


def _read_numpy(path: Path) -> Any:
    with path.open("rb") as file:
        # what does not begin like this, NumPy takes for a pickle, and suggests to run it
        if file.read(6) != b"\x93NUMPY":
            raise ValueError("It has another format: write it by numpy.save(path, array).")
    return np.load(path, allow_pickle=False)


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch suggests to run it
        raise ValueError(
            "It is broken, or holds other objects than tensors, which could run code: write it by "
            "torch.save(tensor, path)."
        ) from error


def _read_safetensors(path: Path) -> Any:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError(f"{str(path)!r} needs a further package to be read: pip install safetensors") from error
    return load_file(path)


#: How to read files, by suffix. None of them runs code from the file.
READERS: Mapping[str, Callable[[Path], Any]] = {
    ".npy": _read_numpy,
    ".pt": _read_torch,
    ".pth": _read_torch,
    ".safetensors": _read_safetensors,
}
