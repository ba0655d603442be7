r"""Which of the entities near a generated embedding become negatives.

The nearest entities are not always good negatives. In a sparse graph, they are often true, and only missing from the
training set. A strategy chooses from candidates by

- their *similarity* to the generated embedding (:meth:`pykeen_dhns.generators.EmbeddingGenerator.similarity`). It
  compares directions, and is discounted by the noise that is left, so its standard deviation over random candidates is
  at most about one.
- their *excess*: the proxy model's score of the triple with the candidate, minus its score of the positive triple. With
  a positive excess, the proxy model believes the candidate more than the truth. It is infinite for the
  true entity, so this is never chosen unless no candidate is left.
"""

import math
from abc import ABC, abstractmethod

import torch
from class_resolver import ClassResolver
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from ..utils.validation import check_fraction, check_number

__all__ = [
    "BandSelection",
    "NearestSelection",
    "Selection",
    "SemiHardSelection",
    "UniformSelection",
    "selection_resolver",
]


class Selection(ABC):
    """A strategy to choose one of several candidates."""

    def admits(self, excess: Tensor) -> Tensor:
        """Decide which candidates may be chosen at all.

        :param excess: shape: `(*batch_dims, num_candidates)` the excess of the candidates

        :returns: shape: `(*batch_dims, num_candidates)` which candidates are admissible
        """
        return excess.isfinite()

    @abstractmethod
    def choose(self, similarity: Tensor, admissible: Tensor) -> Tensor:
        """Choose a candidate for each generated embedding.

        :param similarity: shape: `(*batch_dims, num_candidates)` the similarity of the candidates to the generated
            embedding. May be modified.
        :param admissible: shape: `(*batch_dims, num_candidates)` which candidates are admissible. No other one is ever
            chosen. Only where there is none, any candidate may be returned.

        :returns: shape: `batch_dims` the index of the chosen candidate
        """


class NearestSelection(Selection):
    """Choose the nearest candidate: the hardest negative, and the one that most likely is a false negative."""

    @override
    def choose(self, similarity: Tensor, admissible: Tensor) -> Tensor:
        return draw_candidate(similarity, admissible, exponent=math.inf)


class BandSelection(Selection):
    """Choose uniformly from a band of ranks, which leaves out the nearest candidates."""

    def __init__(self, low: float = 0.02, high: float = 0.2) -> None:
        """Initialize the strategy.

        :param low: the lower end of the band, as a share of the admissible candidates, nearest first
        :param high: the upper end of the band

        :raises ValueError: if this is no band inside of [0, 1]
        """
        check_fraction("low", low)
        check_fraction("high", high)
        if low >= high:
            raise ValueError(f"low={low} and high={high} are no band of ranks: 0 <= low < high <= 1 is required.")
        self.low = low
        self.high = high

    @override
    def choose(self, similarity: Tensor, admissible: Tensor) -> Tensor:
        num_candidates = similarity.shape[-1]
        similarity.masked_fill_(~admissible, torch.finfo(similarity.dtype).min)
        nearest = similarity.topk(max(1, math.ceil(self.high * num_candidates)), dim=-1).indices
        num_admissible = admissible.sum(dim=-1, keepdim=True)
        num_admissible.masked_fill_(num_admissible == 0, num_candidates)
        stop = (self.high * num_admissible).ceil().clamp(min=1)
        start = (self.low * num_admissible).floor().clamp(max=stop - 1)
        rank = start + torch.rand(start.shape, device=start.device) * (stop - start)
        return nearest.gather(-1, rank.long().clamp(max=nearest.shape[-1] - 1)).squeeze(dim=-1)


