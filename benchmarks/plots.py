"""Plots of what comparisons gave. matplotlib is imported only where there is something to draw."""

import itertools
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pykeen_dhns.comparison import Comparison
from pykeen_dhns.comparison.summary import Summary, baseline_cell, summarize

__all__ = ["plot_bars", "plot_curves", "plot_levels"]


def _panels(comparison: Comparison, folder: Path) -> dict[str, list[Summary]]:
    """Group cells by the value of the first axis, or put them into one group, if it is the only one."""
    panels: dict[str, list[Summary]] = {}
    axis = next(iter(comparison.axes))
    for summary in summarize(comparison, folder):
        if summary.runs:
            key = summary.cell[axis] if len(comparison.axes) > 1 else comparison.title
            panels.setdefault(key, []).append(summary)
    return panels


def _label(comparison: Comparison, summary: Summary) -> str:
    values = [value for _, value in summary.cell.values]
    return ", ".join(values[1:] if len(comparison.axes) > 1 else values)


def _make_figure(num_panels: int, width: float, height: float) -> tuple[Any, Sequence[Any]]:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    size = (width * num_panels, height)
    figure, axes = plt.subplots(ncols=num_panels, figsize=size, layout="constrained", squeeze=False)
    return figure, list(axes[0])


def _save(figure: Any, path: Path) -> Path:
    from matplotlib import pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def mean_curve(summary: Summary) -> tuple[list[float], list[float], list[float], list[float]]:
    """Average the curves of all seeds, over the epochs that all of them have.

    :param summary: a cell

    :returns: for each evaluation: seconds, the mean of the validation MRR, its minimum, and its maximum
    """
    curves = [result["validation"]["curve"] for _, result in summary.runs]
    points = list(zip(*curves, strict=False))
    seconds = [statistics.fmean(point["seconds"] for point in group) for group in points]
    values = [[point["mrr"] for point in group] for group in points]
    return seconds, [statistics.fmean(group) for group in values], [*map(min, values)], [*map(max, values)]


def plot_curves(comparison: Comparison, folder: Path, path: Path) -> Path | None:
    """Draw the validation MRR against the time of training, one panel for each value of the first axis.

    :param comparison: the comparison
    :param folder: where its results are
    :param path: the file to write

    :returns: the file, or None, if there are no results
    """
    panels = _panels(comparison, folder)
    if not panels:
        return None
    figure, axes = _make_figure(len(panels), width=5, height=4)
    # each row keeps its color, also where a panel lacks another one
    labels = list(dict.fromkeys(_label(comparison, summary) for group in panels.values() for summary in group))
    for ax, (title, group) in zip(axes, panels.items(), strict=True):
        for summary in group:
            seconds, means, lows, highs = mean_curve(summary)
            label = _label(comparison, summary)
            index = labels.index(label)
            color, style = f"C{index % 10}", ("-", "--", ":")[index // 10 % 3]
            ax.plot(seconds, means, style, color=color, label=label)
            ax.fill_between(seconds, lows, highs, color=color, alpha=0.15, linewidth=0)
        ax.set(title=title, xlabel="seconds of training", ylabel="validation MRR")
        ax.legend(fontsize="small")
    return _save(figure, path)


def plot_bars(comparison: Comparison, folder: Path, path: Path) -> Path | None:
    """Draw the test MRR of each cell, with its standard deviation over seeds.

    :param comparison: the comparison
    :param folder: where its results are
    :param path: the file to write

    :returns: the file, or None, if there are no results
    """
    panels = _panels(comparison, folder)
    if not panels:
        return None
    num_rows = max(map(len, panels.values()))
    figure, axes = _make_figure(len(panels), width=5, height=1.2 + 0.35 * num_rows)
    for ax, (title, group) in zip(axes, panels.items(), strict=True):
        values = [[100 * value for value in summary.values("test", "mrr")] for summary in group]
        means = [statistics.fmean(each) for each in values]
        errors = [statistics.stdev(each) if len(each) > 1 else 0.0 for each in values]
        colors = ["C7" if baseline_cell(comparison, summary.cell) == summary.cell else "C0" for summary in group]
        ax.barh(range(len(group)), means, xerr=errors, color=colors, capsize=3)
        ax.set_yticks(range(len(group)), [_label(comparison, summary) for summary in group])
        ax.invert_yaxis()
        ax.set(title=title, xlabel="test MRR [%] (does not begin at 0)")
        # bars that begin at 0 hide what differs
        low, high = min(means) - max(errors), max(means) + max(errors)
        margin = 0.25 * (high - low) or 1.0
        ax.set_xlim(max(0.0, low - margin), min(100.0, high + margin))
    return _save(figure, path)


def plot_levels(result: dict[str, Any], path: Path) -> Path:
    """Draw the distributions of scores, cf. ``levels.py``.

    :param result: the content of its file
    :param path: the file to write

    :returns: the file
    """
    figure, (ax,) = _make_figure(1, width=8, height=4)
    edges = result["edges"]
    centers = [(left + right) / 2 for left, right in itertools.pairwise(edges)]
    for row in result["rows"]:
        total = sum(row["counts"])
        ax.plot(centers, [count / total for count in row["counts"]], label=row["name"])
    configuration = result["configuration"]
    title = f"{configuration['dataset']}, after {configuration['epochs']} epochs"
    ax.set(xlabel="score", ylabel="share", title=title)
    ax.legend()
    return _save(figure, path)
