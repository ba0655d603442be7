"""Encode anything: in batches, with a progress bar, and such that a run that is stopped can be continued."""

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from torch import Tensor, nn
from tqdm.auto import tqdm

from .encoded_features import EncodedFeatures, check_path, find_provenance
from .encoder_factory import EncoderFactory, hash_weights
from .files import FloatArray
from .labels import hash_strings, name_some
from .partial import PartialRows
from .provenance import Provenance, check_same, current_versions, now
from ..utils.validation import check_positive_int

__all__ = [
    "Job",
    "encode",
    "to_array",
]

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Encoder = TypeVar("Encoder", bound=nn.Module)


@dataclasses.dataclass(frozen=True)
class Job(Generic[Item]):
    """What there is to encode."""

    #: What it is, in plural
    kind: str
    #: The labels of all rows
    labels: Sequence[str]
    #: What can be encoded, by row. All other rows are missing.
    items: Mapping[int, Item]
    #: Why those are missing, and which rows
    missing: Mapping[str, Sequence[int]]
    #: Why further rows will be missing, for which the encoder has no result
    failure: str
    #: A hash of all that is encoded
    inputs_hash: str


def encode(
    job: Job[Item],
    factory: EncoderFactory[Encoder],
    apply: Callable[[Encoder, Sequence[Item]], FloatArray],
    *,
    batch_size: int,
    cache: str | os.PathLike[str] | None,
    progress: bool,
) -> EncodedFeatures:
    """Encode what there is to encode.

    :param job: what to encode
    :param factory: how to make the encoder
    :param apply: how to encode a batch. Its result has shape (batch_size, k), with rows of NaN for what cannot be
        encoded, or (batch_size, 0) if this is so for all of them.
    :param batch_size: how much to encode at once
    :param cache: where to save the result, and, until it is complete, what is already encoded
    :param progress: whether to show a progress bar

    :returns: the features

    :raises ValueError: if nothing can be encoded, or the cache is from another run
    """
    check_positive_int("batch_size", batch_size)
    if not job.items:
        raise ValueError(f"None of {len(job.labels)} {job.kind} can be encoded: {_describe_missing(job.missing, job)}.")
    request = dict(
        kind=job.kind, inputs_hash=job.inputs_hash, labels_hash=hash_strings(job.labels), **factory.describe()
    )
    partial = None if cache is None else PartialRows(check_path(cache, name="cache"))
    if partial is not None:
        # before the encoder is made, since this may take long, or be impossible where there is nothing left to encode
        partial.check(request)
        if not partial.exists() and (finished := _load_finished(partial.target, request)) is not None:
            return finished
    encoder = factory.make()
    request["weights_hash"] = hash_weights(encoder)
    items = list(job.items.values())
    batches = [] if partial is None else partial.start(request, num_rows=len(items))
    done = sum(map(len, batches))
    with tqdm(total=len(items), initial=done, desc=job.kind, disable=not progress) as bar:
        for start in range(done, len(items), batch_size):
            batches.append(apply(encoder, items[start : start + batch_size]))
            if partial is not None:
                partial.append(start, batches[-1])
            bar.update(len(batches[-1]))
    result = _assemble(job, batches, request=request, batch_size=batch_size)
    if partial is not None:
        if result is not None:
            result.save(partial.target)
        partial.remove()
    if result is None:
        raise ValueError(f"None of {len(items)} {job.kind} could be encoded: {job.failure}.")
    return result


def to_array(encoded: Tensor, items: Sequence[Any]) -> FloatArray:
    """Convert the result of an encoder for a batch.

    :param encoded: shape: (batch_size, k) the result
    :param items: length: batch_size, what was encoded

    :returns: shape: (batch_size, k), the same

    :raises TypeError: if it is no tensor
    :raises ValueError: if the shape is another one, or there is something not finite
    """
    if not isinstance(encoded, Tensor):
        raise TypeError(f"The encoder's result is a {type(encoded).__name__}: it must be a tensor.")
    if encoded.ndim != 2 or len(encoded) != len(items) or not encoded.shape[1]:
        raise ValueError(
            f"The encoder's result has shape {tuple(encoded.shape)} for {len(items)} inputs: it must be "
            f"({len(items)}, num_features)."
        )
    array: FloatArray = encoded.detach().float().cpu().numpy()
    is_bad = np.asarray(~np.isfinite(array).all(axis=1))
    if is_bad.any():
        bad = name_some(item for item, flag in zip(items, is_bad, strict=True) if flag)
        raise ValueError(f"The encoder's result is not finite for {is_bad.sum()} inputs: {bad}.")
    return array


def _load_finished(target: Path, request: Mapping[str, Any]) -> EncodedFeatures | None:
    """Load the result of the same run, if it is there."""
    has_provenance = find_provenance(target).exists()
    if target.exists() and not has_provenance:
        raise ValueError(
            f"cache={str(target)!r} exists, but without provenance, so it was not made here: choose another path, or "
            f"delete it. To use it as it is, give it as a modality."
        )
    if not has_provenance:
        return None
    result = EncodedFeatures.load(target)
    check_same(dataclasses.asdict(result.provenance), request, where=target)
    logger.info("%s are loaded from %s", result.provenance.kind, target)
    return result


def _assemble(
    job: Job[Any], batches: Sequence[FloatArray], *, request: Mapping[str, Any], batch_size: int
) -> EncodedFeatures | None:
    """Bring batches into the rows of all entities, and report what is missing. None if nothing was encoded."""
    widths = {batch.shape[1] for batch in batches} - {0}
    if not widths:
        return None
    if len(widths) > 1:
        raise ValueError(f"The encoder's results have {sorted(widths)} features: it must be the same number for all.")
    features = np.full((len(job.labels), widths.pop()), np.nan, dtype=np.float32)
    rows = iter(job.items)
    for batch in batches:
        positions = [next(rows) for _ in batch]
        if batch.shape[1]:
            features[positions] = batch
    is_missing = np.asarray(np.isnan(features).all(axis=1))
    missing = {**job.missing, job.failure: [row for row in job.items if is_missing[row]]}
    missing = {reason: positions for reason, positions in missing.items() if positions}
    if missing:
        logger.warning(
            "%d of %d %s are missing: %s", is_missing.sum(), len(features), job.kind, _describe_missing(missing, job)
        )
    provenance = Provenance(
        **request,
        num_rows=len(features),
        num_features=features.shape[1],
        num_missing=int(is_missing.sum()),
        missing={reason: len(positions) for reason, positions in missing.items()},
        batch_size=int(batch_size),
        created=now(),
        versions=current_versions(),
    )
    return EncodedFeatures(features=features, provenance=provenance)


def _describe_missing(missing: Mapping[str, Sequence[int]], job: Job[Any]) -> str:
    return "; ".join(
        f"{reason}: {len(rows)} ({name_some(job.labels[row] or f'row {row}' for row in rows)})"
        for reason, rows in missing.items()
        if rows
    )
