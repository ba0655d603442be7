"""Tests whether a cell is better than its baseline, or only had better seeds.

The observations are seeds, not test triples. A test over triples asks whether these models differ, and models of the
same method do, too: two seeds of the same arguments would often be significantly different.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind, ttest_rel

from .results import Results

__all__ = ["LEVEL", "compare_values", "correct", "find_differences"]

#: The level below which a corrected p-value is significant
LEVEL = 0.05


def find_differences(results: Results, baselines: Iterable[Mapping[str, str]]) -> pd.DataFrame:
    """Compare the test MRR of each cell with that of each of its baselines.

    :param results: the results
    :param baselines: baselines, each with a value for some axes

    :returns: a row for each comparison: the cell, its baseline, what :func:`compare_values` returns, and the p-value
        after the correction for all rows
    """
    finished, rows = results.finished_cells, []
    for baseline in baselines:
        for cell in finished:
            other = results.comparison.find_baseline(cell, baseline)
            if other in finished and other != cell:
                left, right = (results.runs(each).set_index("seed")["test.mrr"] for each in (cell, other))
                rows.append(dict(cell=cell, baseline=", ".join(baseline.values()), **compare_values(left, right)))
    frame = pd.DataFrame(rows, columns=["cell", "baseline", "difference", "p", "seeds"])
    return frame.assign(corrected=correct(frame["p"]))


def compare_values(left: pd.Series, right: pd.Series) -> dict[str, Any]:
    """Compare the values of some seeds with those of others, by a two-sided t-test.

    :param left: values by seed
    :param right: values by seed. The test is paired, if both have at least two seeds in common, which are those that
        count then. Otherwise, it is Welch's test.

    :returns: the difference of means, the p-value, and the number of seeds as a text. The p-value is NaN, if one side
        has a single seed, or if nothing varies.
    """
    seeds = left.index.intersection(right.index)
    is_paired = len(seeds) > 1
    if is_paired:
        left, right = left[seeds], right[seeds]
    p_value = np.nan
    if min(len(left), len(right)) > 1 and np.ptp(left - right if is_paired else [*left, *right]) > 0:
        p_value = (ttest_rel(left, right) if is_paired else ttest_ind(left, right, equal_var=False)).pvalue
    num_seeds = str(len(seeds)) if is_paired else f"{len(left)} and {len(right)}"
    return dict(difference=left.mean() - right.mean(), p=p_value, seeds=num_seeds)


def correct(p_values: pd.Series) -> pd.Series:
    """Correct p-values for their number by Holm's method (1979).

    :param p_values: the p-values. Those that are NaN do not count, and stay.

    :returns: the corrected p-values. With no effect anywhere, the probability that any of them is below a level is at
        most this level.
    """
    ordered = p_values.astype(float).dropna().sort_values()
    factors = np.arange(len(ordered), 0, -1)
    return (ordered * factors).cummax().clip(upper=1.0).reindex(p_values.index)
