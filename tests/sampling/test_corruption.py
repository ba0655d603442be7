"""Tests for the replacement of invalid corruptions."""

import torch
from torch import Tensor

from pykeen_dhns.sampling.corruption import replace_known, replace_positives
from pykeen_dhns.sampling.known_triples import KnownTriples


def complete_graph(num_entities: int, missing: list[tuple[int, int, int]] = []) -> Tensor:  # noqa: B006
    """Create all triples of a single relation, apart from some."""
    entities = torch.arange(num_entities)
    triples = torch.cartesian_prod(entities, torch.zeros(1, dtype=torch.long), entities)
    keep = [tuple(triple) not in missing for triple in triples.tolist()]
    return triples[torch.as_tensor(keep)]


def test_replace_positives() -> None:
    """Negatives equal to their positive are replaced by a corruption of one side, others are not touched."""
    positives = torch.as_tensor([[0, 1, 2], [3, 0, 1]])
    negatives = positives.unsqueeze(dim=1).repeat(1, 200, 1)
    negatives[:, 0, 2] = 4
    before = negatives.clone()
    result = replace_positives(negatives, positives, (0, 2), num_entities=5)
    assert result[:, 0].equal(before[:, 0])
    different = result != positives.unsqueeze(dim=1)
    assert (different.sum(dim=-1) == 1).all()
    assert not different[..., 1].any()
    # every other entity, on both sides
    for column in (0, 2):
        assert set(result[0, :, column].tolist()) == set(range(5))


def test_known_triples_are_replaced() -> None:
    """Where only a single completion is unknown, it is found."""
    triples = complete_graph(6, missing=[(0, 0, 4), (3, 0, 1)])
    known = KnownTriples(triples, num_entities=6, num_relations=1)
    positives = torch.as_tensor([[0, 0, 1]])
    negatives = torch.as_tensor([[[0, 0, 2], [2, 0, 1], [0, 0, 4]]])
    column = torch.as_tensor([[2, 0, 2]])
    result = replace_known(negatives, positives, column, known=known)
    assert result.tolist() == [[[0, 0, 4], [3, 0, 1], [0, 0, 4]]]


def test_unknown_positive() -> None:
    """A positive that is not known itself, e.g., from validation, is replaced all the same."""
    known = KnownTriples(complete_graph(4, missing=[(0, 0, 1), (0, 0, 2)]), num_entities=4, num_relations=1)
    positives = torch.as_tensor([[0, 0, 1]])
    column = torch.as_tensor([[2, 2, 2]])
    negatives = torch.as_tensor([[[0, 0, 1], [0, 0, 2], [0, 0, 3]]])
    assert replace_known(negatives, positives, column, known=known)[..., 2].tolist() == [[2, 2, 2]]


def test_no_unknown_triple() -> None:
    """Where every completion is known, the result at least is another triple than the positive."""
    known = KnownTriples(complete_graph(4), num_entities=4, num_relations=1)
    positives = torch.as_tensor([[0, 0, 1]]).repeat(100, 1)
    result = replace_known(positives.unsqueeze(dim=1).clone(), positives, torch.full((100, 1), 2), known=known)
    assert set(result[:, 0, 2].tolist()) == {0, 2, 3}
