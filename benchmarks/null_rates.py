"""Measure how often tables mark a difference where there is none: between runs of the same arguments.

Effects of seeds come from ``results/compare``: the test MRR of a run, minus the mean over all seeds of its arguments.
Tables are drawn from them: a baseline, and rows that do not differ from it. The test over test triples needed their
ranks, which results no longer have; what it gave is in ``results/null_rates/over_triples.json``.
"""

import json
from typing import Any

import numpy as np
import pandas as pd
from common import RESULTS, load_result, make_parser, save_result, to_markdown
from compare import RESULTS as COMPARISONS
from scipy.stats import ttest_rel

from pykeen_dhns.comparison import load_results
from pykeen_dhns.comparison.significance import LEVEL, correct

FOLDER = RESULTS / "null_rates"


def find_effects() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Find the effects of seeds, in standard deviations of their dataset.

    :returns: one effect for each run whose arguments were run with several seeds
    """
    results = [result for folder in sorted(COMPARISONS.iterdir()) for result in load_results(folder).values()]
    rows = [
        (json.dumps(result["arguments"], sort_keys=True), result["seed"], result["test"]["mrr"])
        for result in results
        if "test" in result
    ]
    # some runs are part of several comparisons
    frame = pd.DataFrame(rows, columns=["arguments", "seed", "mrr"]).drop_duplicates(["arguments", "seed"])
    by_arguments = frame.groupby("arguments")["mrr"]
    size = by_arguments.transform("size")
    # the mean is near to the values that it is the mean of
    effects = (frame["mrr"] - by_arguments.transform("mean")) * (size / (size - 1)) ** 0.5
    dataset = frame["arguments"].map(lambda arguments: json.loads(arguments)["dataset"])
    effects = effects[size > 1]
    scaled: np.ndarray[Any, np.dtype[np.float64]] = (effects / effects.groupby(dataset).transform("std")).to_numpy()
    return scaled


def draw_tables(
    effects: np.ndarray[Any, Any], num_seeds: int, num_rows: int, num_tables: int, seed: int
) -> list[dict[str, Any]]:
    """Draw tables whose rows do not differ from their baseline, and count what is marked.

    :param effects: the effects of seeds
    :param num_seeds: the number of seeds of each row
    :param num_rows: the number of rows, without the baseline
    :param num_tables: the number of tables
    :param seed: the seed of the drawing

    :returns: for each kind of mark, the shares of marked rows, and of tables with a marked row
    """
    values = np.random.default_rng(seed).choice(effects, size=(num_tables, num_rows + 1, num_seeds))
    baseline, rows = values[:, :1], values[:, 1:]
    difference = np.abs(rows.mean(axis=-1) - baseline.mean(axis=-1))
    outside = difference > rows.std(axis=-1, ddof=1) + baseline.std(axis=-1, ddof=1)
    p_values = ttest_rel(rows, np.broadcast_to(baseline, rows.shape), axis=-1).pvalue
    significant = np.stack([correct(pd.Series(row)) < LEVEL for row in p_values])
    kinds = {"difference above both standard deviations": outside, "t-test over seeds, corrected": significant}
    counts = dict(seeds=num_seeds, rows=num_rows)
    return [
        dict(mark=mark, **counts, marked=float(marked.mean()), any=float(marked.any(axis=1).mean()))
        for mark, marked in kinds.items()
    ]


def table(result: dict[str, Any]) -> str:
    """Make a table.

    :param result: a result

    :returns: the table, in Markdown
    """
    header = ["mark", "seeds", "rows", "marked rows", "tables with a mark"]
    triples = pd.DataFrame(load_result(FOLDER / "over_triples.json")["rows"]).set_index("dataset")
    triples.loc["all graphs"] = triples.sum()
    rows = [
        [f"t-test over test triples, p < {level}, {dataset}", "1", "1", f"{share:.1%}", f"{share:.1%}"]
        for level, name in (("0.01", "below_0_01"), ("0.0001", "below_0_0001"))
        for dataset, share in (triples[name] / triples["pairs"]).items()
        if dataset == "all graphs" or (level == "0.01" and triples.at[dataset, "pairs"] > 50)
    ]
    rows += [
        [row["mark"], str(row["seeds"]), str(row["rows"]), f"{row['marked']:.1%}", f"{row['any']:.1%}"]
        for row in sorted(result["rows"], key=lambda row: row["mark"])
    ]
    return to_markdown(header, rows)


def main() -> None:
    """Draw, count, report."""
    parser = make_parser(__doc__, tables=5000, seed=0)
    args = parser.parse_args()
    effects = find_effects()
    rows = [
        row
        for num_rows in (1, 10)
        for num_seeds in (2, 3, 5)
        for row in draw_tables(effects, num_seeds, num_rows, args.tables, args.seed)
    ]
    configuration = dict(tables=args.tables, seed=args.seed, effects=len(effects))
    print(table(save_result(FOLDER / "rates.json", configuration, rows)))


if __name__ == "__main__":
    main()
