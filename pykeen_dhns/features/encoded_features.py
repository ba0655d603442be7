"""Features with their provenance: what they were made from, and to which entities their rows belong."""

import dataclasses
import hashlib
import json
import logging
import os
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from pykeen.triples import CoreTriplesFactory

from .arrays import check_rows, expand_path, read_file
from .labels import entity_labels, to_list
from ..utils.files import write_atomically
from ..utils.validation import check_type, show

__all__ = ["EncodedFeatures", "FloatArray", "Provenance"]

logger = logging.getLogger(__name__)

#: An array of float32
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provenance:
    """What features were made from, and how. Features with the same provenance are the same."""

    #: What was encoded: texts
    kind: str
    #: A hash of what was encoded
    inputs_hash: str
    #: A hash of the labels of the rows, and their order. None if they were encoded without labels.
    labels_hash: str | None
    #: The name of the encoder
    encoder: str
    #: Its keyword-based parameters
    encoder_kwargs: Mapping[str, Any]
    #: The seed of its initialisation, if it has one
    random_seed: int | None = None
    #: A hash of its parameters, if it was given as an instance
    weights_hash: str | None = None
    #: The names of the features, if they have names
    columns: Sequence[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedFeatures:
    """Features with their provenance.

    There are two files: ``.npy``, which can be used as a modality as it is, and ``.npy.json`` next to it.
    """

    #: shape: (n, k), dtype: float32, the features, with a row of NaN where they are missing
    features: FloatArray
    #: Where they come from
    provenance: Provenance

    def __post_init__(self) -> None:
        """Check the features.

        :raises TypeError: if something else is given
        :raises ValueError: if the array has no rows that are either features or NaN
        """  # noqa: DOC503
        allowed = "an array of float32, with a row of NaN where features are missing"
        check_type("features", self.features, np.ndarray, allowed)
        if isinstance(self.features, np.ma.MaskedArray) or self.features.dtype.kind != "f":
            raise TypeError(f"features is masked, or of another type: {self.features.dtype}. It must be {allowed}.")
        check_type("provenance", self.provenance, Provenance, "a Provenance")
        check_rows("features", self.features)

    @property
    def mask(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which rows are present, shape: (n,), dtype: bool."""
        return np.asarray(~np.isnan(self.features).all(axis=1))

    def check(self, entities: CoreTriplesFactory | Sequence[str]) -> None:
        """Check that the rows belong to entities, in the same order.

        :param entities: a triples factory, or the labels of entities, ordered by ID

        :raises ValueError: if they are not the labels that were encoded
        """
        if isinstance(entities, CoreTriplesFactory):
            entities = entity_labels(entities)
        labels = to_list("entities", entities)
        if len(labels) != len(self.features) or not belongs_to(self.provenance, labels):
            raise ValueError(
                f"The {len(self.features)} rows are not those of these {len(labels)} entities: they are of others, in "
                f"another order, or were encoded without labels. Use align, which brings rows into order by label."
            )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save the features, and their provenance next to them. This replaces existing files.

        :param path: the path of the features, with suffix ``.npy``

        :returns: the path, which can be used as a modality
        """
        target = npy_path("path", path)
        # in this order, so that a killed process never leaves features with the provenance of others, or with none
        target.unlink(missing_ok=True)
        with write_atomically(target.with_name(f"{target.name}.json")) as file:
            file.write(json.dumps(dataclasses.asdict(self.provenance), indent=2).encode())
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

        :raises FileNotFoundError: if there is no file
        :raises ValueError: if it is damaged, has no provenance, or its rows are those of other entities
        """  # noqa: DOC502
        target = npy_path("path", path)
        # first, since a file without provenance is the user's own
        provenance = load_provenance(target)
        result = cls(features=load_rows(target), provenance=provenance)
        if entities is not None:
            result.check(entities)
        return result


def load_rows(path: Path, num_rows: int | None = None, *, may_be_missing: bool = False) -> FloatArray:
    """Load rows that were saved here, and say what to do if they are damaged."""
    try:
        features = read_file(repr(str(path)), path)
        check_rows(repr(str(path)), features, num_rows, may_be_missing=may_be_missing)
    except ValueError as error:
        raise ValueError(f"{error} The file is damaged. Delete it, and encode again.") from error
    return np.asarray(features, dtype=np.float32)


def load_provenance(path: Path) -> Provenance:
    """Load the provenance of features from the file next to them."""
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    try:
        return Provenance(**json.loads(path.with_name(f"{path.name}.json").read_bytes()))
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(
            f"{str(path)!r} has no provenance that can be read: {error}. Use the file as a modality as it is, or "
            f"delete it, and encode it again."
        ) from error


def belongs_to(provenance: Provenance, labels: Sequence[str]) -> bool:
    """Return whether rows belong to entities with these labels. Without labels, texts may be the labels themselves."""
    return (provenance.labels_hash or provenance.inputs_hash) == hash_json(labels)


def npy_path(name: str, path: str | os.PathLike[str]) -> Path:
    """Check the path of a file with features."""
    check_type(name, path, (str, os.PathLike), "the path of a file with suffix .npy")
    target = expand_path(path)
    if target.suffix != ".npy":
        raise ValueError(f"{name}={str(target)!r} has suffix {target.suffix!r}: it must be .npy.")
    return target


def log_missing(kind: str, features: FloatArray, labels: Sequence[Any]) -> None:
    """Log how many rows are missing, and some of their labels, or their numbers."""
    missing = [label for label, row in zip(labels, features, strict=True) if np.isnan(row).all()]
    if missing:
        logger.warning("%d of %d %s are missing: %s", len(missing), len(labels), kind, reprlib.repr(missing))


def to_json(name: str, kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Convert keyword-based parameters, including paths, to what JSON can hold, so that they can be compared."""
    try:
        return dict(json.loads(json.dumps(kwargs or {}, default=os.fspath)))
    except TypeError as error:
        raise TypeError(f"{name}={show(kwargs)} must only hold what JSON can: {error}") from error


def hash_json(value: Any) -> str:
    """Hash anything that JSON can hold."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
