"""Bring features into the order of entity IDs."""

import logging
import reprlib
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from pykeen.triples import CoreTriplesFactory

from .labels import entity_labels, to_list
from .loading import Features, load_features
from ..utils.validation import check_choice, check_type

__all__ = ["align"]

logger = logging.getLogger(__name__)


def align(
    features: Features,
    labels: Iterable[str],
    triples_factory: CoreTriplesFactory,
    *,
    missing: Literal["nan", "error"] = "nan",
    name: str = "features",
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Bring features into the order of a triples factory's entity IDs, by label.

    The log says how many entities have no row, and how many rows belong to no entity.

    :param features: shape: (n, k) the features, in any order: whatever :func:`pykeen_dhns.features.load_features` can
        load
    :param labels: length: n, the label of the entity to which each row belongs
    :param triples_factory: the triples factory
    :param missing: what to do if there are entities without a row: ``nan``, the default, gives them a row of NaN,
        ``error`` raises an error
    :param name: the features' name, for messages

    :returns: shape: (num_entities, k) the rows, ordered by entity ID, with rows of NaN where features are missing

    :raises ValueError: if labels do not belong to the rows, or to no entity, or an entity must have a row, but has none
    """
    check_choice("missing", missing, ["nan", "error"])
    check_type("name", name, str, "a name for messages")
    tensor, mask = load_features(name, features)
    entities, rows = (
        pd.Index(names, dtype=object) for names in (entity_labels(triples_factory), to_list("labels", labels))
    )
    if len(rows) != len(tensor) or rows.has_duplicates:
        raise ValueError(
            f"There are {len(rows)} labels and {len(tensor)} rows of {name}: there must be one for each, and none "
            f"twice. Twice are: {reprlib.repr(list(rows[rows.duplicated()]))}."
        )
    table = pd.DataFrame(tensor.masked_fill(~mask.unsqueeze(dim=1), np.nan).numpy(), index=rows)
    without, unknown = list(entities.difference(rows, sort=False)), list(rows.difference(entities, sort=False))
    message = (
        f"{len(without)} of {len(entities)} entities have no row in {name}: {reprlib.repr(without)}. {len(unknown)} of "
        f"{len(rows)} rows of {name} belong to no entity, and are left out: {reprlib.repr(unknown)}."
    )
    if len(without) == len(entities) or (without and missing == "error"):
        raise ValueError(f"{message} Write labels in the same way, and add rows, or use missing='nan'.")
    if without or unknown:
        logger.warning("%s", message)
    return np.array(table.reindex(entities), dtype=np.float32)
