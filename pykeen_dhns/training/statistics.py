"""Averages over an epoch."""

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["EpochStatistics", "mean_score"]


class EpochStatistics:
    """Weighted means of named values, which stay on their device until somebody asks."""

    def __init__(self) -> None:
        """Initialize the statistics."""
        self.sums: dict[str, Tensor] = {}
        self.weights: dict[str, float] = {}

    def add(self, values: Mapping[str, Tensor], weight: float) -> None:
        """Add values.

        :param values: shape: (), each, the values
        :param weight: the number of rows that they are the means of
        """
        for name, value in values.items():
            value = value.detach() * weight
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.weights[name] = self.weights.get(name, 0.0) + weight

    def pop(self) -> dict[str, float]:
        """Return the means, and start again.

        :returns: the means
        """
        names = list(self.sums)
        if not names:
            return {}
        means = torch.stack([self.sums[name] / self.weights[name] for name in names]).tolist()
        self.sums, self.weights = {}, {}
        return dict(zip(names, means, strict=True))


def mean_score(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Average scores, without those that a filter has left out.

    :param scores: shape: any, the scores
    :param mask: shape: the same, which of them count. If None, all do.

    :returns: shape: () the mean, 0 if none counts
    """
    if mask is None:
        return scores.mean()
    return scores.masked_fill(~mask, 0).sum() / mask.count_nonzero().clamp(min=1)
