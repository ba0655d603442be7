"""Plots of an inspection. matplotlib is optional, and imported only for drawing."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .report import Inspection

__all__ = ["require_matplotlib", "save_plots"]


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


def save_plots(inspection: "Inspection", directory: Path) -> list[Path]:
    """Draw and save the plots of an inspection."""
    figures = {
        "scores": _plot_scores(inspection.scores),
        "relations": _plot_relations(inspection),
        "projection": _plot_projection(inspection),
    }
    paths = [directory / f"{name}.png" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        figure.savefig(path, dpi=150)
    return paths


def _make_figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    # Without pyplot, nothing global changes, and no window is needed.
    return Figure(layout="constrained", figsize=(width, height))


def _plot_scores(scores: pd.DataFrame) -> "Figure":
    """Plot the distributions of scores."""
    edges = np.histogram_bin_edges(scores["score"], bins=60).tolist()
    figure = _make_figure(8, 4)
    ax = figure.subplots()
    for name, values in scores.groupby("triples", sort=False)["score"]:
        ax.hist(values, bins=edges, weights=np.full(len(values), 1 / len(values)), histtype="step", label=name)
    ax.set(xlabel="score", ylabel="share")
    ax.legend()
    return figure


def _plot_relations(inspection: "Inspection") -> "Figure":
    """Plot how hard the negatives of each relation are."""
    relations = inspection.relations.head(inspection.num_relations)
    figure = _make_figure(8, 1.5 + 0.3 * len(relations))
    ax = figure.subplots()
    positions = range(len(relations))
    ax.axvline(0, color="0.75", linewidth=1, label="uniform")
    ax.plot(relations["positives"], positions, "|", color="C0", markersize=14, label="positives")
    for i, level in enumerate(inspection.source.levels):
        ax.plot(relations[level], positions, "o", color=f"C{i + 1}", label=level)
    names = relations["relation"] + " (" + relations["triples"].astype(str) + ")"
    ax.set_yticks(positions, names, fontsize="small")
    ax.invert_yaxis()
    ax.set(xlabel="mean score, in standard deviations above uniform negatives")
    figure.legend(loc="outside lower center", ncols=3, fontsize="small")
    return figure


def _plot_projection(inspection: "Inspection") -> "Figure":
    """Plot what is generated next to entities: a row for each modality, a column for each level."""
    projection, levels, target = inspection.projection, inspection.source.levels, inspection.target
    styles: dict[str, dict[str, Any]] = {
        "uniform": dict(s=10, color="0.75", label="uniform"),
        "true": dict(s=22, color="C0", label=f"true {target}s"),
        "generated": dict(s=10, color="C1", marker="x", linewidth=0.8, label="generated"),
        "negative": dict(s=14, facecolors="none", edgecolors="C3", label="becomes a negative"),
    }
    styles = {kind: style for kind, style in styles.items() if kind in set(projection["kind"])}
    modalities = projection["modality"].unique()
    figure = _make_figure(3.6 * len(levels), 0.6 + 3.4 * len(modalities))
    axes = figure.subplots(nrows=len(modalities), ncols=len(levels), squeeze=False, sharex="row", sharey="row")
    for row, modality in zip(axes, modalities, strict=True):
        for ax, level in zip(row, levels, strict=True):
            shown = projection[(projection["modality"] == modality) & projection["level"].isin(["", level])]
            for kind, style in styles.items():
                points = shown[shown["kind"] == kind]
                ax.scatter(points["x"], points["y"], **style)
            ax.set_title(f"{modality}, {level}", fontsize="medium")
            ax.set_xlabel("first component")
        row[0].set_ylabel("second component")
    figure.suptitle(f"{target.capitalize()}s of: {projection['relation'].iloc[0]}")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(styles))
    return figure
