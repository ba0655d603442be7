"""Test the tests: of whether one method is better than another one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind, ttest_rel

from pykeen_dhns.comparison.significance import LEVEL, compare_values, correct, find_differences

from ..helpers.comparisons import load, make, save_fake


def by_seed(*values: float, first: int = 0) -> pd.Series:
    """Make values by seed."""
    return pd.Series(values, index=range(first, first + len(values)))


def test_paired() -> None:
    """With two common seeds or more, these are compared, and nothing else counts."""
    left, right = by_seed(0.5, 0.6, 0.8), by_seed(0.4, 0.55, 0.6, 0.1)
    result = compare_values(left, right)
    assert result["difference"] == pytest.approx(0.35 / 3)
    assert result["p"] == pytest.approx(ttest_rel([0.5, 0.6, 0.8], [0.4, 0.55, 0.6]).pvalue)
    assert result["seeds"] == "3"


def test_welch() -> None:
    """With fewer common seeds, all are compared, and nothing is paired."""
    left, right = by_seed(0.5, 0.6, 0.8), by_seed(0.4, 0.55, first=2)
    result = compare_values(left, right)
    assert result["difference"] == pytest.approx(1.9 / 3 - 0.475)
    assert result["p"] == pytest.approx(ttest_ind([0.5, 0.6, 0.8], [0.4, 0.55], equal_var=False).pvalue)
    assert result["seeds"] == "3 and 2"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (by_seed(0.9), by_seed(0.1)),
        (by_seed(0.9), by_seed(0.1, 0.2)),
        (by_seed(0.5, 0.6), by_seed(0.5, 0.6)),
        (by_seed(0.5, 0.5), by_seed(0.25, 0.25)),
        (by_seed(0.5, 0.5), by_seed(0.5, 0.5, first=2)),
    ],
)
def test_nothing_to_test(left: pd.Series, right: pd.Series) -> None:
    """A single seed, and seeds without variance, have a difference, but no p-value."""
    result = compare_values(left, right)
    assert result["difference"] == pytest.approx(left.mean() - right.mean())
    assert np.isnan(result["p"])


def test_correct() -> None:
    """The smallest p-value is multiplied by their number, the next one by one less, and the order stays."""
    p_values = pd.Series([0.04, np.nan, 0.01, 0.03, 0.9], index=list("abcde"))
    expected = pd.Series([0.09, np.nan, 0.04, 0.09, 0.9], index=list("abcde"))
    pd.testing.assert_series_equal(correct(p_values), expected)
    assert correct(pd.Series([0.6, 0.7])).tolist() == [1.0, 1.0]
    assert correct(pd.Series([], dtype=float)).empty


@pytest.mark.parametrize("num_seeds", [2, 5])
def test_seed_effects(num_seeds: int) -> None:
    """Methods that differ by nothing but their seeds are rarely significant, however many triples there are.

    A test over triples takes most of such differences for significant ones.
    """
    rng = np.random.default_rng(0)
    num_tables, num_rows, num_triples = 300, 3, 300
    p_values, over_triples = [], []
    for _ in range(num_tables):
        # each seed changes the model as a whole, and each triple a little
        shape = (num_rows + 1, num_seeds)
        effects = rng.normal(scale=0.02, size=(*shape, 1))
        triples = rng.uniform(0.1, 0.9, size=num_triples)
        ranks = triples + effects + rng.normal(scale=0.05, size=(*shape, num_triples))
        baseline, *rows = (by_seed(*values) for values in ranks.mean(axis=-1))
        p_values.append(correct(pd.Series([compare_values(row, baseline)["p"] for row in rows])))
        over_triples.append(ttest_rel(ranks[0].mean(axis=0), ranks[1].mean(axis=0)).pvalue)
    false_positives = [(p_value < LEVEL).any() for p_value in p_values]
    assert 0.01 < np.mean(false_positives) < LEVEL + 0.03
    assert np.mean(np.asarray(over_triples) < 0.01) > 0.5


def test_power() -> None:
    """A difference that is large compared to the effects of seeds is found."""
    rng = np.random.default_rng(0)
    left, right = rng.normal(scale=0.02, size=(2, 200, 5))
    p_values = [compare_values(by_seed(*a), by_seed(*b))["p"] for a, b in zip(left + 0.1, right, strict=True)]
    assert np.mean(np.asarray(p_values) < LEVEL) > 0.95


def test_find_differences(tmp_path: Path) -> None:
    """Each cell is compared with each of its baselines, if both are there, and none with itself."""
    axes = {"sampler": {name: {"negative_sampler": name} for name in ("basic", "noise", "dhns", "other")}}
    comparison = make(axes=axes, search=[])
    for cell, tests in zip(comparison.cells, ([0.5, 0.51, 0.52], [0.5], [0.6, 0.61, 0.63]), strict=False):
        for run, test in zip(comparison.finals(comparison.trials(cell)[0]), tests, strict=False):
            save_fake(tmp_path, run, test=test)
    names = ("basic", "noise", "other")
    frame = find_differences(load(comparison, tmp_path), [{"sampler": name} for name in names])
    pairs = [(str(row.cell), row.baseline) for row in frame.itertuples()]
    assert pairs == [("noise", "basic"), ("dhns", "basic"), ("basic", "noise"), ("dhns", "noise")]
    assert frame["p"].notna().tolist() == [False, True, False, False]
    assert frame.loc[1, "corrected"] == frame.loc[1, "p"]
    assert find_differences(load(comparison, tmp_path), [{}]).empty
