"""Tests for the margins and weights of levels."""

import pytest
import torch

from pykeen_dhns.diffusion import Levels
from pykeen_dhns.losses.margins import LevelMargins

from .scores import FRACTIONS


def make(
    margin: float = 4.0,
    adaptivity: float = 0.5,
    margins: list[float] | None = None,
    weights: list[float] | None = None,
    levels: Levels | None = None,
) -> LevelMargins:
    """Create margins."""
    return LevelMargins(margin, adaptivity, margins, weights, levels or Levels())


@pytest.mark.parametrize(
    ("adaptivity", "fractions", "expected"),
    [(0.5, (1, 0.25, 0.0625), [1, 2, 4]), (0.0, FRACTIONS, [4] * 4), (1.0, (0.5,), [2])],
)
def test_margins(adaptivity: float, fractions: tuple[float, ...], expected: list[float]) -> None:
    """Harder negatives have smaller margins, noise has the margin itself, and zero adaptivity a fixed one."""
    margins, weights = make(adaptivity=adaptivity, levels=Levels(fractions))()
    assert margins.tolist() == expected
    assert weights.tolist() == [1] * len(expected)


def test_explicit() -> None:
    """Margins and weights can be given, one for each level."""
    margins, weights = make(margins=[1, 2, 2, 3], weights=[0, 1, 2, 3])()
    assert margins.tolist() == [1, 2, 2, 3]
    assert weights.tolist() == [0, 1, 2, 3]


def test_other_levels() -> None:
    """The training loop may have other levels than the loss."""
    other = Levels((0.25, 1))
    margins, weights = make()(other)
    assert margins.tolist() == [2, 4]
    assert weights.tolist() == [1, 1]
    # explicit ones only depend on how many there are
    explicit = make(margins=[1, 2, 3, 4], weights=[4, 3, 2, 1])
    margins, weights = explicit(Levels((0.1, 0.2, 0.3, 0.4)))
    assert margins.tolist() == [1, 2, 3, 4]
    assert weights.tolist() == [4, 3, 2, 1]
    with pytest.raises(ValueError, match=r"margins=.* has 4 values for 2 levels"):
        explicit(other)
    with pytest.raises(ValueError, match=r"weights=.* has 4 values for 2 levels"):
        make(weights=[4, 3, 2, 1])(other)


def test_precision() -> None:
    """Margins of other levels have the precision of the own ones."""
    for levels in (Levels(), Levels((0.5,))):
        assert {x.dtype for x in make().double()(levels)} == {torch.float64}
