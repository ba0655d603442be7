"""Plots of what benchmarks gave. matplotlib is imported only where there is something to draw.

Each sampler has the color that it has in all pictures, cf. :data:`pykeen_dhns.inspection.plots.COLORS`.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pykeen_dhns.comparison import Cell, Results
from pykeen_dhns.inspection.plots import choose_color

__all__ = ["plot_bars", "plot_curves", "plot_scale"]


def _panels(results: Results) -> dict[str, list[Cell]]:
    """Group cells by the value of the first axis, or put them into one group, if it is the only one."""
    panels: dict[str, list[Cell]] = {}
    for cell in results.finished_cells:
        (_, first), *others = cell.values
        panels.setdefault(first if others else results.comparison.title, []).append(cell)
    return panels


def _label(cell: Cell) -> str:
    return ", ".join(value for _, value in cell.values[1:] or cell.values)


def _choose_styles(labels: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Choose how to draw the lines of labels: those of the same sampler have the same color, but differ otherwise."""
    styles: dict[str, Iterator[tuple[str, str]]] = defaultdict(
        lambda: itertools.product(("", "o", "s"), ("-", "--", ":", "-."))
    )
    result: dict[str, dict[str, Any]] = {}
    for label in dict.fromkeys(labels):
        color = choose_color(label)
        marker, line = next(styles[color])
        result[label] = dict(color=color, marker=marker, linestyle=line, markersize=4)
    return result


def _make_figure(num_panels: int, width: float, height: float) -> tuple[Any, Sequence[Any]]:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    # more than two side by side are too small to read on a page
    columns = min(num_panels, 2)
    rows = math.ceil(num_panels / columns)
    size = (width * columns, height * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    for ax in axes.flat[num_panels:]:
        ax.axis("off")
    return figure, list(axes.flat[:num_panels])


def _save(figure: Any, path: Path) -> Path:
    from matplotlib import pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def mean_curve(results: Results, cell: Cell) -> pd.DataFrame:
    """Average the curves of all seeds, over the epochs that all of them have.

    :param results: the results
    :param cell: the cell

    :returns: for each evaluation: seconds, the mean of the validation MRR in percent, its minimum, and its maximum
    """
    curves = results.runs(cell)["validation.curve"]
    points = pd.DataFrame([point for curve in curves for point in curve])
    points["mrr"] *= 100
    epochs = points.groupby("epoch").filter(lambda group: len(group) == len(curves)).groupby("epoch")
    return epochs.agg(seconds=("seconds", "mean"), mean=("mrr", "mean"), low=("mrr", "min"), high=("mrr", "max"))


def plot_curves(results: Results, path: Path) -> Path | None:
    """Draw the validation MRR against the time of training, one panel for each value of the first axis.

    Cells that ran on another device than most runs are left out, since their times cannot be compared.

    :param results: the results
    :param path: the file to write

    :returns: the file, or None, if there are no results
    """
    panels = _panels(results)
    if not panels:
        return None
    (device, *_) = results.frame["machine.device"].mode()
    figure, axes = _make_figure(len(panels), width=5, height=3)
    # each row keeps its style, also where a panel lacks another one
    styles = _choose_styles(_label(cell) for cells in panels.values() for cell in cells)
    for ax, (title, cells) in zip(axes, panels.items(), strict=True):
        for cell in cells:
            if any(results.runs(cell)["machine.device"] != device):
                continue
            curve, label = mean_curve(results, cell), _label(cell)
            ax.plot(curve["seconds"], curve["mean"], label=label, **styles[label])
            color = styles[label]["color"]
            ax.fill_between(curve["seconds"], curve["low"], curve["high"], color=color, alpha=0.15, linewidth=0)
        ax.set(title=title, xlabel="seconds of training", ylabel="validation MRR [%]")
        ax.legend(fontsize="small")
    figure.suptitle(results.comparison.title)
    return _save(figure, path)


def plot_bars(results: Results, path: Path) -> Path | None:
    """Draw the test MRR of each cell, with its standard deviation over seeds.

    :param results: the results
    :param path: the file to write

    :returns: the file, or None, if there are no results
    """
    panels, comparison = _panels(results), results.comparison
    if not panels:
        return None
    num_rows = max(map(len, panels.values()))
    figure, axes = _make_figure(len(panels), width=5, height=1.2 + 0.35 * num_rows)
    for ax, (title, cells) in zip(axes, panels.items(), strict=True):
        means, errors = (
            pd.Series([getattr(100 * results.runs(cell)["test.mrr"], name)() for cell in cells]).fillna(0.0)
            for name in ("mean", "std")
        )
        colors = [choose_color(_label(cell)) for cell in cells]
        ax.barh(range(len(cells)), means, xerr=errors, color=colors, capsize=3)
        ax.set_yticks(range(len(cells)), list(map(_label, cells)))
        ax.invert_yaxis()
        ax.set(title=title, xlabel="test MRR [%] (does not begin at 0)")
        # bars that begin at 0 hide what differs
        low, high = (means - errors).min(), (means + errors).max()
        margin = 0.25 * (high - low) or 1.0
        ax.set_xlim(max(0.0, low - margin), min(100.0, high + margin))
    figure.suptitle(comparison.title)
    return _save(figure, path)


def plot_scale(result: dict[str, Any], path: Path) -> Path:
    """Draw what a batch, and the construction, cost on graphs of several sizes, cf. ``scale.py``.

    :param result: the content of its file
    :param path: the file to write

    :returns: the file
    """
    figure, axes = _make_figure(2, width=3.7, height=4.1)
    frame = pd.DataFrame(result["rows"])
    styles = _choose_styles(frame["arm"])
    for arm, rows in frame.groupby("arm", sort=False):
        style = styles[arm] | dict(marker="o" if arm.startswith("sampler") else "s")
        for ax, column in zip(axes, ("batch", "construction"), strict=True):
            ax.loglog(rows["num_entities"], rows[column], label=arm.replace("`", ""), **style)
    axes[0].set(title="a batch", xlabel="entities", ylabel="CPU time [ms]")
    axes[1].set(title="construction", xlabel="entities", ylabel="CPU time [s]")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize="small", frameon=False, handlelength=4)
    return _save(figure, path)
