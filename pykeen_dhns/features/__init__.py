"""Features of entities: loaded from files, encoded from texts, images, or numbers, and aligned with entity IDs."""

from .alignment import align
from .encoded_features import EncodedFeatures, Provenance
from .images import ImageEncoder, TorchvisionImageEncoder, encode_images, image_encoder_resolver
from .labels import entity_labels, label_to_text
from .lexical import LexicalTextEncoder
from .literals import encode_literals
from .loading import Features, load_features
from .texts import encode_texts

__all__ = [
    "EncodedFeatures",
    "Features",
    "ImageEncoder",
    "LexicalTextEncoder",
    "Provenance",
    "TorchvisionImageEncoder",
    "align",
    "encode_images",
    "encode_literals",
    "encode_texts",
    "entity_labels",
    "image_encoder_resolver",
    "label_to_text",
    "load_features",
]
