"""Tests for the choice among candidates."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from pykeen_dhns.sampling.selection import (
    BandSelection,
    NearestSelection,
    Selection,
    SemiHardSelection,
    draw_index,
    selection_resolver,
)

NUM_CANDIDATES = 50


@pytest.fixture(name="similarity")
def _similarity() -> Tensor:
    """Create similarities, shape: (2, 3000, 50)."""
    return torch.randn(2, 3000, NUM_CANDIDATES, generator=torch.Generator().manual_seed(0))


def ranks(similarity: Tensor, index: Tensor) -> Tensor:
    """Compute the ranks of what was chosen, 0 for the nearest."""
    chosen = similarity.gather(-1, index.unsqueeze(dim=-1))
    return (similarity > chosen).sum(dim=-1)


@pytest.mark.parametrize("selection", [NearestSelection(), BandSelection(), SemiHardSelection(margin=0.5)])
def test_only_admissible_candidates(selection: Selection, similarity: Tensor) -> None:
    """What is not admissible is never chosen."""
    excess = torch.randn(similarity.shape, generator=torch.Generator().manual_seed(1))
    excess[..., ::3] = math.inf
    admissible = selection.admits(excess)
    index = selection.choose(similarity.clone(), admissible)
    assert index.shape == similarity.shape[:-1]
    assert admissible.gather(-1, index.unsqueeze(dim=-1)).all()
    assert (index % 3 != 0).all()


@pytest.mark.parametrize("selection", [NearestSelection(), BandSelection(), SemiHardSelection()])
def test_nothing_admissible(selection: Selection, similarity: Tensor) -> None:
    """Even then, something is returned."""
    index = selection.choose(similarity, torch.zeros_like(similarity, dtype=torch.bool))
    assert ((index >= 0) & (index < NUM_CANDIDATES)).all()


def test_nearest(similarity: Tensor) -> None:
    """The nearest has rank 0."""
    index = NearestSelection().choose(similarity.clone(), torch.ones_like(similarity, dtype=torch.bool))
    assert (ranks(similarity, index) == 0).all()


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.1, 0.2, range(5, 10)), (0.0, 0.02, [0]), (0.5, 1.0, range(25, 50))]
)
def test_band(low: float, high: float, expected: range | list[int], similarity: Tensor) -> None:
    """All ranks of the band occur, and no others."""
    selection = BandSelection(low=low, high=high)
    index = selection.choose(similarity.clone(), torch.ones_like(similarity, dtype=torch.bool))
    assert ranks(similarity, index).unique().tolist() == list(expected)


def test_exponent(similarity: Tensor) -> None:
    """The exponent leads from uniform to the nearest."""
    admissible = torch.ones_like(similarity, dtype=torch.bool)
    mean_rank = [
        ranks(similarity, SemiHardSelection(exponent=exponent).choose(similarity.clone(), admissible))
        .float()
        .mean()
        .item()
        for exponent in (0.0, 0.5, 1.0, 2.0, 4.0, math.inf)
    ]
    assert mean_rank[0] == pytest.approx((NUM_CANDIDATES - 1) / 2, abs=1)
    assert mean_rank == sorted(mean_rank, reverse=True)
    assert mean_rank[-1] == 0


def test_probabilities() -> None:
    """Candidates are drawn proportionally to exp(exponent * similarity)."""
    similarity = torch.as_tensor([0.0, 0.5, 1.0, -1.0])
    expected = (1.5 * similarity).softmax(dim=-1)
    torch.manual_seed(0)
    index = SemiHardSelection(exponent=1.5).choose(
        similarity.repeat(20_000, 1), torch.ones(20_000, 4, dtype=torch.bool)
    )
    torch.testing.assert_close(index.bincount(minlength=4) / 20_000, expected, atol=0.015, rtol=0)


@pytest.mark.parametrize("n", [1, 5, 32, 33, 100])
def test_draw_index(n: int) -> None:
    """The frequency of an index is its share of the weights, whatever their number, and never above zero without."""
    weights = torch.rand(n, generator=torch.Generator().manual_seed(n))
    weights[1::3] = 0
    index = draw_index(weights.expand(40_000, n))
    frequency = index.bincount(minlength=n) / 40_000
    share = weights / weights.sum()
    # five standard errors
    assert ((frequency - share).abs() <= 5 * (share * (1 - share) / 40_000).sqrt() + 1e-6).all()
    assert (frequency[weights == 0] == 0).all()


def test_margin() -> None:
    """Only the semi-hard strategy, and its margin, restrict what the proxy model believes more than the positive."""
    excess = torch.as_tensor([-2.0, -0.5, 0.5, math.inf])
    assert NearestSelection().admits(excess).tolist() == [True, True, True, False]
    assert SemiHardSelection(margin=0.0).admits(excess).tolist() == [True, True, False, False]
    assert SemiHardSelection(margin=1.0).admits(excess).tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("name", "kwargs", "message"),
    [
        ("band", dict(low=0.5, high=0.5), "low=0.5 and high=0.5"),
        ("band", dict(low=-0.1), "low=-0.1"),
        ("band", dict(high=math.nan), "high=nan"),
        ("semihard", dict(exponent=-1), "exponent=-1"),
        ("semihard", dict(exponent=math.nan), "exponent=nan"),
        ("semihard", dict(margin=math.nan), "margin=nan"),
    ],
)
def test_invalid(name: str, kwargs: dict[str, Any], message: str) -> None:
    """Errors name argument and value."""
    with pytest.raises(ValueError, match=message):
        selection_resolver.make(name, kwargs)
