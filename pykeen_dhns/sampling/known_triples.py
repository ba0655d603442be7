"""An index of known triples, by query."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..utils.caching import cached_by_tensor

__all__ = ["KnownTriples"]


class KnownTriples(nn.Module):
    """The known triples, as a sorted list of answers for each query.

    A query is a triple without its head or tail, i.e., a relation, an entity, and the column to fill: 0 for head, 2 for
    tail. All methods work on whole batches, on the index's device, and their cost hardly grows with the graph.

    PyKEEN's filterers are either approximate (:class:`pykeen.sampling.filtering.BloomFilterer`, whose false alarms
    would replace valid negatives) or loop over triples in Python.
    """

    #: One number for each query with answers, sorted, shape: (num_queries,)
    queries: Tensor
    #: The position of each query's first answer, shape: (num_queries + 2,). One more query stands for those without an
    #: answer, and the last entry is where its answers end.
    offsets: Tensor
    #: One number for each answer, of its query's position and the entity, sorted, shape: (num_answers,)
    answers: Tensor

    def __init__(self, mapped_triples: Tensor, num_entities: int, num_relations: int) -> None:
        """Initialize the index.

        :param mapped_triples: shape: (num_triples, 3) the known triples
        :param num_entities: the number of entities
        :param num_relations: the number of relations

        :raises ValueError: if the graph is so large that 64 bit integers cannot number its queries and answers
        """
        super().__init__()
        if 2 * num_entities * (max(num_relations, len(mapped_triples)) + 1) >= 2**63:
            raise ValueError(
                f"A graph with num_entities={num_entities}, num_relations={num_relations} and {len(mapped_triples)} "
                "triples has more queries and answers than 64 bit integers can number."
            )
        self.num_entities = num_entities
        self.num_relations = num_relations
        buffers = index_triples(mapped_triples, num_entities, num_relations)
        #: How often to halve the answers of a query to find one of them
        self.num_halvings = int(buffers["offsets"].diff().max()).bit_length()
        # Not saved, since they follow from the triples. All indices of the same triples share them.
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer, persistent=False)

    @property
    def num_triples(self) -> int:
        """Return the number of distinct triples. Each is an answer of two queries."""
        return len(self.answers) // 2

    def find_query(self, relation: Tensor, entity: Tensor, column: Tensor | int) -> Tensor:
        """Find the positions of queries in the index.

        :param relation: shape: `batch_dims` the relations
        :param entity: shape: `batch_dims` the known entities
        :param column: shape: broadcastable to `batch_dims`, the columns to fill, 0 for head, 2 for tail

        :returns: shape: `batch_dims` the positions, the same for all queries without an answer
        """
        number = ((column == 2) * self.num_relations + relation.long()) * self.num_entities + entity.long()
        position = torch.searchsorted(self.queries, number)
        is_there = self.queries[position.clamp(max=len(self.queries) - 1)] == number
        return torch.where(is_there, position, len(self.queries))

    def _find_answer(self, query: Tensor, entity: Tensor) -> tuple[Tensor, Tensor]:
        """Return the positions at which entities are answers, or would be, and whether they are."""
        number = query * self.num_entities + entity.long()
        position = torch.searchsorted(self.answers, number)
        return position, self.answers[position.clamp(max=len(self.answers) - 1)] == number

    def _count_answers_before(self, query: Tensor, rank: Tensor) -> Tensor:
        """Count the answers that are smaller than the entity of a rank among those that are no answers."""
        start, high = self.offsets[query], self.offsets[query + 1]
        low = start
        for _ in range(self.num_halvings):
            middle = (low + high) // 2
            # how many entities that are no answers come before this answer
            gap = self.answers[middle.clamp(max=len(self.answers) - 1)] - query * self.num_entities - (middle - start)
            is_before = (middle < high) & (gap <= rank)
            low, high = torch.where(is_before, middle + 1, low), torch.where(is_before, high, middle)
        return low - start

    def contains(self, triples: Tensor) -> Tensor:
        """Check which triples are known.

        :param triples: shape: `(*batch_dims, 3)` the triples. Negative IDs, which some samplers pad with, are allowed.

        :returns: shape: `batch_dims`, whether they are known
        """
        head, relation, tail = triples.unbind(dim=-1)
        is_known = self._find_answer(self.find_query(relation, head, 2), tail)[1]
        return is_known & (triples >= 0).all(dim=-1)

    def find_answers(self, query: Tensor) -> tuple[Tensor, Tensor]:
        """Find the known answers of queries.

        :param query: shape: (num_queries,) the positions of the queries, as :meth:`find_query` returns them

        :returns: shape: (num_answers,), twice: the row of each answer's query, and the answer, an entity. They are
            sorted by row, then by entity, and can be used as an index: ``mask[row, answer] = True``.
        """
        start = self.offsets[query]
        num_answers = self.offsets[query + 1] - start
        row = torch.arange(len(query), device=query.device).repeat_interleave(num_answers)
        first = num_answers.cumsum(dim=0) - num_answers
        position = torch.arange(len(row), device=row.device) + (start - first)[row]
        return row, self.answers[position] - query[row] * self.num_entities

    def draw_unknown(self, relation: Tensor, entity: Tensor, column: Tensor | int, excluded: Tensor) -> Tensor:
        """Draw for each query one of the entities that make no known triple, uniformly.

        :param relation: shape: (num_queries,) the relations
        :param entity: shape: (num_queries,) the known entities
        :param column: shape: (num_queries,) or () the columns to fill, 0 for head, 2 for tail
        :param excluded: shape: (num_queries,) an entity for each query that must not be drawn either

        :returns: shape: (num_queries,) entities. Where all but the excluded entity make a known triple, one of these.
        """
        query = self.find_query(relation, entity, column)
        start = self.offsets[query]
        position, is_known = self._find_answer(query, excluded)
        num_unknown = self.num_entities - (self.offsets[query + 1] - start) - (~is_known).long()
        # among the unknown entities, in ascending order
        rank = draw_below(num_unknown)
        rank += ~is_known & (rank >= excluded - (position - start))
        num_smaller_answers = self._count_answers_before(query, rank)
        other = draw_below(torch.full_like(excluded, self.num_entities - 1))
        other += other >= excluded
        return torch.where(num_unknown > 0, rank + num_smaller_answers, other)


@cached_by_tensor
def index_triples(mapped_triples: Tensor, num_entities: int, num_relations: int) -> dict[str, Tensor]:
    """Compute the tensors of an index, once for each tensor of triples.

    :param mapped_triples: shape: (num_triples, 3) the known triples
    :param num_entities: the number of entities
    :param num_relations: the number of relations

    :returns: the tensors by their names
    """
    head, relation, tail = mapped_triples.long().unbind(dim=-1)
    # each of these takes gigabytes on a large graph, hence in place
    numbers = torch.cat([relation, relation + num_relations]).mul_(num_entities).add_(torch.cat([tail, head]))
    distinct = None
    if 2 * num_relations * num_entities**2 >= 2**63:
        # a query's number and an entity do not fit into one integer, but its position and the entity do
        distinct, numbers = numbers.unique(return_inverse=True)
    answers = numbers.mul_(num_entities).add_(torch.cat([head, tail])).unique()
    del numbers
    queries, num_answers = (answers // num_entities).unique_consecutive(return_counts=True)
    # from numbers of queries to their positions
    shift = torch.arange(len(queries), device=answers.device).sub_(queries).mul_(num_entities)
    answers += shift.repeat_interleave(num_answers)
    offsets = functional.pad(num_answers.cumsum(dim=0), (1, 1))
    offsets[-1] = len(answers)
    return dict(queries=queries if distinct is None else distinct, offsets=offsets, answers=answers)


def draw_below(bounds: Tensor) -> Tensor:
    """Draw integers uniformly from zero to below a bound each, or zero where a bound is not positive.

    :param bounds: shape: any, the bounds

    :returns: the integers, of the same shape
    """
    # the remainder of a number that is so large prefers no integer noticeably
    return torch.randint(2**62, size=bounds.shape, device=bounds.device) % bounds.clamp(min=1)
