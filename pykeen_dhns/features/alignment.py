"""Bring features into the order of entity IDs."""

import dataclasses
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args, overload

import numpy as np
from pykeen.triples import CoreTriplesFactory

from .encoded_features import EncodedFeatures, FloatArray
from .inputs import check_labels, hash_strings, name_some
from .labels import entity_labels
from .loading import Features, load_features
from ..utils.validation import check_choice

__all__ = ["MissingRows", "align"]

logger = logging.getLogger(__name__)

#: What to do with entities without a row
MissingRows: TypeAlias = Literal["nan", "error"]


@overload
def align(
    features: EncodedFeatures,
    labels: Sequence[str],
    triples_factory: CoreTriplesFactory,
    *,
    missing: MissingRows = ...,
    name: str = ...,
) -> EncodedFeatures: ...


@overload
def align(
    features: Features,
    labels: Sequence[str],
    triples_factory: CoreTriplesFactory,
    *,
    missing: MissingRows = ...,
    name: str = ...,
) -> FloatArray: ...


def align(
    features: Features | EncodedFeatures,
    labels: Sequence[str],
    triples_factory: CoreTriplesFactory,
    *,
    missing: MissingRows = "nan",
    name: str = "features",
) -> FloatArray | EncodedFeatures:
    """Bring features into the order of a triples factory's entity IDs, by label.

    The log says how many entities have no row, and how many rows belong to no entity.

    :param features: shape: (n, k) the features, in any order: encoded ones, or whatever
        :func:`pykeen_dhns.features.load_features` can load
    :param labels: length: n, the label of the entity to which each row belongs
    :param triples_factory: the triples factory
    :param missing: what to do if there are entities without a row: ``nan``, the default, gives them a row of NaN,
        ``error`` raises an error
    :param name: the features' name, for messages

    :returns: shape: (num_entities, k) the rows, ordered by entity ID. Encoded features are encoded features again.

    :raises TypeError: if a label is not a string, or the triples factory has no labels
    :raises ValueError: if labels do not belong to the rows, or to no entity, or an entity must have a row, but has none
    """  # noqa: DOC502
    check_choice("missing", missing, get_args(MissingRows))
    if isinstance(features, EncodedFeatures):
        features.check(labels)
        values = features.features
    else:
        tensor, mask = load_features(name, features)
        values = tensor.masked_fill(~mask.unsqueeze(dim=1), np.nan).numpy()
    entities = entity_labels(triples_factory)
    rows = _find_rows(name, check_labels(labels, n=len(values)), entities, missing=missing)
    aligned = np.where((rows >= 0)[:, None], values[rows], np.float32(np.nan))
    if not isinstance(features, EncodedFeatures):
        return aligned
    num_missing, num_without = int(np.isnan(aligned).all(axis=1).sum()), int((rows < 0).sum())
    provenance = dataclasses.replace(
        features.provenance,
        labels_hash=hash_strings(entities),
        aligned_from=features.provenance.labels_hash,
        num_rows=len(aligned),
        num_missing=num_missing,
        # the earlier reasons are counts, so it is not known to which rows they apply
        missing={"no row": num_without, "other reasons": num_missing - num_without},
    )
    return EncodedFeatures(features=aligned, provenance=provenance)


def _find_rows(
    name: str, labels: Sequence[str], entities: Sequence[str], *, missing: MissingRows
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Find the row of each entity, shape: (num_entities,), or -1 if it has none."""
    if duplicates := [label for label, count in Counter(labels).items() if count > 1]:
        raise ValueError(
            f"{len(duplicates)} labels occur more than once: {name_some(duplicates)}. Keep one row for each label."
        )
    row_of = {label: row for row, label in enumerate(labels)}
    rows = np.asarray([row_of.get(entity, -1) for entity in entities])
    known = set(entities)
    unknown = [label for label in labels if label not in known]
    without = [entity for entity in entities if entity not in row_of]
    if len(unknown) == len(labels):
        raise ValueError(
            f"None of the {len(labels)} labels of {name}, {name_some(labels)}, is that of an entity, such as "
            f"{name_some(entities)}. Write both in the same way."
        )
    if unknown:
        message = "%s: %d of %d rows belong to no entity, and are left out: %s"
        logger.warning(message, name, len(unknown), len(labels), name_some(unknown))
    if without and missing == "error":
        raise ValueError(
            f"{len(without)} of {len(entities)} entities have no row in {name}: {name_some(without)}. Add them, or use "
            f"missing='nan', which makes them missing."
        )
    if without:
        message = "%s: %d of %d entities have no row, and are missing: %s"
        logger.warning(message, name, len(without), len(entities), name_some(without))
    return rows
