"""Tables of what a comparison gave, from its results alone."""

import dataclasses
import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .configuration import Cell, Comparison
from .markdown import MISSING, format_mean, format_table
from .significance import seed_test, triple_test
from .summary import Summary, baseline_cell, summarize, unequal_trials

__all__ = [
    "TABLES",
    "cost_table",
    "mrr_table",
    "quality_table",
    "rivals_table",
    "significance_table",
    "trials_table",
    "validation_table",
]

#: The metrics of the table, and their titles
TITLES = {"mrr": "MRR", "hits_at_1": "H@1", "hits_at_3": "H@3", "hits_at_10": "H@10"}
#: What counts as significant
LEVEL = 0.01
#: How numbers at the edge of what was searched are marked
EDGES = ("(smallest)", "(largest)")
#: What is said of a difference
SIGNIFICANCE = ("p", "seeds", "sum of standard deviations", "outside")


def mrr_table(comparison: Comparison, folder: Path) -> str:
    """Make a table of the test MRR only, cf. :func:`quality_table`.

    :param comparison: the comparison
    :param folder: where results are

    :returns: the table, in Markdown, with a note that says what is in it
    """
    return quality_table(comparison, folder, metrics=("mrr",))


def quality_table(comparison: Comparison, folder: Path, metrics: Sequence[str] = tuple(TITLES)) -> str:
    """Make a table of test metrics: a block of columns for each value of the first axis, a row for all others.

    :param comparison: the comparison
    :param folder: where results are
    :param metrics: the metrics

    :returns: the table, in Markdown, with a note that says what is in it
    """
    summaries = [summary for summary in summarize(comparison, folder) if summary.runs]
    blocks = _blocks(comparison, summaries)
    present = {_row(comparison, summary.cell) for summary in summaries}
    # in the order of the file, whatever the first block has
    rows = [
        row for row in itertools.product(*(comparison.axes[axis] for axis in _row_axes(comparison))) if row in present
    ]
    columns: list[tuple[str, dict[tuple[str, ...], str]]] = []
    for block in blocks:
        part = [summary for summary in summaries if _block(comparison, summary.cell) == block]
        for metric in metrics:
            texts = _quality_column(comparison, folder, part, metric)
            columns.append((f"{block} {TITLES[metric]}".strip(), texts))
        columns += _published_columns(comparison, part, block, metrics)
    table = format_table(
        [*_row_axes(comparison), *(title for title, _ in columns)],
        [[*row, *(texts.get(row, "") for _, texts in columns)] for row in rows],
        num_text=len(_row_axes(comparison)),
    )
    return f"{table}\n\n{_quality_note(comparison)}"


def _quality_column(
    comparison: Comparison, folder: Path, summaries: Sequence[Summary], metric: str
) -> dict[tuple[str, ...], str]:
    """Format a column: the best in bold, and, with the MRR, what is significant, and which seeds are missing."""
    best: dict[tuple[str, ...], float] = {}
    for summary in summaries:
        group = _comparable(comparison, summary.cell)
        best[group] = max(best.get(group, 0.0), statistics.fmean(summary.values("test", metric)))
    texts = {}
    for summary in summaries:
        text = format_mean(summary.values("test", metric), factor=100)
        mean = statistics.fmean(summary.values("test", metric))
        # what reads the same is the same
        if f"{100 * mean:.1f}" == f"{100 * best[_comparable(comparison, summary.cell)]:.1f}":
            text = f"**{text}**"
        if metric == "mrr":
            text += _mark(comparison, folder, summary.cell) + _seeds_note(comparison, summary)
        texts[_row(comparison, summary.cell)] = text
    return texts


def _comparable(comparison: Comparison, cell: Cell) -> tuple[str, ...]:
    """Get what cells that have the same baseline have in common, e.g., a dataset. Without a baseline, all are one."""
    return tuple(value for axis, value in cell.values if comparison.baseline and axis not in comparison.baseline)


def _mark(comparison: Comparison, folder: Path, cell: Cell) -> str:
    """Mark what is significant, with one star, or two, if it is also more than what seeds change."""
    over_triples, over_seeds = triple_test(comparison, folder, cell), seed_test(comparison, folder, cell)
    if over_triples is None or over_triples.p_value >= LEVEL:
        return ""
    twice = over_seeds is not None and over_seeds.is_outside
    return " " + ("\\*" if over_triples.difference > 0 else "↓") * (2 if twice else 1)


def _quality_note(comparison: Comparison) -> str:
    note = f"Test triples, in %: mean ± standard deviation over {_count(len(comparison.seeds), 'seed')}."
    if comparison.baseline:
        note += (
            f" \\*: better than {_baseline_name(comparison)}, ↓: worse (p < {LEVEL}, paired over test triples); twice: "
            "also by more than the sum of both standard deviations."
        )
    warning = unequal_trials(comparison)
    return f"{note} {warning}" if warning else note


