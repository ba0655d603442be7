"""How dense a graph is, which the sampler's defaults depend on."""

import torch
from torch import Tensor

from .known_triples import KnownTriples

__all__ = ["is_dense"]

#: The number of triples per entity from which on a graph counts as dense
DENSE = 4


def is_dense(mapped_triples: Tensor, known: KnownTriples) -> bool:
    """Decide whether a graph has many triples per entity.

    An inverse triple says nothing that its counterpart does not say, so both count as one.

    :param mapped_triples: shape: (num_triples, 3) the training triples
    :param known: the same triples, and the number of entities and relations

    :returns: whether it is dense
    """
    num_triples = len(mapped_triples) / 2 if _has_inverses(mapped_triples, known) else len(mapped_triples)
    return num_triples >= DENSE * known.num_entities


def _has_inverses(mapped_triples: Tensor, known: KnownTriples) -> bool:
    # PyKEEN's instances pass triples with inverse ones among them, without saying so: relations in pairs
    if known.num_relations % 2:
        return False
    head, relation, tail = mapped_triples.unbind(dim=-1)
    return bool(known.contains(torch.stack([tail, relation ^ 1, head], dim=-1)).all())
