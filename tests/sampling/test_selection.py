"""Tests for the choice among candidates."""

import math

import pytest
import torch
from torch import Tensor

from pykeen_dhns.sampling.selection import (
    BandSelection,
    NearestSelection,
    Selection,
    SemiHardSelection,
    UniformSelection,
    draw_candidate,
    draw_index,
)

from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused

NUM_CANDIDATES = 50


@pytest.fixture(name="similarity")
def _similarity() -> Tensor:
    """Create similarities, shape: (2, 3000, 50)."""
    return torch.randn(2, 3000, NUM_CANDIDATES, generator=torch.Generator().manual_seed(0))


def ranks(similarity: Tensor, index: Tensor) -> Tensor:
    """Compute the ranks of what was chosen, 0 for the nearest."""
    chosen = similarity.gather(-1, index.unsqueeze(dim=-1))
    return (similarity > chosen).sum(dim=-1)


each = pytest.mark.parametrize(
    "selection",
    [
        NearestSelection(),
        BandSelection(),
        BandSelection(low=0.5, high=1.0),
        UniformSelection(margin=0.5),
        *(SemiHardSelection(exponent=exponent, margin=0.5) for exponent in (0, 1e-9, 8.0, 1e10, 1e38, math.inf)),
    ],
)


@each
@pytest.mark.parametrize("num_admissible", [1, 2, 20])
def test_only_admissible_candidates(selection: Selection, num_admissible: int, similarity: Tensor) -> None:
    """What is not admissible is never chosen, even if it is the most similar."""
    excess = torch.full_like(similarity, math.inf)
    excess.scatter_(-1, similarity.topk(num_admissible, largest=False).indices, -1.0)
    admissible = selection.admits(excess)
    assert (admissible.sum(dim=-1) == num_admissible).all()
    index = selection.choose(similarity.clone(), admissible)
    assert index.shape == similarity.shape[:-1]
    assert admissible.gather(-1, index.unsqueeze(dim=-1)).all()


@each
def test_nothing_admissible(selection: Selection, similarity: Tensor) -> None:
    """Even then, something is returned, and not always the same."""
    index = selection.choose(similarity, torch.zeros_like(similarity, dtype=torch.bool))
    assert ((index >= 0) & (index < NUM_CANDIDATES)).all()
    assert len(index.unique()) > 1


def assert_uniform(index: Tensor, allowed: Tensor) -> None:
    """Check that each of the allowed indices was drawn equally often, within five standard errors, and no other."""
    frequency = index.flatten().bincount(minlength=len(allowed)) / index.numel()
    share = allowed / allowed.sum()
    assert ((frequency - share).abs() <= 5 * (share * (1 - share) / index.numel()).sqrt()).all()


@pytest.mark.parametrize("selection", [UniformSelection(margin=0.5), SemiHardSelection(exponent=0, margin=0.5)])
def test_uniform(selection: Selection) -> None:
    """All admissible candidates are equally likely, however similar they are."""
    excess = torch.linspace(-2, 1, NUM_CANDIDATES)
    similarity = 10 * torch.randn(NUM_CANDIDATES, generator=torch.Generator().manual_seed(0)).expand(40_000, -1)
    index = selection.choose(similarity.clone(), selection.admits(excess).expand_as(similarity))
    assert_uniform(index, excess < -0.5)


@pytest.mark.parametrize("exponent", [0, 8.0, 1e10, math.inf])
def test_uniform_without_admissible(exponent: float) -> None:
    """Where nothing is admissible, all candidates are equally likely."""
    similarity = torch.randn(NUM_CANDIDATES).repeat(40_000, 1)
    index = draw_candidate(similarity, torch.zeros_like(similarity, dtype=torch.bool), exponent=exponent)
    assert_uniform(index, torch.ones(NUM_CANDIDATES))


def test_nearest(similarity: Tensor) -> None:
    """The nearest has rank 0."""
    index = NearestSelection().choose(similarity.clone(), torch.ones_like(similarity, dtype=torch.bool))
    assert (ranks(similarity, index) == 0).all()


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.1, 0.2, range(5, 10)), (0.0, 0.02, [0]), (0.5, 1.0, range(25, 50))]
)
@pytest.mark.parametrize("num_inadmissible", [0, NUM_CANDIDATES])
def test_band(low: float, high: float, expected: range, num_inadmissible: int, similarity: Tensor) -> None:
    """All ranks of the band among admissible candidates occur, and no others."""
    selection = BandSelection(low=low, high=high)
    inadmissible = torch.full_like(similarity, math.inf)[..., :num_inadmissible]
    similarities = torch.cat([similarity, inadmissible], dim=-1)
    index = selection.choose(similarities.clone(), similarities.isfinite())
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
    "case",
    [
        *(
            case
            for name in ("low", "high")
            for case in (
                *bad_values(BandSelection, name, TypeError, *NO_NUMBERS),
                *bad_values(BandSelection, name, ValueError, -0.1, 1.1, math.nan),
            )
        ),
        *bad_values(BandSelection, "low", ValueError, 0.2, 0.5),
        *bad_values(SemiHardSelection, "exponent", TypeError, *NO_NUMBERS),
        *bad_values(SemiHardSelection, "exponent", ValueError, -1, math.nan, -math.inf),
        *(
            case
            for cls in (SemiHardSelection, UniformSelection)
            for case in (
                *bad_values(cls, "margin", TypeError, *NO_NUMBERS),
                *bad_values(cls, "margin", ValueError, math.nan),
            )
        ),
    ],
    ids=repr,
)
def test_bad_inputs(case: BadInput) -> None:
    """Errors name argument and value."""
    check_refused(case)
