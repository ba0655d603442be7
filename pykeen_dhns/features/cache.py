"""The cache of encoded features: the result of a finished run, and the rows that a stopped run has encoded.

This needs no lock. A file appears once it is complete, and processes with the same request write the same.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .encoded_features import EncodedFeatures, FloatArray, read_provenance

__all__ = ["find_unfinished", "load_finished", "load_unfinished"]

logger = logging.getLogger(__name__)


def load_finished(path: Path, request: Mapping[str, Any]) -> EncodedFeatures | None:
    """Load the features that an earlier run has saved for the same request, or return None if there are none."""
    # before the provenance is read, since another process that is just finishing writes the features last
    exists = path.exists()
    try:
        found, _ = read_provenance(path)
    except FileNotFoundError:
        if exists:
            raise ValueError(
                f"cache={str(path)!r} exists, but without provenance, so it was not made here. Choose another path, or "
                f"delete it. To use it as it is, give it as a modality."
            ) from None
        return None
    others = {key: getattr(found, key) for key, value in request.items() if getattr(found, key) != value}
    if others:
        differences = "; ".join(f"{key}={value!r}, not {request[key]!r}" for key, value in others.items())
        raise ValueError(
            f"cache={str(path)!r} is from another run: {differences}. Nothing was changed. Choose another path, or "
            f"delete this file and {path.name}.json."
        )
    try:
        features = EncodedFeatures.load(path)
    except FileNotFoundError:
        # another process is about to write it, or was stopped just before
        return None
    except ValueError as error:
        logger.warning("The cache is encoded again: %s", error)
        return None
    logger.info("%s are loaded from %s", found.kind, path)
    return features


def find_unfinished(path: Path, request: Mapping[str, Any]) -> Path:
    """Return where the rows that are encoded so far are saved. The name has a hash that tells requests apart."""
    key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]
    return path.with_name(f"{path.stem}.{key}.unfinished.npy")


def load_unfinished(path: Path) -> FloatArray | None:
    """Load the rows that a stopped run has encoded, with NaN for all others, or None if there was no such run."""
    try:
        features: FloatArray = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        return None
    logger.info("A run that was stopped is continued with the rows of %s", path)
    return features
