"""Scores of filtered negatives: PyKEEN's sparse form, and the dense form with a mask that this package works with."""

from typing import Any

import torch
from pykeen.losses import AdversarialLoss, Loss, SetwiseLoss
from torch import Tensor

__all__ = ["process_dense", "to_dense"]

#: The score of what a filter has left out, where a softmax is to ignore it. It is finite, so that no gradient is NaN.
LOWEST_SCORE = -1e9


def to_dense(values: Tensor, mask: Tensor | None) -> Tensor:
    """Undo PyKEEN's filtering.

    :param values: shape: (batch_size, num_negatives) or, if a filter has left out some, (num_unfiltered_negatives,)
    :param mask: shape: (batch_size, num_negatives) which negatives the filter has left. None means all.

    :returns: shape: (batch_size, num_negatives) the values, 0 where the filter has left out a negative
    """
    if mask is None or values.ndim > 1:
        return values
    return values.new_zeros(mask.shape).masked_scatter(mask, values)


def process_dense(
    loss: Loss,
    positive_scores: Tensor,
    negative_scores: Tensor,
    *,
    mask: Tensor | None,
    neg_weights: Tensor | None = None,
    **kwargs: Any,
) -> Tensor:
    """Process scores by any of PyKEEN's losses.

    :param loss: the loss
    :param positive_scores: shape: (batch_size, 1) the scores of the positives
    :param negative_scores: shape: (batch_size, num_negatives) the scores of the negatives, anything where masked
    :param mask: shape: (batch_size, num_negatives) which negatives a filter has left. None means all.
    :param neg_weights: shape: (batch_size, num_negatives) the sample weights of the negatives
    :param **kwargs: further keyword-based arguments of :meth:`pykeen.losses.Loss.process_slcwa_scores`

    :returns: shape: () the loss

    :raises ValueError: if labels are to be smoothed, but a softmax is to leave out negatives
    """
    if mask is None:
        # contiguous, since some losses need it
        negative_scores = negative_scores.contiguous()
        neg_weights = None if neg_weights is None else neg_weights.contiguous()
    elif isinstance(loss, SetwiseLoss) and neg_weights is None:
        # These make scores dense again, which takes time where there are many. 16 bits hold no score that is so low.
        dtype = torch.promote_types(negative_scores.dtype, torch.float)
        lowest = torch.tensor(LOWEST_SCORE, dtype=dtype, device=mask.device)
        if isinstance(loss, AdversarialLoss):
            # where a filter has left nothing, PyKEEN has scores of zero
            lowest = lowest * mask.any(dim=1, keepdim=True)
        elif kwargs.get("label_smoothing"):
            # smoothing would give a part of the probability to what is left out
            raise ValueError(
                f"label_smoothing={kwargs['label_smoothing']} is not possible with {type(loss).__name__} where known "
                "triples are left out of the negatives, as with num_shared_negs or filtered=True. Leave it out."
            )
        negative_scores, mask = torch.where(mask, negative_scores.to(dtype), lowest), None
    else:
        negative_scores = negative_scores[mask]
        neg_weights = None if neg_weights is None else neg_weights[mask]
    result: Tensor = loss.process_slcwa_scores(
        positive_scores, negative_scores, batch_filter=mask, neg_weights=neg_weights, **kwargs
    )
    return result
