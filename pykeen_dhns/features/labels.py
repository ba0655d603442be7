"""Labels of entities, by ID and as text."""

import reprlib
from urllib.parse import unquote

from pykeen.triples import CoreTriplesFactory, TriplesFactory

__all__ = ["entity_labels", "label_to_text"]


def entity_labels(triples_factory: CoreTriplesFactory) -> list[str]:
    """Return the labels of all entities, ordered by ID.

    :param triples_factory: a triples factory with labels

    :returns: length: num_entities, the labels

    :raises TypeError: if the factory has no labels
    :raises ValueError: if an ID has no label
    """
    if not isinstance(triples_factory, TriplesFactory):
        raise TypeError(
            f"{type(triples_factory).__name__} has no labels of entities. Use a pykeen.triples.TriplesFactory, such as "
            f"dataset.training."
        )
    labels = triples_factory.entity_id_to_label
    without = [entity_id for entity_id in range(triples_factory.num_entities) if entity_id not in labels]
    if without:
        raise ValueError(
            f"{len(without)} of {triples_factory.num_entities} entities have no label, the first one has ID "
            f"{without[0]}. Give each entity a label."
        )
    return [labels[entity_id] for entity_id in range(triples_factory.num_entities)]


def label_to_text(label: str) -> str:
    """Turn the label of an entity into a readable name.

    :param label: words separated by underscores, or a URI

    :returns: the last part of the URI, without percent encoding, and with spaces for underscores

    :raises TypeError: if the label is not a string

    >>> label_to_text("Gilles_Mbang_Ondo")
    'Gilles Mbang Ondo'
    >>> label_to_text("<http://dbpedia.org/resource/Andr%C3%A9_Gide>")
    'André Gide'
    """
    if not isinstance(label, str):
        raise TypeError(f"label={reprlib.repr(label)} is a {type(label).__name__}: it must be a string.")
    if "://" in label:
        label = unquote(label.strip("<>").rstrip("/#").replace("#", "/").rpartition("/")[2])
    return " ".join(label.replace("_", " ").split())
