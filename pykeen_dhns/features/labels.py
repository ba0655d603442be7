"""Labels of entities: in the order of their IDs, as text, and as a hash."""

import hashlib
import math
import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

if TYPE_CHECKING:
    from pykeen.triples import CoreTriplesFactory

__all__ = [
    "check_labels",
    "entity_labels",
    "entity_to_id",
    "hash_strings",
    "is_missing",
    "label_to_text",
    "name_some",
    "split_labels",
]

T = TypeVar("T")


def entity_labels(triples_factory: "CoreTriplesFactory") -> list[str]:
    """Return the labels of all entities, ordered by ID.

    :param triples_factory: a triples factory with labels

    :returns: length: num_entities, the labels

    :raises TypeError: if the factory has no labels
    :raises ValueError: if an ID has no label
    """  # noqa: DOC503
    id_to_label = {entity_id: label for label, entity_id in entity_to_id(triples_factory).items()}
    gaps = sorted(set(range(triples_factory.num_entities)).difference(id_to_label))
    if gaps:
        raise ValueError(
            f"{len(gaps)} of {triples_factory.num_entities} entities have no label, e.g., the one with ID {gaps[0]}: "
            f"there must be one for each."
        )
    return [id_to_label[entity_id] for entity_id in range(triples_factory.num_entities)]


def entity_to_id(triples_factory: Any) -> dict[str, int]:
    """Return the IDs of entities by label.

    :param triples_factory: a triples factory with labels

    :returns: the mapping

    :raises TypeError: if the factory has no labels
    """
    try:
        return dict(triples_factory.entity_to_id)
    except AttributeError as error:
        raise TypeError(
            f"{type(triples_factory).__name__} has no labels of entities: a pykeen.triples.TriplesFactory is needed, "
            f"which has, e.g., dataset.training."
        ) from error


def label_to_text(label: str) -> str:
    """Turn an entity's label into a readable name.

    :param label: a label as knowledge graphs have them: words separated by underscores, or a URI

    :returns: the last part of the URI, without percent encoding, and with spaces for underscores

    :raises TypeError: if the label is no string

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


def hash_strings(strings: Iterable[str]) -> str:
    """Hash a sequence of strings, including their order, and where each one ends.

    :param strings: the strings

    :returns: the SHA-256, as a hexadecimal number
    """
    digest = hashlib.sha256()
    for string in strings:
        # labels may come from file names, which may hold what is no valid Unicode
        content = string.encode("utf8", errors="surrogatepass")
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()


def check_labels(labels: Sequence[str], n: int | None = None, *, unique: bool = False) -> list[str]:
    """Check labels.

    :param labels: the labels
    :param n: the number of rows, if known
    :param unique: whether no label may occur twice

    :returns: the labels

    :raises TypeError: if these are not strings
    :raises ValueError: if there is not one for each row, or one of them occurs twice, but must not
    """  # noqa: DOC503
    labels = _to_list("labels", labels)
    for row, label in enumerate(labels):
        if not isinstance(label, str):
            raise TypeError(f"labels[{row}]={reprlib.repr(label)} is a {type(label).__name__}: labels must be strings.")
    if n is not None and len(labels) != n:
        raise ValueError(f"There are {len(labels)} labels, but {n} rows: there must be one label for each row.")
    duplicates = [label for label, count in Counter(labels).items() if count > 1] if unique else []
    if duplicates:
        raise ValueError(
            f"{len(duplicates)} labels occur more than once: {name_some(duplicates)}. It is not known which of their "
            f"rows to use: keep one for each."
        )
    return labels


def name_some(names: Iterable[Any], limit: int = 3) -> str:
    """Name some of many, for messages.

    :param names: the names
    :param limit: how many to name

    :returns: the first ones, and how many others there are
    """
    names = list(names)
    more = f", and {len(names) - limit} more" if len(names) > limit else ""
    # paths as strings, but tuples as they are
    return ", ".join(repr(name if isinstance(name, tuple) else str(name)) for name in names[:limit]) + more


def split_labels(
    kind: str, inputs: Sequence[T] | Mapping[str, T], labels: Sequence[str] | None
) -> tuple[list[T], list[str]]:
    """Take inputs and labels apart.

    :param kind: what the inputs are, for messages
    :param inputs: length: n, the inputs, or a mapping from labels to inputs
    :param labels: length: n, the labels of the inputs. If None, these are the keys of the mapping, else the inputs.

    :returns: length: n, the inputs and their labels

    :raises TypeError: if there is a single string instead, or labels are none
    :raises ValueError: if there are no inputs, or not one label for each
    """  # noqa: DOC503
    if isinstance(inputs, Mapping):
        if labels is not None:
            raise ValueError(f"{kind} is a mapping from labels, so labels must not be given in addition.")
        labels, inputs = list(inputs), list(inputs.values())
    inputs = _to_list(kind, inputs)
    if not inputs:
        raise ValueError(f"{kind} is empty: there must be at least one.")
    if labels is None:
        labels = ["" if is_missing(value) else str(value) for value in inputs]
    return inputs, check_labels(labels, n=len(inputs))


def is_missing(value: Any) -> bool:
    """Return whether a value stands for something missing: None, or what pandas has for empty cells, such as NaN.

    :param value: the value

    :returns: whether it does
    """
    # those of pandas by name, since it need not be there
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in {"NAType", "NaTType"}
    )


def _to_list(name: str, values: Any) -> list[Any]:
    """List what there is for each row."""
    if isinstance(values, str | bytes):
        raise TypeError(f"{name}={values!r} is a single string: there must be one for each row.")
    problem = f"{name} is a {type(values).__name__}: it must be a list, or something else with one item for each row"
    # of these, what one gets are items in any order, or the keys, or the names of columns
    if isinstance(values, set | frozenset | Mapping) or hasattr(values, "columns"):
        raise TypeError(f"{problem}, in their order.")
    try:
        return list(values)
    except TypeError as error:
        raise TypeError(f"{problem}.") from error
