"""Plots of an inspection. matplotlib is optional, and imported only for drawing."""

import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .report import Inspection

__all__ = ["choose_color", "choose_colors", "has_matplotlib", "save_plots"]

#: The colors of all pictures: of what is not generated, and of samplers. Levels have the colors of a sequence.
COLORS = {
    "positives": "#0072b2",
    "true": "#0072b2",
    "uniform": "0.6",
    # PyKEEN's
    "basic": "0.6",
    "bernoulli": "0.35",
    "pseudotyped": "0.8",
    # ours
    "shared": "#0072b2",
    "dhns": "#e31a1c",
    "fastbernoulli": "#56b4e9",
    # controls
    "noise": "#cc79a7",
    "query": "#009e73",
    "shadow": "#009e73",
}


def has_matplotlib() -> bool:
    """Return whether matplotlib is installed, and warn if it is not."""
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError:
        warnings.warn(
            "There are no plots, since they need matplotlib: pip install 'pykeen-dhns[examples]'. To do without them "
            "and this warning: --no-plots, or plots=False.",
            stacklevel=3,
        )
        return False
    return True


def choose_colors(names: Iterable[str]) -> dict[str, Any]:
    """Choose colors for kinds of triples.

    :param names: the names of the kinds. Those without a color of their own are levels, the hardest one first.

    :returns: the color of each. The harder a level, the darker it is.
    """
    from matplotlib import colormaps

    names = list(names)
    levels = [name for name in names if name not in COLORS]
    sequence = colormaps["YlOrRd"](np.linspace(1.0, 0.35, len(levels)))
    return {**COLORS, **dict(zip(levels, sequence, strict=True))}


def choose_color(label: str) -> str:
    """Choose the color of a sampler.

    :param label: a label, e.g., "dhns on basic". The first name in it counts.

    :returns: the color, black if the label has no known name
    """
    return next((COLORS[word] for word in re.findall(r"\w+", label) if word in COLORS), "black")


def save_plots(inspection: "Inspection", directory: Path) -> list[Path]:
    """Draw and save the plots of an inspection."""
    figures = {"scores": _plot_scores(inspection), "projection": _plot_projection(inspection)}
    for name, figure in figures.items():
        figure.savefig(directory / f"{name}.png", dpi=150)
    return [directory / f"{name}.png" for name in figures]


def _make_figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    # Without pyplot, nothing global changes, and no window is needed.
    return Figure(layout="constrained", figsize=(width, height))


def _plot_scores(inspection: "Inspection") -> "Figure":
    """Plot the distributions of scores."""
    groups = inspection.scores.groupby("triples", sort=False)["score"]
    # Few values make few bins (Rice's rule). With more, the picture would show noise.
    num_bins = min(60, 2 * round(groups.size().min() ** (1 / 3)))
    edges = np.histogram_bin_edges(inspection.scores["score"], bins=max(8, num_bins)).tolist()
    figure = _make_figure(8, 4)
    ax = figure.subplots()
    colors = choose_colors(groups.groups)
    for name, values in groups:
        weights = np.full(len(values), 1 / len(values))
        ax.hist(values, bins=edges, weights=weights, histtype="step", linewidth=1.5, color=colors[name], label=name)
    ax.set(xlabel=f"score of {type(inspection.source.model).__name__}", ylabel="share of the triples")
    ax.set_title("Scores of training triples, uniform negatives, and generated ones")
    ax.legend()
    return figure


def _plot_projection(inspection: "Inspection") -> "Figure":
    """Plot what is generated next to entities: a row for each modality, a column for each level."""
    projection, levels, target = inspection.projection, inspection.source.levels, inspection.target
    colors = choose_colors(levels)
    styles: dict[str, dict[str, Any]] = {
        "uniform": dict(s=10, color=colors["uniform"], label="uniform"),
        "true": dict(s=22, color=colors["true"], label=f"true {target}s"),
        "generated": dict(s=12, marker="x", linewidth=0.9, label="generated"),
    }
    modalities = projection["modality"].unique()
    figure = _make_figure(3.6 * len(levels), 0.6 + 3.4 * len(modalities))
    axes = figure.subplots(nrows=len(modalities), ncols=len(levels), squeeze=False, sharex="row", sharey="row")
    for row, modality in zip(axes, modalities, strict=True):
        of_modality = projection[projection["modality"] == modality]
        for ax, level in zip(row, levels, strict=True):
            shown = of_modality[of_modality["level"].isin(["", level])]
            for kind, style in styles.items():
                points = shown[shown["kind"] == kind]
                color = dict(color=colors[level]) if kind == "generated" else {}
                ax.scatter(points["x"], points["y"], **style, **color)
            ax.set_title(f"{modality}, {level}", fontsize="medium")
            ax.set_xlabel("first component")
        explained = of_modality["explained"].iloc[0]
        row[0].set_ylabel(f"second component\n(both explain {explained:.0%} of the variance)")
    model = type(inspection.source.model).__name__
    figure.suptitle(f"{model}, {target}s of: {projection['relation'].iloc[0]}")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(styles))
    return figure
