"""Tests for the layout of negatives."""

import pytest

from pykeen_dhns.diffusion import Levels
from pykeen_dhns.sampling.columns import ColumnLayout

LEVELS = Levels()


@pytest.mark.parametrize(
    ("num_negs", "fraction", "num_sampled", "generated"),
    [
        (16, 0.25, 12, (0, 1, 2, 3)),
        (32, 0.25, 24, (0, 0, 1, 1, 2, 2, 3, 3)),
        (8, 1.0, 0, (0, 0, 1, 1, 2, 2, 3, 3)),
        (8, 0.0, 8, ()),
        # fewer columns than levels: they are spread
        (8, 0.25, 6, (1, 3)),
        (6, 0.5, 3, (0, 2, 3)),
        # never none
        (3, 0.125, 2, (2,)),
        (1, 0.01, 0, (2,)),
    ],
)
def test_generated(num_negs: int, fraction: float, num_sampled: int, generated: tuple[int, ...]) -> None:
    """Sampled columns come first, then generated ones, hardest first, evenly spread over the levels."""
    layout = ColumnLayout.create(num_negs, fraction, LEVELS)
    assert (layout.num_negs_per_pos, layout.num_sampled, layout.generated) == (num_negs, num_sampled, generated)
    assert layout.num_generated == num_negs - num_sampled
    assert layout.levels is LEVELS


@pytest.mark.parametrize("fractions", [(0.5,), (0.1, 0.2, 0.5), LEVELS.fractions])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.125, 0.25, 0.5, 1.0])
def test_share(share: float, fractions: tuple[float, ...]) -> None:
    """The expected share of generated negatives is never more than half a column away from what was asked for."""
    for num_negs in range(1, 40):
        layout = ColumnLayout.create(num_negs, share, Levels(fractions))
        assert abs(layout.num_generated * layout.occupancy - num_negs * share) <= 0.5
        assert layout.num_generated <= num_negs
        assert (layout.num_generated == 0) == (share == 0)
        counts = [layout.generated.count(level) for level in range(len(fractions))]
        assert max(counts) - min(counts) <= 1


def test_occupancy() -> None:
    """Less than one column is reached on average, more is rounded."""
    assert ColumnLayout.create(1, 0.25, LEVELS).occupancy == 0.25
    assert ColumnLayout.create(4, 0.25, LEVELS).occupancy == 1
    assert ColumnLayout.create(5, 0.25, LEVELS).occupancy == 1


@pytest.mark.parametrize(
    ("num_negs", "fraction", "expected"),
    [
        (16, 0.25, (0, 1, 2, 3)),
        # half of the rows are generated: the column counts as generated
        (4, 0.125, (2,)),
        # less than half
        (3, 0.125, ()),
        # the only column has the positive, unless all of it is generated
        (1, 0.75, ()),
        (1, 1.0, (2,)),
    ],
)
def test_loss_levels(num_negs: int, fraction: float, expected: tuple[int, ...]) -> None:
    """For a loss, a column that is mostly sampled, or the only one, is a sampled one."""
    layout = ColumnLayout.create(num_negs, fraction, LEVELS)
    assert layout.loss_levels == expected
    assert layout.counts_as_sampled == (expected == ())


def test_chains() -> None:
    """Each chain serves at most one column per level."""
    layout = ColumnLayout.create(10, 1.0, LEVELS)
    assert layout.num_chains == 3
    assert len(set(zip(layout.generated, layout.chains, strict=True))) == 10
    assert ColumnLayout.create(10, 0.0, LEVELS).num_chains == 0


def test_with_more_sampled() -> None:
    """Further columns are sampled ones, whatever the others are."""
    layout = ColumnLayout.create(8, 0.25, LEVELS).with_more_sampled(3)
    assert (layout.num_negs_per_pos, layout.num_sampled, layout.generated) == (11, 9, (1, 3))
