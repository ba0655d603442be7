"""Features with their provenance: where they come from, and to which entities their rows belong."""

import dataclasses
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from pykeen.triples import CoreTriplesFactory
from pykeen.version import get_version

from .inputs import check_labels, hash_strings, to_path
from .labels import entity_labels
from ..utils.files import write_atomically

__all__ = ["EncodedFeatures", "FloatArray", "Provenance", "check_path", "read_provenance"]

#: An array of float32
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


def _find_versions() -> dict[str, str]:
    """Return the versions of packages that are in use."""
    names = ("pykeen_dhns", "numpy", "sklearn", "torch", "transformers", "torchvision", "PIL")
    versions = {name: getattr(sys.modules.get(name), "__version__", None) for name in names}
    return {"pykeen": get_version(), **{name: version for name, version in versions.items() if version}}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where features come from: what was encoded, and what came of it."""

    #: What was encoded: texts, images, or literals
    kind: str
    #: The name of the encoder
    encoder: str
    #: Its keyword-based parameters
    encoder_kwargs: Mapping[str, Any]
    #: The seed of its initialisation, if it has one
    random_seed: int | None
    #: A hash of what was encoded
    inputs_hash: str
    #: A hash of the labels of the rows, and their order
    labels_hash: str
    #: The number of rows
    num_rows: int
    #: The number of features
    num_features: int
    #: The number of missing rows
    num_missing: int
    #: The number of missing rows, by the reason why they are missing
    missing: Mapping[str, int]
    #: The names of the features, if they have names
    columns: Sequence[str] = dataclasses.field(default_factory=list)
    #: A hash of the encoder's parameters, if it has any
    weights_hash: str | None = None
    #: The number of rows that were encoded at once
    batch_size: int | None = None
    #: The hash of the labels of the rows before these were aligned, if they were
    aligned_from: str | None = None
    #: When this was made
    created: str = dataclasses.field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
    #: The versions of packages that may have been involved
    versions: Mapping[str, str] = dataclasses.field(default_factory=_find_versions)


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedFeatures:
    """Features with their provenance.

    There are two files: ``.npy``, which can be used as a modality as it is, and ``.npy.json`` next to it.
    """

    #: shape: (n, k), dtype: float32, the features, with a row of NaN where they are missing
    features: FloatArray
    #: Where they come from
    provenance: Provenance

    @property
    def mask(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which rows are present, shape: (n,), dtype: bool."""
        return np.asarray(~np.isnan(self.features).all(axis=1))

    def check(self, entities: CoreTriplesFactory | Sequence[str]) -> None:
        """Check that the rows belong to entities, in the same order.

        :param entities: a triples factory, or the labels of entities, ordered by ID

        :raises TypeError: if a label is not a string, or the triples factory has no labels
        :raises ValueError: if they are not the labels that were encoded
        """  # noqa: DOC503
        labels = entity_labels(entities) if isinstance(entities, CoreTriplesFactory) else entities
        if hash_strings(check_labels(labels, n=len(labels))) != self.provenance.labels_hash:
            raise ValueError(
                f"The {self.provenance.num_rows} rows are not those of these {len(labels)} entities: they were made "
                f"for others, or in another order. Use align, which brings rows into order by label, or encode the "
                f"labels of these entities."
            )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save the features, and their provenance next to them. This replaces existing files.

        :param path: the path of the features, with suffix ``.npy``

        :returns: the path, which can be used as a modality

        :raises ValueError: if it has another suffix
        :raises OSError: if it cannot be written
        """  # noqa: DOC502
        target = check_path("path", path)
        content = dict(dataclasses.asdict(self.provenance), features_hash=_hash_array(self.features))
        # first, so that features without provenance never are what a killed process has left
        with write_atomically(target.with_name(f"{target.name}.json")) as file:
            file.write(json.dumps(content, indent=2).encode())
        with write_atomically(target) as file:
            np.save(file, self.features, allow_pickle=False)
        return target

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], entities: CoreTriplesFactory | Sequence[str] | None = None
    ) -> "EncodedFeatures":
        """Load features with their provenance.

        :param path: the path of the features
        :param entities: a triples factory, or the labels of entities, to which the rows must belong

        :returns: the features

        :raises FileNotFoundError: if one of the two files is missing
        :raises ValueError: if a file is broken, they do not belong together, or the rows are those of other entities
        """  # noqa: DOC503
        target = check_path("path", path)
        provenance, features_hash = read_provenance(target)
        try:
            features = np.load(target, allow_pickle=False)
            if _hash_array(features) != features_hash:
                raise ValueError("It was changed or replaced")
        except (AttributeError, EOFError, ValueError) as error:
            raise ValueError(
                f"{str(target)!r} does not hold the features of {target.name}.json. {error}. Restore it, or delete "
                f"both, and encode again."
            ) from error
        result = cls(features=features, provenance=provenance)
        if entities is not None:
            result.check(entities)
        return result


def check_path(name: str, path: str | os.PathLike[str]) -> Path:
    """Check the path of a file with features."""
    target = to_path(name, path)
    if target.suffix != ".npy":
        raise ValueError(f"{name}={str(target)!r} has suffix {target.suffix!r}: it must be .npy.")
    return target


def read_provenance(path: Path) -> tuple[Provenance, str]:
    """Read the provenance of the features at a path, and the hash of these features."""
    source = path.with_name(f"{path.name}.json")
    try:
        content = dict(json.loads(source.read_bytes()))
        return Provenance(**{key: content[key] for key in content if key != "features_hash"}), content["features_hash"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{str(source)!r} is not a provenance of features: {error!r}. Restore it, or delete it, and encode again."
        ) from error


def _hash_array(array: FloatArray) -> str:
    """Hash an array with its data type and shape."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
