"""Tests for the layout of negatives."""

import pytest

from pykeen_dhns.sampling.columns import ColumnLayout


@pytest.mark.parametrize(
    ("num_negs", "fraction", "expected"),
    [
        (16, 0.25, [-1] * 12 + [0, 1, 2, 3]),
        (32, 0.25, [-1] * 24 + [0, 0, 1, 1, 2, 2, 3, 3]),
        (8, 1.0, [0, 0, 1, 1, 2, 2, 3, 3]),
        (8, 0.0, [-1] * 8),
        # fewer columns than levels: they are spread
        (8, 0.25, [-1] * 6 + [1, 3]),
        (6, 0.5, [-1] * 3 + [0, 2, 3]),
        # never none, but what is mostly sampled counts as sampled
        (4, 0.125, [-1, -1, -1, 2]),
        (3, 0.125, [-1, -1, -1]),
        (4, 0.01, [-1, -1, -1, -1]),
        # and so does the only column, unless all of it is generated
        (1, 0.25, [-1]),
        (1, 0.75, [-1]),
        (1, 1.0, [2]),
    ],
)
def test_column_levels(num_negs: int, fraction: float, expected: list[int]) -> None:
    """Sampled first, then level by level, hardest first, evenly spread."""
    layout = ColumnLayout.create(num_negs, fraction, num_levels=4)
    assert layout.column_levels().tolist() == expected
    assert layout.num_sampled + layout.num_generated == num_negs


@pytest.mark.parametrize("num_levels", [1, 3, 4])
@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.125, 0.25, 0.5, 1.0])
def test_share(fraction: float, num_levels: int) -> None:
    """The expected share of generated negatives is never more than half a column away from what was asked for."""
    for num_negs in range(1, 40):
        layout = ColumnLayout.create(num_negs, fraction, num_levels=num_levels)
        assert abs(layout.num_generated * layout.occupancy - num_negs * fraction) <= 0.5
        assert layout.num_generated <= num_negs
        assert (layout.num_generated == 0) == (fraction == 0)
        counts = [layout.levels.count(level) for level in range(num_levels)]
        assert max(counts) - min(counts) <= 1


def test_occupancy() -> None:
    """Less than one column is reached on average, more is rounded."""
    assert ColumnLayout.create(1, 0.25, num_levels=4).occupancy == 0.25
    assert ColumnLayout.create(4, 0.25, num_levels=4).occupancy == 1
    assert ColumnLayout.create(5, 0.25, num_levels=4).occupancy == 1


def test_chains() -> None:
    """Each chain serves at most one column per level."""
    layout = ColumnLayout.create(10, 1.0, num_levels=4)
    assert layout.num_chains == 3
    assert len(set(zip(layout.levels, layout.chains, strict=True))) == 10
    assert ColumnLayout.create(10, 0.0, num_levels=4).num_chains == 0
