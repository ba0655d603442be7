"""Tables of the results of a comparison, in Markdown."""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .configuration import Comparison
from .results import Results, find_edge
from .significance import LEVEL, find_differences

__all__ = ["TABLES"]

#: The metrics of the table, and their titles
TITLES = {"mrr": "MRR", "hits_at_1": "H@1", "hits_at_3": "H@3", "hits_at_10": "H@10"}
#: The marks of numbers at the edge of what was searched
EDGES = ("(smallest)", "(largest)")
#: The text of a number that does not exist
MISSING = "-"


def quality_table(results: Results, metrics: Sequence[str] = tuple(TITLES)) -> str:
    """Make a table of test metrics: a block of columns for each value of the first axis, a row for all others.

    :param results: the results
    :param metrics: the metrics

    :returns: the table, with a note that explains its marks
    """
    comparison = results.comparison
    titles = {f"test.{metric}": TITLES[metric] for metric in metrics}
    num_seeds, is_best = results.frame.groupby("cell").size(), _find_best(results, list(titles))
    differences = find_differences(results, [comparison.baseline])
    marks = {row.cell: _mark(row.difference, row.corrected) for row in differences.itertuples()}
    first, *others = comparison.axes
    if not others:
        # the only axis has the rows
        first, others = "", [first]
    rows: dict[tuple[str, ...], dict[str, str]] = {
        values: dict(zip(others, values, strict=True))
        for values in itertools.product(*(comparison.axes[axis] for axis in others))
    }
    for cell in results.finished_cells:
        runs, texts = results.runs(cell), {}
        for column, title in titles.items():
            texts[title] = _format_mean(100 * runs[column])
            if is_best.at[str(cell), column]:
                texts[title] = f"**{texts[title]}**"
        texts["MRR"] += marks.get(cell, "")
        if len(runs) < num_seeds.max():
            texts["MRR"] += f" ({_count(len(runs), 'seed')})"
        published = comparison.published.get(str(cell), {})
        texts |= {f"{TITLES[name]}, published": f"{published[name]:.1f}" for name in metrics if name in published}
        row = rows[tuple(cell[axis] for axis in others)]
        row.update({f"{cell[first]} {title}" if first else title: text for title, text in texts.items()})
    # a block has all its columns next to each other, and only those that have something in them
    names = [*titles.values(), *(f"{TITLES[name]}, published" for name in metrics)]
    columns = [f"{block} {title}" for block in comparison.axes[first] for title in names] if first else names
    table = pd.DataFrame(rows.values(), columns=[*others, *columns]).dropna(axis="columns", how="all")
    table = table.dropna(thresh=len(others) + 1)
    return f"{_to_markdown(table, num_text=len(others))}\n\n{_explain(results, differences)}"


def _find_best(results: Results, columns: Sequence[str]) -> pd.DataFrame:
    """Find which cells have the highest mean of those with which they compete, and with several seeds."""
    comparison = results.comparison
    by_cell = results.frame.reindex(columns=["cell", *columns]).groupby("cell")
    # those that read the same are the same
    means = (100 * by_cell.mean()).round(1).where(by_cell.size() > 1)
    # only cells of the same block, and with the same baseline, compete, e.g., those of a dataset
    shared = [axis for axis in comparison.axes if comparison.baseline and axis not in comparison.baseline]
    shared += list(comparison.axes)[:1] if len(comparison.axes) > 1 else []
    groups = means.groupby({str(cell): str([cell[axis] for axis in shared]) for cell in comparison.cells})
    # the best of one is nothing
    return (means == groups.transform("max")) & (groups.transform("count") > 1)


def _mark(difference: float, p_value: float) -> str:
    """Mark what is significant."""
    if not p_value < LEVEL:
        return ""
    return " \\*" if difference > 0 else " ↓"


