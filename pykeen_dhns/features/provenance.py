"""Where features come from."""

import dataclasses
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from ..version import VERSION

__all__ = [
    "Provenance",
    "Request",
    "check_same",
    "current_versions",
    "now",
    "to_json",
]

#: The packages whose versions are recorded, if they are installed
PACKAGES = ("numpy", "pykeen", "scikit-learn", "torch", "transformers", "torchvision", "pillow")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What determines features: two runs with the same request have the same result."""

    #: What is encoded: texts, images, or literals
    kind: str
    #: The name of the encoder
    encoder: str
    #: Its keyword-based parameters
    encoder_kwargs: Mapping[str, Any]
    #: The seed of what is random about its initialisation
    random_seed: int | None
    #: A hash of what is encoded
    inputs_hash: str
    #: A hash of the labels of the rows, and their order
    labels_hash: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provenance(Request):
    """Where features come from: what was asked for, and what came of it."""

    #: The number of rows
    num_rows: int
    #: The number of features
    num_features: int
    #: The number of missing rows
    num_missing: int
    #: The number of missing rows, by the reason why they are missing
    missing: Mapping[str, int]
    #: The names of the features, if these have names
    columns: Sequence[str] = dataclasses.field(default_factory=list)
    #: A hash of the encoder's parameters, if it has any
    weights_hash: str | None = None
    #: The number of rows that were encoded at once
    batch_size: int | None = None
    #: The hash of the labels of the rows before these were aligned, if they were
    aligned_from: str | None = None
    #: When this was made
    created: str = ""
    #: The versions of packages which have made this
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)


def now() -> str:
    """Return the current date and time, as in ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def current_versions() -> dict[str, str]:
    """Return the versions of those packages that may be involved."""
    versions = {package: version for package in PACKAGES if (version := _find_version(package)) is not None}
    return {"pykeen-dhns": VERSION, **versions}


def _find_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def to_json(value: Any) -> Any:
    """Convert to what JSON can hold, since this is what later runs are compared to.

    :param value: parameters of an encoder

    :returns: the same, with lists for tuples, strings for paths, and names for classes

    :raises TypeError: if there is something that has no such form
    """  # noqa: DOC502

    def default(x: Any) -> Any:
        if isinstance(x, Path):
            return str(x)
        if isinstance(x, np.generic):
            return x.item()
        if isinstance(x, type):
            return f"{x.__module__}.{x.__qualname__}"
        raise TypeError(
            f"encoder_kwargs has a {type(x).__name__}, which cannot be recorded: use numbers, strings, and collections "
            f"of these, or pass the encoder as an instance."
        )

    return json.loads(json.dumps(value, default=default))


def check_same(found: Mapping[str, Any], wanted: Mapping[str, Any], *, where: Path) -> None:
    """Check that what is there is what a run would make.

    :param found: what is there
    :param wanted: what the run would make
    :param where: the path of what is there

    :raises ValueError: if these differ
    """
    differences = [
        # hashes tell nothing but whether they are the same
        f"{key.removesuffix('_hash')} differ" if key.endswith("_hash") else f"{key}={found.get(key)!r}, not {value!r}"
        for key, value in wanted.items()
        if found.get(key) != value
    ]
    if differences:
        raise ValueError(
            f"{str(where)!r} is from another run: {'; '.join(differences)}. Nothing was changed. Choose another path "
            f"as cache, delete this one to start anew, or repeat that run to continue it."
        )