def _published_columns(
    comparison: Comparison, summaries: Sequence[Summary], block: str, metrics: Sequence[str]
) -> list[tuple[str, dict[tuple[str, ...], str]]]:
    columns = []
    for metric in metrics:
        texts = {
            _row(comparison, summary.cell): f"{comparison.published[str(summary.cell)][metric]:.1f}"
            for summary in summaries
            if metric in comparison.published.get(str(summary.cell), {})
        }
        if texts:
            columns.append((f"{block} {TITLES[metric]}, published".strip(), texts))
    return columns


def significance_table(comparison: Comparison, folder: Path) -> str:
    """Make a table of differences to the baseline.

    :param comparison: the comparison
    :param folder: where results are

    :returns: the table, in Markdown
    """
    header = [f"test MRR - {_baseline_name(comparison)}", *SIGNIFICANCE]
    return format_table([*comparison.axes, *header], _differences(comparison, folder), num_text=len(comparison.axes))


def rivals_table(comparison: Comparison, folder: Path) -> str:
    """Make a table of differences to each of the rivals.

    :param comparison: the comparison
    :param folder: where results are

    :returns: the table, in Markdown
    """
    if not comparison.rivals:
        return "The file names no rivals."
    rows = []
    for rival in comparison.rivals:
        against = dataclasses.replace(comparison, baseline=rival)
        num_axes = len(comparison.axes)
        rows += [[*row[:num_axes], _baseline_name(against), *row[num_axes:]] for row in _differences(against, folder)]
    header = [*comparison.axes, "rival", "test MRR - rival", *SIGNIFICANCE]
    return format_table(header, rows, num_text=len(comparison.axes) + 1)


def _differences(comparison: Comparison, folder: Path) -> list[list[str]]:
    """Get a row for each cell that has a baseline: its values, and its difference to the baseline."""
    rows = []
    for summary in summarize(comparison, folder):
        test = triple_test(comparison, folder, summary.cell)
        if test is None:
            continue
        seeds = seed_test(comparison, folder, summary.cell)
        spread = (
            [MISSING, MISSING] if seeds is None else [f"{100 * seeds.spread:.1f}", "yes" if seeds.is_outside else "no"]
        )
        rows.append(
            [
                *_values(summary.cell),
                f"{100 * test.difference:+.1f}",
                f"{test.p_value:.2g}" if test.p_value >= 1e-4 else "< 0.0001",
                str(len(test.seeds)),
                *spread,
            ]
        )
    return rows


def validation_table(comparison: Comparison, folder: Path) -> str:
    """Make a table of what was selected, by its validation MRR.

    :param comparison: the comparison
    :param folder: where results are

    :returns: the table, in Markdown. Numbers at the edge of what was searched are marked.
    """
    rows = [
        [
            *_values(summary.cell),
            _settings(comparison, summary.best.searched, tried=[run.searched for run, _ in summary.trials]),
            format_mean(summary.values("validation", "mrr"), factor=100),
            str(summary.num_seeds),
            str(len(summary.trials)),
            ", ".join(f"{epoch:.0f}" for epoch in summary.values("validation", "epoch")),
        ]
        for summary in summarize(comparison, folder)
        if summary.best is not None and summary.runs
    ]
    header = [*comparison.axes, "best settings", "validation MRR [%]", "seeds", "trials", "best epochs"]
    table = format_table(header, rows, num_text=len(comparison.axes) + 1)
    if any(edge in row[len(comparison.axes)] for row in rows for edge in EDGES):
        table += f"\n\n{' or '.join(EDGES)}: of the values that were tried, so a better one may be beyond."
    return table


def cost_table(comparison: Comparison, folder: Path) -> str:
    """Make a table of time and memory, and their ratios to the baseline's.

    :param comparison: the comparison
    :param folder: where results are

    :returns: the table, in Markdown. There are no ratios where the baseline ran on another machine.
    """
    summaries = {summary.cell: summary for summary in summarize(comparison, folder) if summary.runs}
    # where there is a GPU, its memory is what is scarce
    memory = "device" if any(summary.values("peak_memory", "device") for summary in summaries.values()) else "process"
    costs = {
        "seconds per epoch": ("seconds", "epoch", 2),
        "seconds to the best validation MRR": ("seconds", "best", 0),
        "peak memory [MiB]" if memory == "process" else "peak GPU memory [MiB]": ("peak_memory", memory, 0),
    }
    rows = []
    for cell, summary in summaries.items():
        baseline_name = baseline_cell(comparison, cell)
        baseline = None if baseline_name is None else summaries.get(baseline_name)
        row = [*_values(cell)]
        for group, key, digits in costs.values():
            row.append(format_mean(summary.values(group, key), digits=digits))
            row.append(_ratio(summary, baseline, group, key))
        rows.append([*row, str(summary.num_seeds)])
    header = [text for title in costs for text in (title, "ratio")]
    return format_table([*comparison.axes, *header, "seeds"], rows, num_text=len(comparison.axes))


