"""Labels: those of entities by ID and as text, and those of the rows to encode."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import pandas as pd
from pykeen.triples import CoreTriplesFactory, TriplesFactory

__all__ = ["entity_labels", "label_to_text", "split_labels"]


def entity_labels(triples_factory: CoreTriplesFactory) -> list[str]:
    """Return the labels of all entities, ordered by ID.

    :param triples_factory: a triples factory with labels

    :returns: length: num_entities, the labels

    :raises TypeError: if the factory has no labels
    """
    if not isinstance(triples_factory, TriplesFactory):
        raise TypeError(
            f"{type(triples_factory).__name__} has no labels of entities. Use a TriplesFactory of PyKEEN's."
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
    if "://" in label:
        label = unquote(label.strip("<>").rstrip("/#").replace("#", "/").rpartition("/")[2])
    return " ".join(label.replace("_", " ").split())


def split_labels(
    name: str, inputs: Sequence[Any] | Mapping[str, Any], labels: Sequence[str] | None
) -> tuple[list[Any], list[str]]:
    """Separate inputs, with None where they are missing, from the labels of their rows."""
    if isinstance(inputs, Mapping):
        if labels is not None:
            raise ValueError(f"{name} is a mapping, whose keys are the labels. Do not give labels in addition.")
        labels, inputs = list(inputs), list(inputs.values())
    # pandas refuses what has no order, such as a set, and knows all kinds of empty cells
    series = pd.Series(inputs, dtype=object)
    items = [item if is_present else None for item, is_present in zip(series, series.notna(), strict=True)]
    labels = ["" if item is None else str(item) for item in items] if labels is None else list(labels)
    if len(labels) != len(items):
        raise ValueError(f"There are {len(labels)} labels, but {len(items)} {name}: there must be one for each.")
    return items, labels
