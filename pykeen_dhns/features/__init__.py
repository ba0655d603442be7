"""Features of entities: from a tensor, an array, or a file; encoded from texts, images, or numeric literals."""

import importlib
from typing import TYPE_CHECKING, Any

from .alignment import align
from .encoded_features import EncodedFeatures
from .image_encoders import ImageEncoder, TorchvisionImageEncoder, image_encoder_resolver
from .images import encode_images
from .labels import entity_labels, label_to_text
from .literals import encode_literals
from .loading import Features, check_rows, load_features
from .provenance import Provenance
from .texts import encode_texts

if TYPE_CHECKING:
    from .lexical import LexicalTextEncoder

__all__ = [
    "EncodedFeatures",
    "Features",
    "ImageEncoder",
    "LexicalTextEncoder",
    "Provenance",
    "TorchvisionImageEncoder",
    "align",
    "check_rows",
    "encode_images",
    "encode_literals",
    "encode_texts",
    "entity_labels",
    "image_encoder_resolver",
    "label_to_text",
    "load_features",
]


def __getattr__(name: str) -> Any:
    # it is a class of PyKEEN's, which need not be imported to load features
    if name == "LexicalTextEncoder":
        return importlib.import_module(".lexical", __name__).LexicalTextEncoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
