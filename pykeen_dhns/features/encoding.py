"""Encode inputs of any kind, in batches, with a progress bar and a cache.

The cache needs no lock. A file appears once it is complete, and processes with the same request write the same.
"""

import dataclasses
import hashlib
import io
import operator
import os
import reprlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from class_resolver import ClassResolver, HintOrType, OptionalKwargs
from torch import Tensor
from tqdm.auto import tqdm

from .encoded_features import EncodedFeatures, FloatArray, Provenance, hash_json, log_missing, npy_path, to_json
from ..utils.files import write_atomically
from ..utils.random_state import seeded
from ..utils.validation import check_positive_int

__all__ = ["describe", "encode"]

#: After how many seconds the rows that are encoded so far are saved again. This is what a stopped run loses at most.
SAVE_INTERVAL = 60.0


def describe(
    kind: str,
    inputs: Sequence[Any],
    labels: Sequence[str],
    resolver: ClassResolver[Any],
    encoder: HintOrType[Any],
    encoder_kwargs: OptionalKwargs,
    random_seed: int,
) -> Provenance:
    """Return what determines the features, as far as this is known without making the encoder."""
    details: dict[str, Any]
    if encoder is None or isinstance(encoder, str | type):
        name = resolver.normalize_cls(resolver.lookup(encoder))
        details = dict(encoder_kwargs=to_json(encoder_kwargs), random_seed=operator.index(random_seed))
    elif encoder_kwargs or not isinstance(encoder, resolver.base):
        raise ValueError(
            f"encoder is a {type(encoder).__name__}, with encoder_kwargs={encoder_kwargs}: it must be a class, a name, "
            f"or an instance of {resolver.base.__name__} without encoder_kwargs."
        )
    else:
        name, buffer = resolver.normalize_inst(encoder), io.BytesIO()
        torch.save(encoder.state_dict(), buffer)
        weights_hash = hashlib.sha256(repr(encoder).encode() + buffer.getbuffer()).hexdigest()
        details = dict(encoder_kwargs={}, weights_hash=weights_hash)
    return Provenance(kind=kind, inputs_hash=hash_json(inputs), labels_hash=hash_json(labels), encoder=name, **details)


def encode(
    items: Sequence[Any],
    labels: Sequence[str],
    request: Provenance,
    make_encoder: Callable[[], Any],
    encode_batch: Callable[[Any, list[Any]], Tensor],
    batch_size: int,
    cache: str | os.PathLike[str] | None,
    *,
    progress: bool,
) -> EncodedFeatures:
    """Encode items that are not None, or load the result of the same request from the cache."""
    check_positive_int("batch_size", batch_size)
    path = None if cache is None else npy_path("cache", cache)
    # before the encoder is made, which may take long, or fail where its files are gone
    if path is not None and (found := _load(path, request)) is not None:
        return found
    with seeded(request.random_seed or 0):
        encoder = make_encoder().eval()
    # the hash tells requests apart
    suffix = f".{hash_json(dataclasses.asdict(request))[:16]}.unfinished.npy"
    unfinished = None if path is None else path.with_suffix(suffix)
    features = _encode_rows(encoder, items, encode_batch, int(batch_size), unfinished, progress=progress)
    log_missing(request.kind, features, labels)
    result = EncodedFeatures(features=features, provenance=request)
    if path is not None and unfinished is not None:
        result.save(path)
        unfinished.unlink(missing_ok=True)
    return result


def _load(path: Path, request: Provenance) -> EncodedFeatures | None:
    """Load the features that an earlier run has saved for the same request, if there was one."""
    try:
        found = EncodedFeatures.load(path)
    except FileNotFoundError:
        return None
    if found.provenance != request:
        old, new = dataclasses.asdict(found.provenance), dataclasses.asdict(request)
        differences = "; ".join(f"{key}={old[key]!r}, not {new[key]!r}" for key in old if old[key] != new[key])
        raise ValueError(
            f"cache={str(path)!r} is from another run: {differences}. Choose another path, or delete this file."
        )
    return found


@torch.inference_mode()
def _encode_rows(
    encoder: Any,
    items: Sequence[Any],
    encode_batch: Callable[[Any, list[Any]], Tensor],
    batch_size: int,
    unfinished: Path | None,
    *,
    progress: bool,
) -> FloatArray:
    """Encode all items that a stopped run has not encoded, shape: (n, k)."""
    features: FloatArray | None = None
    if unfinished is not None and unfinished.exists():
        features = np.load(unfinished, allow_pickle=False)
    last_saved = -np.inf
    rows = [i for i, x in enumerate(items) if x is not None and (features is None or np.isnan(features[i]).all())]
    for start in tqdm(range(0, len(rows), batch_size), unit="batch", disable=not progress):
        batch = rows[start : start + batch_size]
        encoded = encode_batch(encoder, [items[row] for row in batch]).float().cpu().numpy()
        if features is None:
            features = np.full((len(items), encoded.shape[-1]), np.nan, dtype=np.float32)
        if encoded.shape != (len(batch), features.shape[1]):
            raise ValueError(f"The encoder's result has shape {encoded.shape}, but there are {len(batch)} inputs.")
        features[batch] = encoded
        # also after the first batch, so that a path that cannot be written is an error at once
        if unfinished is not None and time.monotonic() >= last_saved + SAVE_INTERVAL:
            with write_atomically(unfinished) as file:
                np.save(file, features, allow_pickle=False)
            last_saved = time.monotonic()
    if features is None or np.isnan(features).all():
        raise ValueError(f"None of the {len(items)} inputs can be encoded: {reprlib.repr(items)}.")
    return features
