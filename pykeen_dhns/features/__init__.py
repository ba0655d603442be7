"""Features of entities: loaded from files, encoded from texts, and aligned with entity IDs."""

from .alignment import align
from .labels import entity_labels, label_to_text
from .lexical import LexicalTextEncoder
from .loading import Features, load_features
from .texts import encode_texts

__all__ = [
    "Features",
    "LexicalTextEncoder",
    "align",
    "encode_texts",
    "entity_labels",
    "label_to_text",
    "load_features",
]
