"""Features with their provenance."""

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .files import FloatArray, read_json, to_path, write_array, write_json
from .labels import check_labels, entity_labels, hash_strings
from .provenance import Provenance

if TYPE_CHECKING:
    from pykeen.triples import CoreTriplesFactory

__all__ = ["EncodedFeatures", "find_provenance"]

#: The key of the hash of the features, which ties the two files together
FEATURES_HASH = "features_hash"


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedFeatures:
    """Features with their provenance.

    They are saved as two files: ``.npy``, which can be used as a modality as it is, and ``.npy.json`` next to it.
    """

    #: shape: (n, k), dtype: float32, the features, with a row of NaN where these are missing
    features: FloatArray
    #: Where they come from
    provenance: Provenance

    @property
    def mask(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which rows are there, shape: (n,), dtype: bool."""
        return np.asarray(~np.isnan(self.features).all(axis=1))

    def check(self, entities: "CoreTriplesFactory | Sequence[str]") -> None:
        """Check that rows are those of entities, in the same order.

        :param entities: a triples factory, or the labels of entities, ordered by ID

        :raises TypeError: if these are no labels, or if the triples factory has none
        :raises ValueError: if they are not the ones that were encoded
        """  # noqa: DOC503
        labels = check_labels(entities) if isinstance(entities, Sequence) else entity_labels(entities)
        n = self.provenance.num_rows
        if len(labels) != n or hash_strings(labels) != self.provenance.labels_hash:
            others = "other labels, or another order" if len(labels) == n else "others"
            raise ValueError(
                f"The features have {n} rows, but they are not those of these {len(labels)} entities: they were made "
                f"for {others}. Use align, which brings rows in order by label, or encode the labels of these entities."
            )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save the features, and their provenance next to them. Replaces what is there.

        :param path: the path of the features, with suffix ``.npy``

        :returns: the path, which can be given as a modality

        :raises ValueError: if it has another suffix
        :raises OSError: if it cannot be written
        """  # noqa: DOC502
        target = check_path(path)
        write_array(target, self.features)
        # last, since it says that the features are complete
        write_json(
            find_provenance(target),
            {**dataclasses.asdict(self.provenance), FEATURES_HASH: _hash_array(self.features)},
        )
        return target

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], entities: "CoreTriplesFactory | Sequence[str] | None" = None
    ) -> "EncodedFeatures":
        """Load features with their provenance.

        :param path: the path of the features
        :param entities: a triples factory, or the labels of entities, to which the rows must belong

        :returns: the features

        :raises FileNotFoundError: if one of both files is missing
        :raises ValueError: if these do not belong to each other, are broken, or not those of the entities
        """
        target = check_path(path)
        for file in (target, find_provenance(target)):
            if not file.is_file():
                raise FileNotFoundError(
                    f"{str(file)!r} is not a file: features with provenance are two files, {target.name} and "
                    f"{find_provenance(target).name}, as save writes them."
                )
        content = read_json(find_provenance(target))
        try:
            features_hash = content.pop(FEATURES_HASH)
            provenance = Provenance(**content)
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{str(find_provenance(target))!r} is no provenance of features: {error}. Delete it, and encode again."
            ) from error
        try:
            features = np.load(target, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ValueError(
                f"{str(target)!r} cannot be read as .npy: {error}. Delete it and {find_provenance(target).name}, and "
                f"encode again."
            ) from error
        # it may hold several
        if not isinstance(features, np.ndarray) or _hash_array(features) != features_hash:
            raise ValueError(
                f"{str(target)!r} is not the file whose provenance is in {find_provenance(target).name}: one of both "
                f"was changed or replaced. Encode again, or restore it."
            )
        result = cls(features=features, provenance=provenance)
        if entities is not None:
            result.check(entities)
        return result


def check_path(path: str | os.PathLike[str], name: str = "path") -> Path:
    """Check the path of a file with features.

    :param path: the path
    :param name: the argument's name, for messages

    :returns: the path

    :raises TypeError: if it is no path
    :raises ValueError: if it does not have the right suffix
    """  # noqa: DOC503
    target = to_path(name, path)
    if target.suffix != ".npy":
        raise ValueError(f"{name}={str(target)!r} has suffix {target.suffix!r}: it must be .npy.")
    return target


def find_provenance(path: Path) -> Path:
    """Return where the provenance of features is.

    :param path: the path of the features

    :returns: the path of their provenance
    """
    return path.with_name(f"{path.name}.json")


def _hash_array(array: FloatArray) -> str:
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
