"""Encode inputs of any kind, in batches, with a progress bar and a cache."""

import contextlib
import dataclasses
import glob
import hashlib
import io
import logging
import os
import reprlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from class_resolver import ClassResolver, HintOrType, OptionalKwargs
from filelock import FileLock, Timeout
from torch import Tensor
from tqdm.auto import tqdm

from .arrays import check_rows
from .encoded_features import (
    EncodedFeatures,
    FloatArray,
    Provenance,
    hash_json,
    load_provenance,
    load_rows,
    log_missing,
    npy_path,
    to_json,
)
from ..utils.files import write_atomically
from ..utils.random_state import seeded
from ..utils.validation import check_bool, check_hint, check_integer, check_kwargs, show

__all__ = ["describe", "encode"]

logger = logging.getLogger(__name__)

#: After how many seconds the rows that are encoded so far are saved again. This is what a stopped run loses at most.
SAVE_INTERVAL = 60.0


def describe(
    kind: str,
    inputs: Sequence[Any],
    labels: Sequence[str] | None,
    resolver: ClassResolver[Any],
    encoder: HintOrType[Any],
    encoder_kwargs: OptionalKwargs,
    random_seed: int,
) -> Provenance:
    """Return what determines the features, as far as this is known without making the encoder."""
    check_kwargs("encoder_kwargs", encoder_kwargs)
    # the range of PyTorch's seeds
    check_integer("random_seed", random_seed, minimum=-(2**63), maximum=2**64 - 1)
    if encoder is not None:
        check_hint("encoder", encoder, resolver)
    details: dict[str, Any]
    if encoder is None or isinstance(encoder, str | type):
        name = resolver.normalize_cls(resolver.lookup(encoder))
        details = dict(encoder_kwargs=to_json("encoder_kwargs", encoder_kwargs), random_seed=int(random_seed))
    elif encoder_kwargs:
        raise ValueError(
            f"encoder_kwargs={show(encoder_kwargs)} cannot change an instance of {type(encoder).__name__}: pass its "
            f"class or name as encoder, or no encoder_kwargs."
        )
    else:
        name, buffer = resolver.normalize_inst(encoder), io.BytesIO()
        torch.save(encoder.state_dict(), buffer)
        weights_hash = hashlib.sha256(repr(encoder).encode() + buffer.getbuffer()).hexdigest()
        details = dict(encoder_kwargs={}, weights_hash=weights_hash)
    labels_hash = None if labels is None else hash_json(labels)
    return Provenance(kind=kind, inputs_hash=hash_json(inputs), labels_hash=labels_hash, encoder=name, **details)


def encode(
    items: Sequence[Any],
    labels: Sequence[str] | None,
    request: Provenance,
    make_encoder: Callable[[], Any],
    encode_batch: Callable[[Any, list[Any]], Tensor],
    batch_size: int,
    cache: str | os.PathLike[str] | None,
    *,
    progress: bool,
) -> EncodedFeatures:
    """Encode items that are not None, or load the result of the same request from the cache."""
    check_integer("batch_size", batch_size)
    check_bool("progress", progress)

    def run(unfinished: Path | None = None) -> EncodedFeatures:
        with seeded(request.random_seed or 0):
            encoder = make_encoder().eval()
        features = _encode_rows(encoder, items, encode_batch, int(batch_size), unfinished, progress=progress)
        log_missing(request.kind, features, range(len(items)) if labels is None else labels)
        return EncodedFeatures(features=features, provenance=request)

    if cache is None:
        return run()
    path = npy_path("cache", cache)
    # before the encoder is made, which may take long, or fail where its files are gone
    if (found := _load(path, request, len(items))) is not None:
        return found
    with _exclusive(path):
        if (found := _load(path, request, len(items))) is None:
            # the hash tells requests apart
            found = run(path.with_suffix(f".{hash_json(dataclasses.asdict(request))[:16]}.unfinished.npy"))
            found.save(path)
        # also those of other requests, which were stopped, and cannot be saved here any more
        for unfinished in path.parent.glob(f"{glob.escape(path.stem)}.{'?' * 16}.unfinished.npy"):
            unfinished.unlink(missing_ok=True)
    return found


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Wait until no other process encodes into the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(f".{path.name}.lock")
    lock = FileLock(file)
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        logger.warning("Another process encodes into %s. This one waits for its result.", path)
        held = lock.acquire()
    with held:
        yield
        # The result is there, so whoever waits will only load it. Windows removes the file by itself.
        with contextlib.suppress(PermissionError):
            file.unlink(missing_ok=True)


def _load(path: Path, request: Provenance, num_rows: int) -> EncodedFeatures | None:
    """Load the features that an earlier run has saved for the same request, if there was one."""
    if not path.exists():
        return None
    provenance = load_provenance(path)
    if provenance != request:
        old, new = dataclasses.asdict(provenance), dataclasses.asdict(request)
        differences = "; ".join(f"{key}={old[key]!r}, not {new[key]!r}" for key in old if old[key] != new[key])
        raise ValueError(
            f"cache={str(path)!r} is from another run: {differences}. Choose another path, or delete this file."
        )
    return EncodedFeatures(features=load_rows(path, num_rows), provenance=provenance)


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
        features = load_rows(unfinished, len(items), may_be_missing=True)
    last_saved = -np.inf
    rows = [i for i, x in enumerate(items) if x is not None and (features is None or np.isnan(features[i]).all())]
    for start in tqdm(range(0, len(rows), batch_size), unit="batch", disable=not progress):
        batch = rows[start : start + batch_size]
        encoded = encode_batch(encoder, [items[row] for row in batch]).float().cpu().numpy()
        if features is None:
            features = np.full((len(items), encoded.shape[-1]), np.nan, dtype=np.float32)
        if encoded.shape != (len(batch), features.shape[1]):
            raise ValueError(
                f"The encoder's result has shape {encoded.shape}, but there are {len(batch)} inputs, and earlier "
                f"results have {features.shape[1]} features. If these are damaged, delete {unfinished}."
            )
        check_rows("The encoder's result", encoded, may_be_missing=True)
        features[batch] = encoded
        # also after the first batch, so that a path that cannot be written is an error at once
        if unfinished is not None and time.monotonic() >= last_saved + SAVE_INTERVAL:
            with write_atomically(unfinished) as file:
                np.save(file, features, allow_pickle=False)
            last_saved = time.monotonic()
    if features is None or np.isnan(features).all():
        raise ValueError(f"None of the {len(items)} inputs can be encoded: {reprlib.repr(items)}.")
    return features
