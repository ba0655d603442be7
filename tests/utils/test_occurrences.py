"""Tests for finding entities in a pool."""

import pytest
import torch

from pykeen_dhns.utils.occurrences import find_occurrences


@pytest.mark.parametrize(("num_entities", "pool_size"), [(50, 40), (50, 0), (0, 40)])
def test_same_as_comparing_all(num_entities: int, pool_size: int) -> None:
    """All occurrences are found, of entities that are repeated, on both sides, and of those that do not occur."""
    entities, pool = torch.randint(20, size=(num_entities,)), torch.randint(5, 25, size=(pool_size,))
    found = torch.zeros(num_entities, pool_size, dtype=torch.bool)
    found[find_occurrences(entities, pool)] = True
    assert found.equal(entities.unsqueeze(dim=-1) == pool)
