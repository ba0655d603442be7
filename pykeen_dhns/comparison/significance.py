"""Tests whether a cell is better than its baseline, or lucky."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ttest_rel

__all__ = ["Difference", "compare_cells"]

#: shape: (num_triples,)
Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclasses.dataclass(frozen=True)
class Difference:
    """The difference of two cells, over the test triples, and the seeds that both have."""

    #: The mean difference of reciprocal ranks, positive if the cell is better than its baseline
    mean: float
    #: The two-sided p-value of a paired test over test triples
    p_value: float
    num_seeds: int
    #: The sum of the standard deviations of both MRRs over seeds. None, if there is only one seed.
    spread: float | None
    #: Whether the MRRs differ by more than this
    is_outside: bool


def compare_cells(left: pd.DataFrame, right: pd.DataFrame) -> Difference | None:
    """Compare the runs of a cell with those of its baseline.

    The reciprocal rank of a test triple is the mean over both of its sides, and over the seeds that both cells have:
    sides and seeds are no independent observations.

    :param left: the runs of the cell, cf. :attr:`pykeen_dhns.comparison.results.Results.frame`
    :param right: the runs of its baseline

    :returns: the difference, or None, if they have no seed in common

    :raises ValueError: if they have other test triples
    """
    left, right = left.set_index("seed"), right.set_index("seed")
    seeds = left.index.intersection(right.index)
    if seeds.empty:
        return None
    left_ranks, right_ranks = (_reciprocal_ranks(runs.loc[seeds]) for runs in (left, right))
    if left_ranks.shape != right_ranks.shape:
        raise ValueError(f"There are {len(left_ranks)} test triples, but {len(right_ranks)} for the baseline.")
    mean, p_value = _paired_test(left_ranks, right_ranks)
    left_mrr, right_mrr = (runs.loc[seeds, "test.mrr"] for runs in (left, right))
    spread = left_mrr.std() + right_mrr.std() if len(seeds) > 1 else None
    is_outside = spread is not None and abs(left_mrr.mean() - right_mrr.mean()) > spread
    return Difference(mean=mean, p_value=p_value, num_seeds=len(seeds), spread=spread, is_outside=is_outside)


def _reciprocal_ranks(runs: pd.DataFrame) -> Values:
    """Get the mean reciprocal rank of each test triple."""
    ranks = np.array([[runs[f"ranks.{side}"].iloc[i] for side in ("head", "tail")] for i in range(len(runs))])
    values: Values = (1 / ranks).mean(axis=1).mean(axis=0)
    return values


def _paired_test(left: Values, right: Values) -> tuple[float, float]:
    """Return the mean of left - right, and the two-sided p-value of the paired t-test.

    There are hundreds of differences or more, none of which is above 1. So their mean is close to normal, and the
    p-values are those of a permutation test, which takes much longer.
    """
    mean = float((left - right).mean())
    if len(left) < 2 or not np.ptp(left - right):
        # there is no variance to test with: the same difference everywhere is certain, unless it is zero
        return mean, 0.0 if mean and len(left) > 1 else 1.0
    return mean, float(ttest_rel(left, right).pvalue)
