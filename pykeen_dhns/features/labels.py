"""Labels of entities, by ID and as text."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import unquote

import numpy as np
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from ..utils.validation import check_type, show

__all__ = ["entity_labels", "label_to_text", "to_list"]


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


def to_list(name: str, values: Any) -> list[Any]:
    """Make a list of what has an order."""
    is_iterable = isinstance(values, Iterable) and getattr(values, "ndim", 1) != 0
    if isinstance(values, str | bytes | AbstractSet | Mapping) or not is_iterable:
        raise TypeError(
            f"{name}={show(values)} is a {type(values).__name__}: it must be a list, one item for each row."
        )
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
