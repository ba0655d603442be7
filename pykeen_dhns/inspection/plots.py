"""Plots of an inspection. matplotlib is optional, and imported only for drawing."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .sources import Target

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_projection", "plot_relations", "plot_scores", "require_matplotlib"]


def require_matplotlib() -> None:
    """Check that matplotlib is installed.

    :raises ImportError: if it is not
    """
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "Plots need matplotlib: pip install 'pykeen-dhns[examples]'. The tables do not: leave the plots out with "
            "--no-plots, or plots=False."
        ) from error


def _make_figure(**kwargs: Any) -> "Figure":
    from matplotlib.figure import Figure

    # Without pyplot, nothing global changes, and no window is needed.
    return Figure(layout="constrained", **kwargs)


def plot_scores(scores: pd.DataFrame, path: Path) -> None:
    """Plot the distributions of scores.

    :param scores: the scores, cf. :func:`pykeen_dhns.inspection.scores.collect_scores`
    :param path: the file to write
    """
    edges = np.histogram_bin_edges(scores["score"], bins=60).tolist()
    figure = _make_figure(figsize=(8, 4))
    ax = figure.subplots()
    for name, values in scores.groupby("triples", sort=False)["score"]:
        ax.hist(values, bins=edges, weights=np.full(len(values), 1 / len(values)), histtype="step", label=name)
    ax.set(xlabel="score", ylabel="share")
    ax.legend()
    figure.savefig(path, dpi=150)


def plot_relations(relations: pd.DataFrame, levels: Sequence[str], path: Path) -> None:
    """Plot how hard the negatives of each relation are.

    :param relations: the relations, cf. :func:`pykeen_dhns.inspection.scores.rate_relations`
    :param levels: the names of the levels
    :param path: the file to write
    """
    figure = _make_figure(figsize=(8, 1.5 + 0.3 * len(relations)))
    ax = figure.subplots()
    positions = range(len(relations))
    ax.axvline(0, color="0.75", linewidth=1, label="uniform")
    ax.plot(relations["positives"], positions, "|", color="C0", markersize=14, label="positives")
    for i, level in enumerate(levels):
        ax.plot(relations[level], positions, "o", color=f"C{i + 1}", label=level)
    names = relations["relation"] + " (" + relations["triples"].astype(str) + ")"
    ax.set_yticks(positions, names, fontsize="small")
    ax.invert_yaxis()
    ax.set(xlabel="mean score, in standard deviations above uniform negatives")
    figure.legend(loc="outside lower center", ncols=3, fontsize="small")
    figure.savefig(path, dpi=150)


def plot_projection(projection: pd.DataFrame, levels: Sequence[str], target: Target, path: Path) -> None:
    """Plot what is generated next to entities: a row for each modality, a column for each level.

    :param projection: the points, cf. :func:`pykeen_dhns.inspection.projection.project`
    :param levels: the names of the levels
    :param target: the side that is generated
    :param path: the file to write
    """
    styles: dict[str, dict[str, Any]] = {
        "uniform": dict(s=10, color="0.75", label="uniform"),
        "true": dict(s=22, color="C0", label=f"true {target}s"),
        "generated": dict(s=10, color="C1", marker="x", linewidth=0.8, label="generated"),
        "negative": dict(s=14, facecolors="none", edgecolors="C3", label="becomes a negative"),
    }
    modalities = projection["modality"].unique()
    figure = _make_figure(figsize=(3.6 * len(levels), 0.6 + 3.4 * len(modalities)))
    axes = figure.subplots(nrows=len(modalities), ncols=len(levels), squeeze=False, sharex="row", sharey="row")
    for row, modality in zip(axes, modalities, strict=True):
        for ax, level in zip(row, levels, strict=True):
            shown = projection[(projection["modality"] == modality) & projection["level"].isin(["", level])]
            for kind, style in styles.items():
                points = shown[shown["kind"] == kind]
                if len(points):
                    ax.scatter(points["x"], points["y"], **style)
            ax.set_title(f"{modality}, {level}", fontsize="medium")
            ax.set_xlabel("first component")
        row[0].set_ylabel("second component")
    figure.suptitle(f"{target.capitalize()}s of: {projection['relation'].iloc[0]}")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    figure.savefig(path, dpi=150)
