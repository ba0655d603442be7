"""The negatives of a batch, from all of their sources."""

import dataclasses

import torch
from torch import Tensor

from ..sampling.columns import ColumnLayout

__all__ = ["Negatives", "mean_score"]


@dataclasses.dataclass
class Negatives:
    """The scores of negatives, with their masks and weights, as columns of a batch."""

    #: shape: (batch_size, num_negatives), anything where a negative is masked
    scores: Tensor
    #: The layout of the columns
    layout: ColumnLayout
    #: shape: (batch_size, num_negatives) which of them count. None if all do.
    mask: Tensor | None = None
    #: shape: (batch_size, num_negatives) their weights. None if all weigh the same.
    weights: Tensor | None = None

    def prepend(self, scores: Tensor, mask: Tensor | None = None) -> None:
        """Put further columns in front, where sampled negatives are.

        :param scores: shape: (batch_size, num_further) their scores
        :param mask: shape: (batch_size, num_further) which of them count. None if all do.
        """
        if self.mask is not None or mask is not None:
            parts = zip((mask, self.mask), (scores, self.scores), strict=True)
            self.mask = torch.cat(
                [torch.ones_like(x, dtype=torch.bool) if part is None else part for part, x in parts], dim=1
            )
        if self.weights is not None:
            self.weights = torch.cat([self.weights.new_ones(scores.shape), self.weights], dim=1)
        self.scores = torch.cat([scores, self.scores], dim=1)
        self.layout = self.layout.with_more_sampled(scores.shape[1])


def mean_score(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Average scores.

    :param scores: shape: any, the scores
    :param mask: shape: the same, which of them count. None if all do.

    :returns: shape: () the mean, zero if none counts
    """
    if mask is None:
        return scores.mean()
    return scores.masked_fill(~mask, 0).sum() / mask.sum().clamp(min=1)
