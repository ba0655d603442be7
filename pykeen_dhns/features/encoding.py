"""Encode inputs of any kind, in batches, with a progress bar and a cache."""

import dataclasses
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from .cache import find_unfinished, load_finished, load_unfinished
from .encoded_features import EncodedFeatures, FloatArray, Provenance, check_path
from .encoder_factory import EncoderFactory, hash_weights
from .inputs import hash_strings, name_some
from ..utils.files import write_atomically
from ..utils.validation import check_positive_int

__all__ = ["Inputs", "encode", "to_array"]

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Encoder = TypeVar("Encoder", bound=nn.Module)

#: Encodes a batch, shape: (batch_size, k), with a row of NaN for an input that cannot be read, or None if none can be
BatchEncoder: TypeAlias = Callable[[Encoder, Sequence[Item]], FloatArray | None]

#: After how many seconds the rows that are encoded so far are saved again. This is what a stopped run loses at most.
SAVE_INTERVAL = 60.0


@dataclasses.dataclass(frozen=True)
class Inputs(Generic[Item]):
    """What there is to encode."""

    #: What it is, in plural
    kind: str
    #: The labels of all rows
    labels: Sequence[str]
    #: The inputs by row. All other rows are missing.
    items: Mapping[int, Item]
    #: The other rows, by the reason why they are missing
    missing: Mapping[str, Sequence[int]]
    #: A hash of all that is encoded
    inputs_hash: str

    def describe(self, missing: Mapping[str, Sequence[int]]) -> str:
        """Name some of the missing rows, by reason."""
        return "; ".join(
            f"{reason}: {len(rows)} ({name_some(self.labels[row] or f'row {row}' for row in rows)})"
            for reason, rows in missing.items()
            if rows
        )


def encode(
    inputs: Inputs[Item],
    factory: EncoderFactory[Encoder],
    encode_batch: BatchEncoder[Encoder, Item],
    *,
    batch_size: int,
    cache: str | os.PathLike[str] | None,
    progress: bool,
) -> EncodedFeatures:
    """Encode inputs, or load the result of the same request from the cache."""
    check_positive_int("batch_size", batch_size)
    if not inputs.items:
        raise ValueError(f"None of {len(inputs.labels)} {inputs.kind} is there: {inputs.describe(inputs.missing)}.")
    hashes = dict(inputs_hash=inputs.inputs_hash, labels_hash=hash_strings(inputs.labels))
    request: dict[str, Any] = dict(kind=inputs.kind, **hashes, **factory.describe())
    path = None if cache is None else check_path("cache", cache)
    # before the encoder is made, which may take long, or fail where its files are gone
    if path is not None and (finished := load_finished(path, request)) is not None:
        return finished
    encoder = factory.make()
    request["weights_hash"] = hash_weights(encoder)
    unfinished = None if path is None else find_unfinished(path, request)
    features = _encode_rows(inputs, encoder, encode_batch, int(batch_size), unfinished, progress=progress)
    missing = {**inputs.missing, "unreadable": [row for row in inputs.items if np.isnan(features[row]).all()]}
    provenance = Provenance(
        **request,
        num_rows=len(features),
        num_features=features.shape[1],
        num_missing=sum(map(len, missing.values())),
        missing={reason: len(rows) for reason, rows in missing.items() if rows},
        batch_size=int(batch_size),
    )
    if provenance.num_missing:
        message = "%d of %d %s are missing: %s"
        logger.warning(message, provenance.num_missing, len(features), inputs.kind, inputs.describe(missing))
    result = EncodedFeatures(features=features, provenance=provenance)
    if path is not None and unfinished is not None:
        result.save(path)
        unfinished.unlink(missing_ok=True)
    return result


@torch.inference_mode()
def _encode_rows(
    inputs: Inputs[Item],
    encoder: Encoder,
    encode_batch: BatchEncoder[Encoder, Item],
    batch_size: int,
    unfinished: Path | None,
    *,
    progress: bool,
) -> FloatArray:
    """Encode all rows that a stopped run has not encoded, shape: (n, k)."""
    features = None if unfinished is None else load_unfinished(unfinished)
    rows = [row for row in inputs.items if features is None or np.isnan(features[row]).all()]
    num_done, last_saved = len(inputs.items) - len(rows), -np.inf
    with tqdm(total=len(inputs.items), initial=num_done, desc=inputs.kind, disable=not progress) as bar:
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            encoded = encode_batch(encoder, [inputs.items[row] for row in batch])
            bar.update(len(batch))
            if encoded is None:
                continue
            if features is None:
                features = np.full((len(inputs.labels), encoded.shape[1]), np.nan, dtype=np.float32)
            if encoded.shape[1] != features.shape[1]:
                widths = f"{features.shape[1]} and {encoded.shape[1]}"
                raise ValueError(f"The encoder's results have {widths} features: it must be the same number for all.")
            features[batch] = encoded
            # also after the first batch, so that a path that cannot be written is an error at once
            if unfinished is not None and time.monotonic() >= last_saved + SAVE_INTERVAL:
                with write_atomically(unfinished) as file:
                    np.save(file, features, allow_pickle=False)
                last_saved = time.monotonic()
    if features is None:
        raise ValueError(f"None of {len(rows)} {inputs.kind} can be read.")
    return features


def to_array(encoded: Tensor, items: Sequence[Any]) -> FloatArray:
    """Check and convert the result of an encoder for a batch, shape: (batch_size, k)."""
    if encoded.ndim != 2 or len(encoded) != len(items) or not encoded.shape[1]:
        raise ValueError(
            f"The encoder's result has shape {tuple(encoded.shape)} for {len(items)} inputs: it must be "
            f"({len(items)}, num_features)."
        )
    array: FloatArray = encoded.detach().float().cpu().numpy()
    bad = [item for item, row in zip(items, array, strict=True) if not np.isfinite(row).all()]
    if bad:
        raise ValueError(f"The encoder's result is not finite for {len(bad)} inputs: {name_some(bad)}.")
    return array
