"""Plots of an inspection. matplotlib is imported only where there is something to draw."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .projection import Projection
from .relations import RelationHardness

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_histograms", "plot_histograms", "plot_projections", "plot_relations", "require_matplotlib"]


def require_matplotlib() -> None:
    """Check that there is something to draw with.

    :raises ImportError: if not
    """
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "Plots need matplotlib: pip install 'pykeen-dhns[examples]'. The report itself does not: leave plots out "
            "by --no-plots, or plots=False."
        ) from error


def _make_figure(**kwargs: Any) -> "Figure":
    require_matplotlib()
    from matplotlib.figure import Figure

    # no pyplot: nothing global is changed, and no window is needed
    return Figure(layout="constrained", **kwargs)


def _save(figure: "Figure", path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path


def draw_histograms(ax: Any, edges: Sequence[float], rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw distributions of scores.

    :param ax: where to draw
    :param edges: the edges of the bins
    :param rows: for each line: its name and counts, cf. :func:`pykeen_dhns.inspection.make_histograms`
    """
    centers = [(left + right) / 2 for left, right in itertools.pairwise(edges)]
    for row in rows:
        total = sum(row["counts"])
        ax.plot(centers, [count / total for count in row["counts"]], label=row["name"])
    ax.set(xlabel="score", ylabel="share")
    ax.legend()


def plot_histograms(edges: Sequence[float], rows: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Plot distributions of scores.

    :param edges: the edges of the bins
    :param rows: for each line: its name and counts
    :param path: the file to write

    :returns: the file
    """
    figure = _make_figure(figsize=(8, 4))
    ax = figure.subplots()
    draw_histograms(ax, edges, rows)
    ax.set(title="What the model thinks: right is more plausible")
    return _save(figure, path)


def plot_projections(projections: Sequence[Projection], path: Path) -> Path:
    """Plot projections: a row for each modality, a column for each level.

    :param projections: the projections
    :param path: the file to write

    :returns: the file
    """
    num_columns = max(len(projection.panels) for projection in projections)
    figure = _make_figure(figsize=(3.6 * num_columns, 0.6 + 3.4 * len(projections)))
    axes = figure.subplots(nrows=len(projections), ncols=num_columns, squeeze=False, sharex="row", sharey="row")
    for row, projection in zip(axes, projections, strict=True):
        for ax, panel in zip(row, projection.panels, strict=True):
            ax.scatter(*projection.uniform.T, s=10, color="0.75", label="uniform")
            ax.scatter(*projection.true.T, s=22, color="C0", label=f"true {projection.target}s")
            ax.scatter(*panel.generated.T, s=10, color="C1", marker="x", linewidth=0.8, label="generated")
            if len(panel.chosen):
                ax.scatter(*panel.chosen.T, s=14, facecolors="none", edgecolors="C3", label="becomes a negative")
            ax.set_title(f"{projection.modality}, {panel.level}", fontsize="medium")
            ax.tick_params(labelsize="small")
        shares = [*projection.explained, 0.0][:2]
        row[0].set_ylabel(f"second component ({shares[1]:.0%})")
        for ax in row:
            ax.set_xlabel(f"first component ({shares[0]:.0%})")
    first = projections[0]
    figure.suptitle(f"{first.target.capitalize()}s of: {first.relation}")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return _save(figure, path)


def plot_relations(relations: Sequence[RelationHardness], levels: Sequence[str], path: Path) -> Path:
    """Plot the hardness of each relation's negatives.

    :param relations: the relations
    :param levels: the names of the levels
    :param path: the file to write

    :returns: the file
    """
    figure = _make_figure(figsize=(8, 1.5 + 0.3 * len(relations)))
    ax = figure.subplots()
    positions = range(len(relations))
    ax.axvline(0, color="0.75", linewidth=1, label="uniform")
    ax.plot([relation.positive for relation in relations], positions, "|", color="C0", markersize=14, label="positives")
    for i, level in enumerate(levels):
        ax.plot([relation.gaps[i] for relation in relations], positions, "o", color=f"C{i + 1}", label=level)
    ax.set_yticks(positions, [f"{relation.label} ({relation.num_triples})" for relation in relations], fontsize="small")
    ax.invert_yaxis()
    ax.set(xlabel="mean score, in standard deviations above uniform negatives")
    figure.legend(loc="outside lower center", ncols=3, fontsize="small")
    return _save(figure, path)
