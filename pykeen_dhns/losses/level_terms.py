"""The loss over generated negatives, with a margin per level: L_HA (Eq. 13), row by row."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["hardness_adaptive_rows", "index_levels"]


@lru_cache(maxsize=64)
def index_levels(levels: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Index the levels of columns. Cached, since every batch needs it.

    :param levels: the level of each column
    :param device: the device of the result

    :returns: shape: (num_present,) the levels that have a column, and shape: (num_columns,) the position of each
        column's level among these
    """
    present = sorted(set(levels))
    # tensors from inference mode could not be used for training later
    with torch.inference_mode(mode=False):
        return (
            torch.tensor(present, dtype=torch.long, device=device),
            torch.tensor([present.index(level) for level in levels], dtype=torch.long, device=device),
        )


def hardness_adaptive_rows(
    positive_scores: Tensor,
    generated_scores: Tensor,
    *,
    columns: Tensor,
    margins: Tensor,
    weights: Tensor,
    positive_weight: float,
    mask: Tensor | None = None,
    pos_weights: Tensor | None = None,
    neg_weights: Tensor | None = None,
    normalize: bool = True,
) -> Tensor:
    """Compute the loss over generated negatives. Levels may have different numbers of them.

    :param positive_scores: shape: (batch_size, 1) the scores of the positives
    :param generated_scores: shape: (batch_size, num_columns) the scores of the generated negatives
    :param columns: shape: (num_columns,) the index of each column's level
    :param margins: shape: (num_levels,) the margins
    :param weights: shape: (num_levels,) the weights of the levels
    :param positive_weight: the weight of the positive
    :param mask: shape: (batch_size, num_columns) which negatives count. Defaults to all.
    :param pos_weights: shape: (batch_size, 1) the sample weights of the positives
    :param neg_weights: shape: (batch_size, num_columns) the sample weights of the negatives
    :param normalize: whether to normalise sample weights to a mean of one, as PyKEEN does for means

    :returns: shape: (batch_size,) the loss of each row
    """
    # the margins are of single precision, also where scores are of half or double precision
    dtype = torch.promote_types(margins.dtype, generated_scores.dtype)
    margins, weights = margins.to(dtype), weights.to(dtype)
    if mask is None:
        present = margins.new_ones(1, len(columns))
    else:
        # before anything else: NaN or infinity times zero is NaN, also in the gradient
        generated_scores = torch.where(mask, generated_scores, 0.0)
        present = mask.to(dtype)
    # the share of each negative in the mean over levels, where each level is the mean over its negatives
    counts = present.new_zeros(len(present), len(margins)).index_add(1, columns, present).clamp(min=1)
    shares = (weights / (len(margins) * counts))[:, columns] * present

    positive = positive_weight * functional.logsigmoid(margins + positive_scores).mean(dim=-1)
    if pos_weights is not None:
        pos_weights = pos_weights.to(dtype)
        positive = positive * (_normalize(pos_weights) if normalize else pos_weights).flatten()
    if neg_weights is not None:
        neg_weights = neg_weights.to(dtype)
        shares = shares * (_normalize(neg_weights, None if mask is None else present) if normalize else neg_weights)
    negative = (shares * functional.logsigmoid(-generated_scores - margins[columns])).sum(dim=-1)
    rows: Tensor = -(positive + negative)
    return rows


def _normalize(weights: Tensor, present: Tensor | None = None) -> Tensor:
    """Normalise sample weights to a mean of one over those that are present."""
    if present is None:
        return weights / weights.mean().clamp(min=torch.finfo(weights.dtype).eps)
    total = (weights * present).sum().clamp(min=torch.finfo(weights.dtype).eps)
    return weights * (present.sum() / total)
