"""Negatives that all positives of a batch share."""

import dataclasses

import torch
from torch import Tensor, nn

from .model_adapter import ModelAdapter
from .scoring import ScoredTriples
from ..queries.base import Query
from ..queries.pairwise import score_candidates
from ..sampling.known_triples import KnownTriples
from ..utils.occurrences import find_occurrences

__all__ = ["Pool", "SharedNegatives", "SharedScores"]


@dataclasses.dataclass
class Pool:
    """Entities that were drawn for a batch."""

    #: shape: (num_candidates,) all of them
    candidates: Tensor
    #: How many of them, at the beginning, are negatives of all positives
    num_shared: int

    @property
    def shared(self) -> Tensor:
        """Return the negatives of all positives, shape: (num_shared,), or as many as there are."""
        return self.candidates[: self.num_shared]


@dataclasses.dataclass
class SharedScores:
    """The scores of the negatives that a batch shares."""

    #: The scores of corrupted heads, and of corrupted tails, shape: (batch_size, 2, num_negs)
    scores: Tensor
    #: Which of them are negatives, shape: (batch_size, 2, num_negs)
    mask: Tensor


class SharedNegatives(nn.Module):
    r"""Corrupts both sides of each positive by the same entities, the *pool*, which is drawn for each batch.

    A negative of its own for each positive has to be looked up, and scored as a triple. Against a pool, the scores of
    all positives are one matrix product, so there can be many more of them at the same cost. PBG, DGL-KE and others
    train like this.

    The mask leaves out what equals the positive and, if ``filtered``, all training triples.
    """

    def __init__(
        self,
        mapped_triples: Tensor,
        *,
        num_entities: int,
        num_relations: int,
        num_negs: int,
        from_batch: float = 0.0,
        num_candidates: int = 0,
        filtered: bool = False,
    ) -> None:
        """Initialize the negatives.

        :param mapped_triples: shape: (num_triples, 3) the training triples
        :param num_entities: the number of entities
        :param num_relations: the number of relations
        :param num_negs: the size of the pool. If there are no more entities, the pool is all of them.
        :param from_batch: the share of the pool that is drawn from the entities of the batch, where frequent entities
            are frequent. The rest is drawn from all entities, uniformly, with replacement.
        :param num_candidates: how many entities to draw, if more than the pool is wanted. No training triple is among
            what a generator proposes from them.
        :param filtered: whether no training triple is a negative
        """
        super().__init__()
        self.filtered = filtered
        self.known: KnownTriples | None = None
        if filtered or num_candidates:
            self.known = KnownTriples(mapped_triples, num_entities=num_entities, num_relations=num_relations)
        self.num_entities = num_entities
        self.num_negs = num_negs
        self.from_batch = from_batch
        self.num_candidates = max(num_negs, num_candidates)

    def draw(self, positives: Tensor) -> Pool:
        """Draw a pool.

        :param positives: shape: (batch_size, 3) the positives of the batch

        :returns: the pool
        """
        device = positives.device
        if self.num_candidates >= self.num_entities:
            return Pool(candidates=torch.randperm(self.num_entities, device=device), num_shared=self.num_negs)
        num_from_batch = round(self.from_batch * self.num_negs)
        entities = positives[:, ::2].flatten()
        from_batch = entities[torch.randint(len(entities), size=(num_from_batch,), device=device)]
        others = torch.randint(self.num_entities, size=(self.num_candidates - num_from_batch,), device=device)
        return Pool(candidates=torch.cat([from_batch, others]), num_shared=self.num_negs)

    def find_negatives(self, positives: Tensor, entities: Tensor, *, filtered: bool | None = None) -> Tensor:
        """Find out which corruptions are negatives.

        :param positives: shape: (batch_size, 3) the positives
        :param entities: shape: (num_entities,) the entities that replace heads, and tails
        :param filtered: whether no training triple is one. If None, as the constructor says.

        :returns: shape: (batch_size, 2, num_entities) whether the corrupted head, or tail, makes a negative
        """
        # also where a positive is no training triple, but one of a validation
        is_negative = positives[:, ::2].unsqueeze(dim=-1) != entities
        if (self.filtered if filtered is None else filtered) and self.known is not None:
            is_negative &= ~self._find_known(self.known, positives, entities)
        return is_negative

    def _find_known(self, known: KnownTriples, positives: Tensor, entities: Tensor) -> Tensor:
        """Find training triples. The answers of each query are looked up, not each triple."""
        columns = torch.tensor([0, 2], device=positives.device)
        queries = known.find_query(positives[:, 1:2], positives[:, [2, 0]], columns)
        # a query of a hub has many answers, and is often in a batch
        distinct, index = queries.unique(return_inverse=True)
        row, answer = known.find_answers(distinct)
        found, position = find_occurrences(answer, entities)
        is_known = torch.zeros(len(distinct), len(entities), dtype=torch.bool, device=entities.device)
        is_known[row[found], position] = True
        return is_known[index]

    def score(
        self, adapter: ModelAdapter, query: Query, scored: ScoredTriples, positives: Tensor, pool: Pool
    ) -> SharedScores:
        """Score all corruptions of a batch.

        :param adapter: the adapter of the model
        :param query: the query of the model's interaction
        :param scored: the representations of positives and pool
        :param positives: shape: (batch_size, 3) the positives
        :param pool: the pool

        :returns: the scores
        """
        interaction, relations = adapter.model.interaction, scored.relations
        heads = score_candidates(interaction, query, scored.tails, relations, scored.pool_heads, "head")
        tails = score_candidates(interaction, query, scored.heads, relations, scored.pool_tails, "tail")
        return SharedScores(scores=torch.stack([heads, tails], dim=1), mask=self.find_negatives(positives, pool.shared))
