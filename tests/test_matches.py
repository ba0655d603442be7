"""Tests for finding matches."""

import pytest
import torch

from pykeen_dhns.matches import find_matches


@pytest.mark.parametrize(
    ("num_entities", "num_candidates", "size"), [(7, 5, 4), (200, 300, 50), (5, 5, 1000), (3, 0, 9)]
)
def test_matches(num_entities: int, num_candidates: int, size: int) -> None:
    """They are those of comparing each with each, however often a candidate is repeated, each once."""
    entities, candidates = torch.randint(size, (num_entities,)), torch.randint(size, (num_candidates,))
    row, column = find_matches(entities, candidates)
    expected = candidates == entities.unsqueeze(dim=-1)
    assert len(row) == expected.sum()
    found = torch.zeros_like(expected)
    found[row, column] = True
    assert found.equal(expected)
