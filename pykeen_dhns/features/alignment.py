"""Bring features in the order of entity IDs."""

import dataclasses
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, overload

import numpy as np

from .encoded_features import EncodedFeatures
from .files import FloatArray
from .labels import check_labels, entity_labels, entity_to_id, hash_strings, name_some
from .loading import Features, load_features

if TYPE_CHECKING:
    from pykeen.triples import CoreTriplesFactory

__all__ = ["MissingRows", "align"]

logger = logging.getLogger(__name__)

#: What to do with entities without a row
MissingRows: TypeAlias = Literal["nan", "error"]


@overload
def align(
    features: EncodedFeatures,
    labels: Sequence[str],
    triples_factory: "CoreTriplesFactory",
    *,
    missing: MissingRows = ...,
    name: str = ...,
) -> EncodedFeatures: ...


@overload
def align(
    features: Features,
    labels: Sequence[str],
    triples_factory: "CoreTriplesFactory",
    *,
    missing: MissingRows = ...,
    name: str = ...,
) -> FloatArray: ...


def align(
    features: Features | EncodedFeatures,
    labels: Sequence[str],
    triples_factory: "CoreTriplesFactory",
    *,
    missing: MissingRows = "nan",
    name: str = "features",
) -> FloatArray | EncodedFeatures:
    """Bring features in the order of a triples factory's entity IDs, by label.

    How many entities have no row, and how many rows belong to no entity, is logged.

    :param features: shape: (n, k) the features, in any order: encoded ones, or whatever
        :func:`pykeen_dhns.features.load_features` can load
    :param labels: length: n, the entity to which each row belongs, by label
    :param triples_factory: the triples factory
    :param missing: what to do if there are entities without a row: ``nan``, the default, gives them a row of NaN,
        ``error`` raises an error
    :param name: the features' name, for messages

    :returns: shape: (num_entities, k) the rows, ordered by entity ID. If the features had a provenance, so has this.

    :raises TypeError: if labels are no strings, or the triples factory has none
    :raises ValueError: if there is not one label for each row, a label occurs twice, or is not the one that was
        encoded, if no label is that of an entity, or if there are entities without a row, but must not be
    """  # noqa: DOC503
    if missing not in get_args(MissingRows):
        raise ValueError(f"missing={missing!r} is unknown: it must be one of {get_args(MissingRows)}.")
    values = features.features if isinstance(features, EncodedFeatures) else _load(name, features)
    labels = check_labels(labels, n=len(values), unique=True)
    if isinstance(features, EncodedFeatures):
        features.check(labels)
    rows, without = _find_rows(name, labels, triples_factory, missing=missing)
    aligned = np.full((triples_factory.num_entities, values.shape[1]), np.nan, dtype=np.float32)
    aligned[list(rows)] = values[list(rows.values())]
    if not isinstance(features, EncodedFeatures):
        return aligned
    is_missing = np.isnan(aligned).all(axis=1)
    provenance = dataclasses.replace(
        features.provenance,
        labels_hash=hash_strings(entity_labels(triples_factory)),
        aligned_from=features.provenance.labels_hash,
        num_rows=len(aligned),
        num_missing=int(is_missing.sum()),
        # why each of the others is missing is not known any more
        missing={"no row": without, "other reasons": int(is_missing.sum()) - without},
    )
    return EncodedFeatures(features=aligned, provenance=provenance)


def _load(name: str, features: Features) -> FloatArray:
    """Load features, with rows of NaN where these are missing."""
    values, mask = load_features(name, features)
    array: FloatArray = values.masked_fill(~mask.unsqueeze(dim=1), np.nan).numpy()
    return array


def _find_rows(
    name: str, labels: Sequence[str], triples_factory: Any, *, missing: MissingRows
) -> tuple[dict[int, int], int]:
    """Find the row for each entity ID, and the number of entities without one."""
    ids = entity_to_id(triples_factory)
    rows = {ids[label]: row for row, label in enumerate(labels) if label in ids}
    if not rows:
        raise ValueError(
            f"None of the {len(labels)} labels of {name}, {name_some(labels)}, is that of an entity. Those are, e.g., "
            f"{name_some(ids)}: both must be written in the same way."
        )
    unknown = [label for label in labels if label not in ids]
    if unknown:
        logger.warning(
            "%s: %d of %d rows belong to no entity, and are left out: %s",
            name,
            len(unknown),
            len(labels),
            name_some(unknown),
        )
    without = [label for label, entity_id in ids.items() if entity_id not in rows]
    if without and missing == "error":
        raise ValueError(
            f"{len(without)} of {len(ids)} entities have no row in {name}: {name_some(without)}. Add them, or use "
            f"missing='nan', which makes them missing."
        )
    if without:
        logger.warning(
            "%s: %d of %d entities have no row, and are missing: %s", name, len(without), len(ids), name_some(without)
        )
    return rows, len(without)
