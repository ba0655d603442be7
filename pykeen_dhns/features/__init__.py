"""Features of entities: from a tensor, an array, or a file."""

from .loading import Features, check_rows, load_features

__all__ = [
    "Features",
    "check_rows",
    "load_features",
]
