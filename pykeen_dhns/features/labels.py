"""Labels: those of entities by ID and as text, and those of the rows to encode."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from ..utils.validation import check_type, show

__all__ = ["entity_labels", "label_to_text", "split_labels", "to_list"]


def entity_labels(triples_factory: CoreTriplesFactory) -> list[str]:
    """Return the labels of all entities, ordered by ID.

    :param triples_factory: a triples factory with labels

    :returns: length: num_entities, the labels

    :raises TypeError: if the factory has no labels
    """
    if not isinstance(triples_factory, TriplesFactory):
        raise TypeError(
            f"triples_factory is a {type(triples_factory).__name__}, which has no labels of entities: use a "
            f"TriplesFactory of PyKEEN's."
        )
    return [triples_factory.entity_id_to_label[entity_id] for entity_id in range(triples_factory.num_entities)]


def label_to_text(label: str) -> str:
    """Turn the label of an entity into a readable name.

    :param label: words separated by underscores, or a URI

    :returns: the last part of the URI, without percent encoding, and with spaces for underscores

    >>> label_to_text("Gilles_Mbang_Ondo")
    'Gilles Mbang Ondo'
    >>> label_to_text("<http://dbpedia.org/resource/Andr%C3%A9_Gide>")
    'André Gide'
    """
    check_type("label", label, str, "the label of an entity")
    if "://" in label:
        label = unquote(label.strip("<>").rstrip("/#").replace("#", "/").rpartition("/")[2])
    return " ".join(label.replace("_", " ").split())


def split_labels(
    name: str, inputs: Sequence[Any] | Mapping[str, Any], labels: Sequence[str] | None
) -> tuple[list[Any], list[str] | None]:
    """Separate inputs, with None where they are missing, from the labels of their rows, if they have labels."""
    if isinstance(inputs, Mapping):
        if labels is not None:
            raise ValueError(f"{name} is a mapping, whose keys are the labels. Do not give labels in addition.")
        labels, inputs = list(inputs), list(inputs.values())
    # pandas knows all kinds of empty cells
    series = pd.Series(to_list(name, inputs), dtype=object)
    items = [item if is_present else None for item, is_present in zip(series, series.notna(), strict=True)]
    if not items:
        raise ValueError(f"{name}={show(inputs)} is empty: there must be at least one item.")
    if labels is None:
        return items, None
    labels = to_list("labels", labels)
    if len(labels) != len(items):
        raise ValueError(f"There are {len(labels)} labels, but {len(items)} {name}: there must be one for each.")
    return items, labels


def to_list(name: str, values: Any) -> list[Any]:
    """Make a list of what has an order."""
    is_iterable = isinstance(values, Iterable) and getattr(values, "ndim", 1)
    if isinstance(values, str | bytes | AbstractSet | Mapping) or not is_iterable:
        raise TypeError(
            f"{name}={show(values)} is a {type(values).__name__}: it must be a list, one item for each row."
        )
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
