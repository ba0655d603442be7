"""Exact and fast look-up of known triples."""

import torch
from torch import Tensor, nn

__all__ = ["KnownTriples"]


class KnownTriples(nn.Module):
    """The set of training triples, as sorted integers.

    PyKEEN's filterers are either approximate (:class:`pykeen.sampling.filtering.BloomFilterer`, whose false alarms
    would replace valid negatives) or loop over triples in Python.
    """

    #: One number for each known triple, sorted, shape: (num_triples,)
    keys: Tensor

    def __init__(self, mapped_triples: Tensor, num_entities: int, num_relations: int) -> None:
        """Initialize the set.

        :param mapped_triples: shape: (num_triples, 3) the known triples
        :param num_entities: the number of entities
        :param num_relations: the number of relations

        :raises ValueError: if the graph is so large that 64 bit integers cannot number its triples
        """
        super().__init__()
        if num_entities**2 * num_relations >= 2**63:
            raise ValueError(
                f"A graph with num_entities={num_entities} and num_relations={num_relations} has more possible triples "
                f"than 64 bit integers can number."
            )
        self.num_entities = num_entities
        self.num_relations = num_relations
        # not saved, since it follows from the triples
        self.register_buffer("keys", self._number(mapped_triples).unique(), persistent=False)

    def _number(self, triples: Tensor) -> Tensor:
        head, relation, tail = triples.unbind(dim=-1)
        return (head * self.num_relations + relation) * self.num_entities + tail

    def contains(self, triples: Tensor) -> Tensor:
        """Check which triples are known.

        :param triples: shape: `(*batch_dims, 3)` the triples

        :returns: shape: `batch_dims`, whether they are known
        """
        numbers = self._number(triples)
        position = torch.searchsorted(self.keys, numbers).clamp(max=len(self.keys) - 1)
        return self.keys[position] == numbers
