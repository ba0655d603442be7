"""Averages over an epoch."""

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["EpochStatistics"]


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
