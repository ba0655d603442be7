"""Test the tests: of whether one method is better than another one."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import permutation_test

from pykeen_dhns.comparison.significance import Difference, _paired_test, compare_cells

from ..helpers.comparisons import load, make, save_fake


def test_identical() -> None:
    """The same values are not different."""
    values = np.linspace(0.1, 1.0, 50)
    assert _paired_test(values, values) == (0.0, 1.0)


def test_constant() -> None:
    """If all triples are better by the same, there is no doubt; if there is only one triple, there is."""
    values = np.zeros(50)
    assert _paired_test(values + 0.25, values) == (0.25, 0.0)
    assert _paired_test(values[:1] + 0.25, values[:1]) == (0.25, 1.0)


def test_shift() -> None:
    """A clear shift has a small p-value, on both sides."""
    rng = np.random.default_rng(0)
    left, right = rng.uniform(size=(2, 500))
    difference, p_value = _paired_test(left + 0.1, right)
    assert difference == pytest.approx((left - right).mean() + 0.1)
    assert 0 < p_value < 1e-3
    assert _paired_test(right, left + 0.1) == pytest.approx((-difference, p_value))


def test_no_effect() -> None:
    """Without an effect, p-values are uniform: one in ten is below a tenth."""
    rng = np.random.default_rng(0)
    p_values = [_paired_test(*1 / rng.integers(1, 20, size=(2, 300)))[1] for _ in range(1000)]
    assert np.mean(np.asarray(p_values) < 0.1) == pytest.approx(0.1, abs=0.03)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.03)


#: What SciPy calls a generator, before and since 1.15
NAME = "rng" if "rng" in inspect.signature(permutation_test).parameters else "random_state"


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.6])
def test_permutations(shift: float) -> None:
    """P-values are those of a permutation test, also for reciprocal ranks, which are far from normal."""
    rng = np.random.default_rng(2)
    right = 1 / rng.integers(1, 30, size=300)
    left = np.where(rng.uniform(size=300) < 0.15, 1 / rng.integers(1, int(30 * (1 - shift)), size=300), right)
    result = permutation_test(
        (left - right,),
        lambda x, axis: x.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=9999,
        batch=1000,
        **{NAME: np.random.default_rng(0)},
    )
    # the standard error of a share of 9999 is at most 0.005
    assert _paired_test(left, right)[1] == pytest.approx(result.pvalue, abs=0.015)


def test_of_cells(tmp_path: Path) -> None:
    """Cells are compared over the seeds that both have, as reciprocal ranks of both sides."""
    comparison = make(search=[], seeds=[0, 1, 2])
    basic, dhns = comparison.cells
    basic_runs, dhns_runs = (comparison.finals(comparison.trials(cell)[0]) for cell in comparison.cells)

    def compare() -> Difference | None:
        results = load(comparison, tmp_path)
        return compare_cells(results.runs(dhns), results.runs(basic))

    other_side = (1.0, 1.0, 1.0)
    save_fake(tmp_path, basic_runs[0], test=0.5, head_ranks=(1.0, 2.0, 4.0), tail_ranks=other_side)
    save_fake(tmp_path, basic_runs[1], test=0.6, head_ranks=(1.0, 1.0, 4.0), tail_ranks=other_side)
    save_fake(tmp_path, dhns_runs[0], test=0.75, head_ranks=(1.0, 1.0, 2.0), tail_ranks=other_side)
    one_seed = compare()
    assert one_seed is not None
    assert one_seed.mean == pytest.approx((0 + 0.5 + 0.25) / 3 / 2)
    assert (one_seed.num_seeds, one_seed.spread, one_seed.is_outside) == (1, None, False)

    save_fake(tmp_path, dhns_runs[1], test=0.85, head_ranks=(1.0, 1.0, 2.0), tail_ranks=other_side)
    two_seeds = compare()
    assert two_seeds is not None
    assert two_seeds.num_seeds == 2
    assert two_seeds.mean == pytest.approx((0 + 0.25 + 0.25) / 3 / 2)
    assert two_seeds.spread == pytest.approx(2 * 0.1 / 2**0.5)
    assert two_seeds.is_outside
    # one more seed of one of them changes nothing
    save_fake(tmp_path, dhns_runs[2], test=0.1, head_ranks=(1.0, 1.0, 2.0))
    assert compare() == two_seeds


def test_no_common_seed(tmp_path: Path) -> None:
    """Without a seed that both cells have, there is nothing to compare."""
    comparison = make(search=[])
    save_fake(tmp_path, comparison.trials(comparison.cells[1])[0])
    results = load(comparison, tmp_path)
    assert compare_cells(results.runs(comparison.cells[1]), results.runs(comparison.cells[0])) is None


def test_other_triples(tmp_path: Path) -> None:
    """Ranks of other test triples cannot be paired."""
    comparison = make(search=[])
    for cell, ranks in zip(comparison.cells, [(1, 2), (1, 2, 3)], strict=True):
        save_fake(tmp_path, comparison.trials(cell)[0], head_ranks=ranks)
    basic, dhns = (load(comparison, tmp_path).runs(cell) for cell in comparison.cells)
    with pytest.raises(ValueError, match="There are 3 test triples, but 2 for the baseline"):
        compare_cells(dhns, basic)
