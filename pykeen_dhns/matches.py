"""Find where a candidate is the true entity."""

import torch
from torch import Tensor

__all__ = ["find_matches"]


def find_matches(entities: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """Find all pairs of an entity with an equal candidate.

    There are few. Comparing each entity with each candidate, and masking by the result, takes several times as long.

    :param entities: shape: (num_entities,) the entities
    :param candidates: shape: (num_candidates,) the candidates, possibly repeated

    :returns: two tensors of shape: (num_pairs,), the indices of the entities, ascending, and those of the candidates
    """
    entities = entities.contiguous()  # else, PyTorch warns of a copy
    ordered, order = candidates.sort()
    first = torch.searchsorted(ordered, entities)
    count = torch.searchsorted(ordered, entities, right=True) - first
    row = torch.repeat_interleave(count)
    # of the pairs of a row, the how manieth it is
    offset = torch.arange(len(row), device=row.device) - (count.cumsum(dim=0) - count)[row]
    return row, order[first[row] + offset]