class SemiHardSelection(Selection):
    r"""Choose a candidate at random, the more similar the more likely, but none that might be true.

    Candidates are left out if they beat the positive in the proxy model, or come near to it (the margin): many of them
    are false negatives. Where no candidate is left, one of all is drawn, the true entity included.

    The probability of a candidate is proportional to $\exp(\alpha s)$, with $s$ the similarity. The exponent $\alpha$
    leads from uniform (0) to the hardest admissible candidate (infinity). With a finite one, easy levels, whose samples
    say little about the entity, come near to uniform.
    """

    def __init__(self, exponent: float = 8.0, margin: float = 4.0) -> None:
        r"""Initialize the strategy.

        :param exponent: the exponent $\alpha \ge 0$. The default is nearly the hardest admissible candidate for the
            harder levels, and nearly uniform for the easiest one.
        :param margin: by how much the proxy model must prefer the positive to a candidate, as a log odds ratio. The
            default leaves a seventh of the false negatives that there are without a margin (``docs/results.md``).

        :raises ValueError: if the exponent is negative, or one of the arguments is not a number
        """  # noqa: DOC502
        check_number("exponent", exponent, minimum=0, maximum=math.inf, allowed="a number >= 0: 0 is uniform")
        check_number("margin", margin, minimum=-math.inf, maximum=math.inf, allowed="a number")
        self.exponent = exponent
        self.margin = margin

    @override
    def admits(self, excess: Tensor) -> Tensor:
        return excess < -self.margin

    @override
    def choose(self, similarity: Tensor, admissible: Tensor) -> Tensor:
        return draw_candidate(similarity, admissible, exponent=self.exponent)


class UniformSelection(SemiHardSelection):
    """Choose any candidate that might not be true, whatever was generated: a control.

    Each admissible candidate is equally likely. If this is as good, it was the margin that helped, and not what was
    generated. It is the cheapest with ``generator="noise"``, which has nothing to learn.
    """

    def __init__(self, margin: float = 4.0) -> None:
        """Initialize the strategy.

        :param margin: by how much the proxy model must prefer the positive to a candidate, as a log odds ratio
        """
        super().__init__(exponent=0, margin=margin)


def draw_candidate(similarity: Tensor, admissible: Tensor, exponent: float) -> Tensor:
    r"""Draw an admissible candidate with a probability proportional to $\exp(\alpha s)$.

    :param similarity: shape: `(*batch_dims, num_candidates)` the similarities $s$. Modified.
    :param admissible: shape: `(*batch_dims, num_candidates)` which candidates are admissible
    :param exponent: the exponent $\alpha \ge 0$, possibly infinite

    :returns: shape: `batch_dims` the index of a candidate. Where none is admissible, all are equally likely.
    """
    limits = torch.finfo(similarity.dtype)
    # The smallest number instead of infinity, so that the difference to the maximum is 0 where nothing is admissible.
    logits = similarity.masked_fill_(~admissible, limits.min)
    logits.sub_(logits.amax(dim=-1, keepdim=True))
    # finite, since infinity times zero is NaN, and large enough for weights of 0 where others are admissible
    exponent = min(max(exponent, 1e-30) / math.log(2), limits.max)
    # where the result underflows, exp takes more than ten times as long as exp2
    return draw_index(logits.mul_(exponent).exp2_())


def draw_index(weights: Tensor, block_size: int = 32) -> Tensor:
    """Draw an index with a probability proportional to its weight, for each row.

    First a block of weights is drawn, then an index within the block. This is several times faster than
    :func:`torch.multinomial`, which draws a random number for each weight.

    :param weights: shape: `(*batch_dims, n)` the non-negative weights
    :param block_size: the size of a block

    :returns: shape: `batch_dims` the indices. None of them has a weight of zero, unless all weights are.
    """
    n = weights.shape[-1]
    if n % block_size:
        weights = functional.pad(weights, (0, block_size - n % block_size))
    blocks = weights.unflatten(-1, (-1, block_size))
    block = inverse_transform(blocks.sum(dim=-1))
    chosen = blocks.gather(-2, block.unsqueeze(dim=-1).expand(*block.shape, block_size)).squeeze(dim=-2)
    return (block * block_size + inverse_transform(chosen)).squeeze(dim=-1).clamp_(max=n - 1)


def inverse_transform(weights: Tensor) -> Tensor:
    """Draw an index with a probability proportional to its weight, by the inverse of the cumulative weights.

    :param weights: shape: `(*batch_dims, n)` the non-negative weights

    :returns: shape: `(*batch_dims, 1)` the indices
    """
    cumulative = weights.cumsum(dim=-1)
    u = torch.rand(*weights.shape[:-1], 1, dtype=weights.dtype, device=weights.device)
    # less than the total weight, also after rounding, so that nothing without a weight is drawn
    u *= cumulative[..., -1:] * (1 - 2 * torch.finfo(weights.dtype).eps)
    return torch.searchsorted(cumulative, u, right=True).clamp_(max=weights.shape[-1] - 1)


#: A resolver for selection strategies
selection_resolver: ClassResolver[Selection] = ClassResolver.from_subclasses(Selection, default=SemiHardSelection)
