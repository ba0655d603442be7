"""Find entities in a pool."""

import torch
from torch import Tensor

__all__ = ["find_occurrences"]


def find_occurrences(entities: Tensor, pool: Tensor) -> tuple[Tensor, Tensor]:
    """Find entities in a pool, without a comparison of each with each.

    :param entities: shape: (num_entities,) the entities
    :param pool: shape: (pool_size,) the pool, in which entities may be repeated

    :returns: shape: (num_occurrences,), twice: the position of the entity, and of its occurrence in the pool. They can
        be used as an index: ``mask[find_occurrences(entities, pool)] = True``.
    """
    ordered, order = pool.sort()
    entities = entities.contiguous()
    first, last = (torch.searchsorted(ordered, entities, right=right) for right in (False, True))
    times = last - first
    index = torch.arange(len(entities), device=entities.device).repeat_interleave(times)
    # among all occurrences, where those of an entity begin
    start = times.cumsum(dim=0) - times
    return index, order[torch.arange(len(index), device=index.device) + (first - start)[index]]
