"""Scores, a loss for them, and the equation that it computes."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pykeen_dhns.diffusion import Levels
from pykeen_dhns.losses import HardnessAdaptiveLoss

FRACTIONS = Levels().fractions


def make(**kwargs: Any) -> HardnessAdaptiveLoss:
    """Create a loss in double precision, with the positive in L_HA, as in the paper."""
    return HardnessAdaptiveLoss(**dict(positive_weight=1.0) | kwargs).double()


def draw(*shape: int) -> Tensor:
    """Draw scores around the margins."""
    return (3 * torch.randn(*shape, dtype=torch.double) - 6).requires_grad_()


def log_sigmoid(x: float) -> float:
    """Compute the logarithm of the sigmoid."""
    return -math.log1p(math.exp(-x))


def expected_rows(
    positive: Tensor,
    generated: Tensor,
    mask: Tensor | None = None,
    margins: list[float] | None = None,
    weights: list[float] | None = None,
    positive_weight: float = 1.0,
) -> NDArray[np.float64]:
    """Compute Equation 13, row by row.

    :param positive: shape: (batch_size, 1) the scores of positives
    :param generated: shape: (batch_size, num_levels, num_negatives) the scores of negatives
    :param mask: shape: (batch_size, num_levels, num_negatives) which negatives count
    :param margins: the margin of each level
    :param weights: the weight of each level
    :param positive_weight: the weight of the positive

    :returns: shape: (batch_size,) the loss of each row
    """
    margins = [9 * fraction**0.1 for fraction in FRACTIONS] if margins is None else margins
    weights = [1] * len(margins) if weights is None else weights
    keep = np.ones(generated.shape, dtype=bool) if mask is None else mask.numpy()
    rows = []
    for row, scores in enumerate(generated.detach().numpy()):
        terms = []
        for level, (margin, weight) in enumerate(zip(margins, weights, strict=True)):
            negatives = [log_sigmoid(-s - margin) for s in scores[level][keep[row, level]]]
            term = -positive_weight * log_sigmoid(margin + positive[row].item())
            terms.append(term - weight * float(np.mean(negatives)) if negatives else term)
        rows.append(np.mean(terms))
    return np.asarray(rows)
