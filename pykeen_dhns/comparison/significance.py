"""Tests whether a cell is better than its baseline, or lucky."""

import dataclasses
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import ttest_1samp

from .configuration import Cell, Comparison, Run
from .execution import finished_runs
from .store import load_ranks
from .summary import baseline_cell

__all__ = ["SeedTest", "TripleTest", "paired_test", "seed_test", "triple_test"]

#: shape: (num_triples,)
Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclasses.dataclass(frozen=True)
class TripleTest:
    """A paired test over test triples, of whether there is a difference between these models."""

    #: The mean difference of reciprocal ranks, positive if the cell is better than its baseline
    difference: float
    #: The two-sided p-value
    p_value: float
    num_triples: int
    #: The seeds that both cells have
    seeds: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class SeedTest:
    """A comparison over seeds, of whether a difference is larger than what another seed changes."""

    #: The difference of means, positive if the cell is better than its baseline
    difference: float
    #: The sum of both standard deviations
    spread: float

    @property
    def is_outside(self) -> bool:
        """Return whether the difference lies outside of the spread."""
        return abs(self.difference) > self.spread


def triple_test(comparison: Comparison, folder: Path, cell: Cell) -> TripleTest | None:
    """Test whether the ranks of a cell differ from those of its baseline.

    The reciprocal rank of a test triple is the mean over both of its sides, and over the seeds that both cells have:
    sides and seeds are no independent observations. Seeds are paired, since the test triples are.

    :param comparison: the comparison
    :param folder: where results are
    :param cell: the cell

    :returns: the result, or None, if the cell has no baseline, is one, or if they have no seed in common

    :raises ValueError: if they have other test triples
    """
    baseline = baseline_cell(comparison, cell)
    if baseline is None or baseline == cell:
        return None
    own, other = ({run.seed: run for run, _ in finished_runs(comparison, folder, each)} for each in (cell, baseline))
    seeds = tuple(seed for seed in own if seed in other)
    if not seeds:
        return None
    left, right = (_reciprocal_ranks(folder, [runs[seed] for seed in seeds]) for runs in (own, other))
    if left.shape != right.shape:
        raise ValueError(f"{cell} has {len(left)} test triples, its baseline {len(right)}: they cannot be compared.")
    difference, p_value = paired_test(left, right)
    return TripleTest(difference=difference, p_value=p_value, num_triples=len(left), seeds=seeds)


def _reciprocal_ranks(folder: Path, runs: Sequence[Run]) -> Values:
    """Get the mean reciprocal rank of each test triple."""
    values: Values = np.mean([(1 / load_ranks(folder, run).astype(np.float64)).mean(axis=0) for run in runs], axis=0)
    return values


def paired_test(left: Values, right: Values) -> tuple[float, float]:
    """Test whether the mean of paired differences is zero.

    This is the paired t-test. Its p-values are those of a permutation test that flips signs, since there are hundreds
    of differences or more, none of which is above 1: their mean is as good as normal. Flipping ten thousand signs ten
    thousand times takes several seconds for each pair of cells, and this does not.

    :param left: shape: (num_triples,) the values of one method
    :param right: shape: (num_triples,) the values of the other one

    :returns: the mean of left - right, and the two-sided p-value
    """
    differences = left - right
    mean = float(differences.mean())
    if len(differences) < 2 or not np.ptp(differences):
        # without a variance, there is no test; but nothing but zeros is no difference
        return mean, 1.0 if not mean or len(differences) < 2 else 0.0
    return mean, float(ttest_1samp(differences, 0.0).pvalue)


def seed_test(comparison: Comparison, folder: Path, cell: Cell) -> SeedTest | None:
    """Compare the test MRR of a cell to its baseline's, over the seeds that both have.

    :param comparison: the comparison
    :param folder: where results are
    :param cell: the cell

    :returns: the result, or None, if the cell has no baseline, is one, or if they have less than two seeds in
        common
    """
    baseline = baseline_cell(comparison, cell)
    if baseline is None or baseline == cell:
        return None
    own, other = (
        {run.seed: result["test"]["mrr"] for run, result in finished_runs(comparison, folder, each)}
        for each in (cell, baseline)
    )
    pairs = [(own[seed], other[seed]) for seed in own if seed in other]
    if len(pairs) < 2:
        return None
    left, right = zip(*pairs, strict=True)
    return SeedTest(
        difference=statistics.fmean(left) - statistics.fmean(right),
        spread=statistics.stdev(left) + statistics.stdev(right),
    )
