"""Negatives that a generator proposes, with their probabilities."""

import dataclasses

import torch
from torch import Tensor

from .scoring import ScoredTriples
from .shared_negatives import Pool, SharedScores
from ..generators import EmbeddingGenerator

__all__ = ["Proposals", "propose"]


@dataclasses.dataclass
class Proposals:
    """Negatives for both sides of each positive, drawn from the candidates of a pool."""

    pool: Pool
    #: Which of the candidates were drawn, shape: (batch_size, 2, num_negs)
    index: Tensor
    #: Which of those are negatives, shape: (batch_size, 2, num_negs)
    mask: Tensor
    #: The probability with which a draw yields each candidate, shape: (batch_size, 2, num_candidates)
    probabilities: Tensor

    @property
    def num_negs(self) -> int:
        """Return how many were drawn for each side."""
        return int(self.index.shape[-1])

    def append_to(self, positives: Tensor, negatives: Tensor, masks: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Append what was drawn to the sampled negatives, to be scored with them.

        :param positives: shape: (batch_size, 3) the positives
        :param negatives: shape: (batch_size, num_negs_per_pos, 3) their sampled negatives
        :param masks: shape: (batch_size, num_negs_per_pos) which of these count. None if all do.

        :returns: shape: (batch_size, num_negs_per_pos + 2 * num_negs, 3) all negatives, and which of them count
        """
        entities = self.pool.candidates[self.index].to(positives.device)
        heads, tails = (positives.unsqueeze(dim=1).repeat(1, self.num_negs, 1) for _ in range(2))
        heads[..., 0], tails[..., 2] = entities.unbind(dim=1)
        if masks is not None:
            masks = torch.cat([masks, masks.new_ones(len(masks), 2 * self.num_negs)], dim=1)
        return torch.cat([negatives, heads, tails], dim=1), masks

    def take_from(self, scored: ScoredTriples) -> Tensor:
        """Take the scores of what was appended.

        :param scored: the scores, which are changed

        :returns: shape: (batch_size, 2, num_negs) the scores of what was drawn
        """
        sizes = [scored.negative.shape[1] - 2 * self.num_negs, 2 * self.num_negs]
        scored.negative, scores = scored.negative.split(sizes, dim=1)
        result: Tensor = scores.unflatten(1, (2, -1))
        return result

    def add_to(self, shared: SharedScores, scores: Tensor, *, correction: float) -> SharedScores:
        """Add what was drawn to the shared negatives, and correct all scores for how likely they were to be drawn.

        :param shared: the scores of the pool
        :param scores: shape: (batch_size, 2, num_negs) the scores of what was drawn
        :param correction: by what to multiply the logarithm of the expected count that is subtracted from a score

        :returns: the scores of both
        """
        scores = torch.cat([shared.scores, scores], dim=-1)
        mask = torch.cat([shared.mask, self.mask], dim=-1)
        if correction:
            counts = self.expected_counts()
            counts = torch.cat([counts[..., : len(self.pool.shared)], counts.gather(-1, self.index)], dim=-1)
            scores = scores - correction * counts.log()
        return SharedScores(scores=scores, mask=mask)

    def expected_counts(self) -> Tensor:
        r"""Compute how often each candidate is expected among the negatives, relative to the pool alone.

        Each of $m$ candidates is in the pool of size $n$ with the same probability, $n / m$. In addition, it is drawn
        $k \cdot q(e)$ times on average.

        :returns: shape: (batch_size, 2, num_candidates) the counts, 1 for a candidate that is never drawn
        """
        factor = self.num_negs * len(self.pool.candidates) / len(self.pool.shared)
        counts: Tensor = 1 + factor * self.probabilities
        return counts


@torch.no_grad()
def propose(
    generator: EmbeddingGenerator,
    samples: Tensor,
    pool: Pool,
    embeddings: Tensor,
    mask: Tensor,
    *,
    num_negs: int,
    sharpness: float,
) -> Proposals:
    r"""Draw candidates that are similar to generated embeddings, with replacement.

    The probability of a candidate $e$ is the mean over levels of $q_\ell(e) \propto \exp(\alpha \,
    \text{sim}(x_\ell, e))$.

    :param generator: the generator
    :param samples: shape: (num_levels, 2, batch_size, dim) the generated heads and tails
    :param pool: the candidates
    :param embeddings: shape: (2, num_candidates, dim) their embeddings, as heads and as tails
    :param mask: shape: (batch_size, 2, num_candidates) which of them are negatives
    :param num_negs: how many to draw for each side
    :param sharpness: $\alpha$. With 0, all candidates are equally likely.

    :returns: the proposals
    """
    probabilities = torch.zeros(mask.shape, dtype=embeddings.real.dtype, device=mask.device)
    # level by level, since there is a similarity for each row and candidate
    for level, sample in enumerate(samples):
        index = torch.full((1,), level, device=mask.device)
        similarity = generator.similarity(sample.unsqueeze(dim=1), index, embeddings).squeeze(dim=1).transpose(0, 1)
        logits = (sharpness * similarity).masked_fill(~mask, float("-inf"))
        # where no candidate is a negative, the mask leaves out whatever is drawn
        probabilities += logits.softmax(dim=-1).nan_to_num(nan=1 / mask.shape[-1])
    probabilities /= len(samples)
    drawn = torch.multinomial(probabilities.flatten(end_dim=1), num_negs, replacement=True).view(*mask.shape[:2], -1)
    return Proposals(pool=pool, index=drawn, mask=mask.gather(-1, drawn), probabilities=probabilities)
