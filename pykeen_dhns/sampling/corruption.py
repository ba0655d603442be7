"""Replace invalid corruptions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .known_triples import KnownTriples

__all__ = [
    "replace_known",
    "replace_positives",
]


def draw_other(original: Tensor, num_entities: int) -> Tensor:
    """Draw entities uniformly from all others.

    :param original: the entities that must not be drawn
    :param num_entities: the number of entities, at least 2

    :returns: other entities, of the same shape
    """
    # skipping the original keeps the draw uniform over the rest
    other = torch.randint(num_entities - 1, size=original.shape, device=original.device)
    return other + (other >= original)


def replace_positives(
    negatives: Tensor, positives: Tensor, corrupted_columns: Sequence[int], num_entities: int
) -> Tensor:
    """Replace negatives that are equal to their positive, by a random corruption of it.

    :param negatives: shape: (batch_size, num_negs_per_pos, 3) the negatives
    :param positives: shape: (batch_size, 3) the positives
    :param corrupted_columns: which columns may be corrupted, 0 for head, 2 for tail
    :param num_entities: the number of entities

    :returns: shape: (batch_size, num_negs_per_pos, 3) the negatives, modified in place
    """
    same = (negatives == positives.unsqueeze(dim=1)).all(dim=-1).nonzero()
    if len(same):
        row, column = same.unbind(dim=-1)
        columns = torch.as_tensor(corrupted_columns, device=row.device)
        side = columns[torch.randint(len(columns), size=row.shape, device=row.device)]
        negatives[row, column, side] = draw_other(positives[row, side], num_entities)
    return negatives


def replace_known(negatives: Tensor, positives: Tensor, column: Tensor, known: KnownTriples) -> Tensor:
    """Replace the known triples among negatives, and those that are equal to their positive.

    :param negatives: shape: (batch_size, num_negs, 3) the negatives
    :param positives: shape: (batch_size, 3) the positives, which need not be known
    :param column: shape: (batch_size, num_negs) the corrupted column, 0 for head, 2 for tail
    :param known: the known triples

    :returns: shape: (batch_size, num_negs, 3) the negatives, modified in place. Where each corruption is a known
        triple, they are any but the positive.
    """
    invalid = known.contains(negatives) | (negatives == positives.unsqueeze(dim=1)).all(dim=-1)
    row, position = invalid.nonzero().unbind(dim=-1)
    if len(row):
        column, positives = column[row, position], positives[row]
        original, entity = (positives.gather(1, x.unsqueeze(dim=-1)).squeeze(dim=-1) for x in (column, 2 - column))
        negatives[row, position, column] = known.draw_unknown(positives[:, 1], entity, column, original)
    return negatives