def _explain(results: Results, differences: pd.DataFrame) -> str:
    """Say what numbers and marks of a table of test metrics mean."""
    comparison, num_seeds = results.comparison, results.frame.groupby("cell").size()
    if results.frame.empty:
        return comparison.unequal_trials()
    if num_seeds.max() == 1:
        note = "Test triples, in %. One seed, so nothing is tested or marked."
    else:
        note = f"Test triples, in %: mean ± standard deviation over {num_seeds.max()} seeds"
        note += ", unless it says otherwise." if num_seeds.min() < num_seeds.max() else "."
        note += " Bold: the highest mean of rows with several seeds; this is not tested."
        if differences["p"].count():
            note += f" \\*: better than {_name(comparison.baseline)}, ↓: worse ({_explain_test(differences)})."
    counts = ((cell, summary.num_diverged) for cell, summary in results.summaries.items())
    if diverged := [f"{count} of {cell}" for cell, count in counts if count]:
        note += f" Seeds that diverged are not in the table: {', '.join(diverged)}."
    return f"{note} {comparison.unequal_trials()}".strip()


def _explain_test(differences: pd.DataFrame) -> str:
    """Say when a difference is significant."""
    tested = differences[differences["p"].notna()]
    if tested.empty:
        return "nothing can be tested, since that needs two seeds of a row and of its baseline"
    welch = ", or Welch's where rows share fewer than two" if tested["seeds"].str.contains("and").any() else ""
    return (
        f"two-sided t-test over seeds, paired by seed{welch}, p < {LEVEL} after Holm's correction for the "
        f"{_count(len(tested), 'row')} that can be tested"
    )


def differences_table(results: Results, baselines: Sequence[Mapping[str, str]]) -> str:
    """Make a table of differences to baselines, with the p-values of their tests."""
    if not any(baselines):
        return "The file names nothing to compare with."
    differences = find_differences(results, baselines)
    rows = [
        dict(row.cell.values)
        | {
            "baseline": row.baseline,
            "difference of test MRR": f"{100 * row.difference:+.1f}",
            "p": _format_p_value(row.p),
            "p, corrected": _format_p_value(row.corrected),
            "seeds": row.seeds,
        }
        for row in differences.itertuples()
    ]
    table = _to_markdown(pd.DataFrame(rows), num_text=len(results.comparison.axes) + 1)
    return f"{table}\n\nSignificant: {_explain_test(differences)}." if rows else table


def _format_p_value(value: float) -> str:
    if np.isnan(value):
        return MISSING
    return f"{value:.2g}" if value >= 1e-4 else "< 0.0001"


def validation_table(results: Results) -> str:
    """Make a table of the best trials, by validation MRR. Numbers at the edge of what was searched are marked."""
    comparison = results.comparison
    rows = []
    for cell in results.finished_cells:
        trials, runs = results.summaries[cell].trials, results.runs(cell)
        best, _ = results.summaries[cell].finals[0]
        row = {
            "best settings": _format_settings(comparison, best.searched, tried=[run.searched for run, _ in trials]),
            "validation MRR [%]": _format_mean(100 * runs["validation.mrr"]),
            "seeds": str(len(runs)),
            "trials": str(len(trials)),
            "best epochs": ", ".join(f"{epoch:.0f}" for epoch in runs["validation.epoch"]),
        }
        rows.append(dict(cell.values) | row)
    table = _to_markdown(pd.DataFrame(rows), num_text=len(comparison.axes) + 1)
    if any(edge in row["best settings"] for row in rows for edge in EDGES):
        table += f"\n\n{' or '.join(EDGES)}: of the values that were tried, so a better one may be beyond."
    return table


def cost_table(results: Results) -> str:
    """Make a table of time and memory, with ratios to the baseline where it ran on the same machine.

    If the rows ran on several devices, there is a column that names them.
    """
    comparison, frame = results.comparison, results.frame
    # where there is a GPU, its memory is what is scarce
    has_gpu = "peak_memory.device" in frame and frame["peak_memory.device"].notna().any()
    memory = "peak_memory.device" if has_gpu else "peak_memory.process"
    devices = {cell: _join(results.runs(cell)["machine.device"]) for cell in results.finished_cells}
    has_several = len(set(devices.values())) > 1
    rows = []
    for cell in results.finished_cells:
        runs = results.runs(cell)
        others = results.runs(comparison.find_baseline(cell, comparison.baseline))
        is_comparable = _machines(runs) == _machines(others)
        texts = []
        for column, digits in (("seconds.epoch", 2), ("seconds.best", 0), (memory, 0)):
            ratio = runs[column].mean() / others[column].mean()
            texts += [
                _format_mean(runs[column], digits=digits),
                f"{ratio:.2f}" if is_comparable and pd.notna(ratio) else MISSING,
            ]
        rows.append([*dict(cell.values).values(), *texts, str(len(runs)), *has_several * [devices[cell]]])
    memory_title = "peak GPU memory [MiB]" if has_gpu else "peak memory [MiB]"
    titles = ["seconds per epoch", "seconds to the best validation MRR", memory_title]
    header = [*comparison.axes, *(name for title in titles for name in (title, "ratio")), "seeds"]
    header += has_several * ["device"]
    return _to_markdown(pd.DataFrame(rows, columns=header), num_text=len(comparison.axes))


