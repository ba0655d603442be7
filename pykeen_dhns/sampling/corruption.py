"""Replace invalid corruptions."""

import torch
from torch import Tensor

from .known_triples import KnownTriples

__all__ = [
    "replace_known",
    "replace_positives",
]

#: How many triples are looked up at once when all entities are tried
MAX_CELLS = 2**22


def draw_other(original: Tensor, num_entities: int) -> Tensor:
    """Draw entities uniformly from all others.

    :param original: the entities that must not be drawn
    :param num_entities: the number of entities, at least 2

    :returns: other entities, of the same shape
    """
    # skipping the original keeps the draw uniform over the rest
    other = torch.randint(num_entities - 1, size=original.shape, device=original.device)
    return other + (other >= original)


def replace_positives(negatives: Tensor, positives: Tensor, num_entities: int) -> Tensor:
    """Replace negatives that are equal to their positive, by a random corruption of it.

    :param negatives: shape: (batch_size, num_negs_per_pos, 3) the negatives
    :param positives: shape: (batch_size, 3) the positives
    :param num_entities: the number of entities

    :returns: shape: (batch_size, num_negs_per_pos, 3) the negatives, modified in place
    """
    same = (negatives == positives.unsqueeze(dim=1)).all(dim=-1).nonzero()
    if len(same):
        row, column = same.unbind(dim=-1)
        side = 2 * torch.randint(2, size=row.shape, device=row.device)
        negatives[row, column, side] = draw_other(positives[row, side], num_entities)
    return negatives


def replace_known(
    negatives: Tensor, positives: Tensor, column: Tensor, known: KnownTriples, num_tries: int = 8
) -> Tensor:
    """Replace known triples among negatives.

    A few random draws nearly always suffice. Where they do not (hubs, small graphs), all entities are looked up. If
    each of them makes a known triple, one of these is drawn, but never the positive itself.

    :param negatives: shape: (batch_size, num_negs, 3) the negatives
    :param positives: shape: (batch_size, 3) the positives
    :param column: shape: (batch_size, num_negs) the corrupted column, 0 for head, 2 for tail
    :param known: the known triples
    :param num_tries: the number of random draws. A draw is cheap, and looking up all entities is not: in DB15K, there
        are hubs with edges to half of all entities.

    :returns: shape: (batch_size, num_negs, 3) the negatives, modified in place
    """
    flat, original, column = negatives.view(-1, 3), positives.gather(1, column).view(-1), column.reshape(-1)
    # the positives are known, too
    pending = known.contains(flat).nonzero().squeeze(dim=-1)
    for _ in range(num_tries):
        if not len(pending):
            return negatives
        flat[pending, column[pending]] = draw_other(original[pending], known.num_entities)
        pending = pending[known.contains(flat[pending])]
    for chunk in pending.split(max(1, MAX_CELLS // known.num_entities)):
        flat[chunk, column[chunk]] = draw_unknown(flat[chunk], original[chunk], column[chunk], known)
    return negatives


def draw_unknown(triples: Tensor, original: Tensor, column: Tensor, known: KnownTriples) -> Tensor:
    """Draw entities uniformly from those that make no known triple.

    :param triples: shape: (n, 3) the triples to complete
    :param original: shape: (n,) the entities that must not be drawn
    :param column: shape: (n,) the column of each triple to be filled
    :param known: the known triples

    :returns: shape: (n,) entities. Where every entity makes a known triple, any one but the original.
    """
    entities = torch.arange(known.num_entities, device=triples.device)
    is_column = torch.arange(3, device=triples.device) == column.unsqueeze(dim=-1)
    # the result has the shape (n, num_entities, 3)
    completions = torch.where(is_column.unsqueeze(dim=1), entities.unsqueeze(dim=-1), triples.unsqueeze(dim=1))
    other = entities != original.unsqueeze(dim=-1)
    free = other & ~known.contains(completions)
    free = torch.where(free.any(dim=-1, keepdim=True), free, other)
    return torch.multinomial(free.float(), num_samples=1).squeeze(dim=-1)
