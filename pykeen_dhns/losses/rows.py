"""The loss over generated negatives, with a margin per level: L_HA (Eq. 13), row by row."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["hardness_adaptive_rows"]


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
    """Compute the loss over generated negatives, of which levels may have different numbers.

    :param positive_scores: shape: (batch_size, 1) the scores of the positives
    :param generated_scores: shape: (batch_size, num_columns) the scores of the generated negatives
    :param columns: shape: (num_columns,) the index of each column's level
    :param margins: shape: (num_levels,) the margins
    :param weights: shape: (num_levels,) the weights of the levels
    :param positive_weight: the weight of the positive
    :param mask: shape: (batch_size, num_columns) which negatives count. Defaults to all.
    :param pos_weights: shape: (batch_size, 1) the sample weights of the positives
    :param neg_weights: shape: (batch_size, num_columns) the sample weights of the negatives
    :param normalize: whether to normalise sample weights such that equal ones change nothing, as PyKEEN does for means

    :returns: shape: (batch_size,) the loss of each row
    """
    # the buffers are of single precision, also where scores are of half or double precision
    dtype = torch.promote_types(margins.dtype, generated_scores.dtype)
    margins, weights = margins.to(dtype), weights.to(dtype)
    if mask is None:
        present = margins.new_ones(1, len(columns))
    else:
        # before anything else: NaN or infinity times zero is NaN, in the gradient, too
        generated_scores = torch.where(mask, generated_scores, 0.0)
        present = mask.to(dtype)
    # what each negative contributes to the mean over levels of the means over their negatives
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
    """Normalise sample weights such that their mean, over those that are present, is one."""
    if present is None:
        return weights / weights.mean().clamp(min=torch.finfo(weights.dtype).eps)
    total = (weights * present).sum().clamp(min=torch.finfo(weights.dtype).eps)
    return weights * (present.sum() / total)