def _join(values: pd.Series) -> str:
    return ", ".join(sorted(values.unique()))


def _machines(runs: pd.DataFrame) -> set[tuple[str, ...]]:
    return set(runs.filter(like="machine.").astype(str).itertuples(index=False, name=None))


def trials_table(results: Results) -> str:
    """Make a table of all trials, which says which one of each cell was selected."""
    comparison = results.comparison
    rows = []
    for summary in results.summaries.values():
        if all(result is None for _, result in summary.trials):
            continue
        for run, result in summary.trials:
            value, epoch = "not finished" if result is None else "diverged", ""
            if result is not None and "diverged" not in result:
                value, epoch = f"{100 * result['validation']['mrr']:.1f}", str(result["validation"]["epoch"])
            settings, selected = _format_settings(comparison, run.searched), "yes" if run == summary.best else ""
            rows.append([*dict(run.cell.values).values(), settings, value, epoch, selected])
    header = [*comparison.axes, "settings", "validation MRR [%]", "best epoch", "selected"]
    table = _to_markdown(pd.DataFrame(rows, columns=header), num_text=len(comparison.axes) + 1)
    note = f"All trials have one seed, {comparison.selection_seed}."
    if comparison.selection_seed not in comparison.seeds:
        note += " Results with this seed are not reported, since settings were selected by it."
    return f"{table}\n\n{note}"


#: All tables, by the name that they have in the markers of a page
TABLES: dict[str, Callable[[Results], str]] = {
    "mrr": functools.partial(quality_table, metrics=["mrr"]),
    "quality": quality_table,
    "significance": lambda results: differences_table(results, [results.comparison.baseline]),
    "validation": validation_table,
    "rivals": lambda results: differences_table(results, results.comparison.rivals),
    "cost": cost_table,
    "trials": trials_table,
}


def _to_markdown(frame: pd.DataFrame, num_text: int) -> str:
    """Format a table, whose first columns are texts, and all others numbers."""
    if frame.empty:
        return "There are no results yet."
    frame = frame.fillna("").replace(r"\|", r"\\|", regex=True).rename(columns=lambda title: title.replace("|", "\\|"))
    alignment = ["left"] * num_text + ["right"] * (frame.shape[1] - num_text)
    table: str = frame.to_markdown(index=False, disable_numparse=True, colalign=alignment)
    return table


def _format_mean(values: pd.Series, digits: int = 1) -> str:
    """Format a mean, and the standard deviation, if there is one."""
    if not values.count():
        return MISSING
    mean, deviation = (f"{number:.{digits}f}" for number in (values.mean(), values.std()))
    return f"{mean} ± {deviation}" if values.count() > 1 else mean


def _format_settings(
    comparison: Comparison, searched: Mapping[str, Any], tried: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Format searched values by the last part of their paths, where that is unique, and mark those at the edge."""
    paths = {path for rule in comparison.search for path in rule["space"]}
    names = [path.rpartition(".")[2] for path in paths]
    texts = []
    for path, value in searched.items():
        name = path.rpartition(".")[2]
        text = f"{name if names.count(name) == 1 else path}={value}"
        if edge := find_edge(value, [other[path] for other in tried]):
            text += f" ({edge})"
        texts.append(text)
    return ", ".join(texts)


def _name(baseline: Mapping[str, str]) -> str:
    return ", ".join(baseline.values())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