def _ratio(summary: Summary, baseline: Summary | None, group: str, key: str) -> str:
    if baseline is None or _machines(summary) != _machines(baseline):
        return MISSING
    values, others = summary.values(group, key), baseline.values(group, key)
    if not values or not others:
        return MISSING
    return f"{statistics.fmean(values) / statistics.fmean(others):.2f}"


def _machines(summary: Summary) -> set[tuple[tuple[str, object], ...]]:
    return {tuple(sorted(result["machine"].items())) for _, result in summary.runs}


def trials_table(comparison: Comparison, folder: Path) -> str:
    """Make a table of all trials, those that were not selected, too.

    :param comparison: the comparison
    :param folder: where results are

    :returns: the table, in Markdown, with the best trial of each cell in bold
    """
    rows = []
    for summary in summarize(comparison, folder):
        for run, result in summary.trials:
            if result is None or "diverged" in result:
                value, epoch = "not finished" if result is None else "diverged", ""
            else:
                value, epoch = f"{100 * result['validation']['mrr']:.1f}", f"{result['validation']['epoch']}"
            if run == summary.best:
                value = f"**{value}**"
            rows.append([*_values(summary.cell), _settings(comparison, run.searched), value, epoch])
    header = [*comparison.axes, "settings", "validation MRR [%]", "best epoch"]
    table = format_table(header, rows, num_text=len(comparison.axes) + 1)
    return f"{table}\n\nAll trials have one seed, {comparison.selection_seed}."


#: All tables, by the name that they have in the markers of a page
TABLES: dict[str, Callable[[Comparison, Path], str]] = {
    "mrr": mrr_table,
    "quality": quality_table,
    "significance": significance_table,
    "validation": validation_table,
    "rivals": rivals_table,
    "cost": cost_table,
    "trials": trials_table,
}


def _values(cell: Cell) -> list[str]:
    return [value for _, value in cell.values]


def _has_blocks(comparison: Comparison) -> bool:
    return len(comparison.axes) > 1


def _row_axes(comparison: Comparison) -> list[str]:
    return list(comparison.axes)[1:] if _has_blocks(comparison) else list(comparison.axes)


def _row(comparison: Comparison, cell: Cell) -> tuple[str, ...]:
    return tuple(cell[axis] for axis in _row_axes(comparison))


def _block(comparison: Comparison, cell: Cell) -> str:
    return cell[next(iter(comparison.axes))] if _has_blocks(comparison) else ""


def _blocks(comparison: Comparison, summaries: Sequence[Summary]) -> list[str]:
    return list(dict.fromkeys(_block(comparison, summary.cell) for summary in summaries))


def _baseline_name(comparison: Comparison) -> str:
    return ", ".join(comparison.baseline.values())


def _seeds_note(comparison: Comparison, summary: Summary) -> str:
    if summary.num_seeds == len(comparison.seeds):
        return ""
    return f" ({_count(summary.num_seeds, 'seed')})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _settings(
    comparison: Comparison, searched: Mapping[str, object], tried: Sequence[Mapping[str, object]] = ()
) -> str:
    """Format what was searched, by the last part of each path, where that is unique.

    :param comparison: the comparison
    :param searched: the values, by path
    :param tried: the values of all trials, by path, if those at the edge are to be marked

    :returns: the text
    """
    paths = {path for rule in comparison.search for path in rule.content}
    names = [path.rpartition(".")[2] for path in paths]
    texts = []
    for path, value in searched.items():
        name = path.rpartition(".")[2]
        text = f"{name if names.count(name) == 1 else path}={value}"
        texts.append(text + _edge(value, [other[path] for other in tried]))
    return ", ".join(texts)


def _edge(value: object, tried: Sequence[object]) -> str:
    """Say whether a number is the smallest or the largest one that was tried, if there are others."""
    numbers = [x for x in tried if isinstance(x, int | float) and not isinstance(x, bool)]
    if len(set(numbers)) < 2 or len(numbers) < len(tried):
        return ""
    smallest, largest = EDGES
    return f" {smallest}" if value == min(numbers) else f" {largest}" if value == max(numbers) else ""
