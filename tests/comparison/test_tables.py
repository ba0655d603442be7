"""Test tables, on results that are known."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pykeen_dhns.comparison import Comparison
from pykeen_dhns.comparison.store import save_result
from pykeen_dhns.comparison.tables import TABLES

from ..helpers.comparisons import MACHINE, find_cell, load, make, save_fake

AXES = {
    "dataset": {"Nations": {"dataset": "nations"}, "UMLS": {"dataset": "umls"}},
    "sampler": {name: {"negative_sampler": name} for name in ("basic", "noise", "dhns", "other")},
}


def make_table(kind: str, comparison: Comparison, folder: Path) -> str:
    """Make a table."""
    return TABLES[kind](load(comparison, folder))


def fill(comparison: Comparison, folder: Path, name: str, tests: list[float], **kwargs: Any) -> None:
    """Save trials, of which the second is the best, and as many seeds of it as there are test MRRs."""
    first, best = comparison.trials(find_cell(comparison, name))
    save_fake(folder, first, validation=0.1, test=0.99)
    save_fake(folder, best, validation=0.9, test=0.99)
    for run, test in zip(comparison.finals(best), tests, strict=False):
        save_fake(folder, run, **{"test": test, "validation": test + 0.1, **kwargs})


@pytest.fixture(name="comparison")
def _comparison(tmp_path: Path) -> Comparison:
    """Make a comparison with results, over three seeds on Nations, and two on UMLS."""
    comparison = make(axes=AXES, seeds=[0, 1, 2, 3])
    fill(comparison, tmp_path, "Nations, basic", [0.50, 0.52, 0.54], seconds=2.0, memory=200.0)
    fill(comparison, tmp_path, "Nations, noise", [0.53, 0.53, 0.53], seconds=3.0, memory=100.0, epoch=20)
    fill(comparison, tmp_path, "Nations, dhns", [0.701, 0.72, 0.739])
    fill(comparison, tmp_path, "UMLS, basic", [0.4, 0.41])
    fill(comparison, tmp_path, "UMLS, noise", [0.3001, 0.31])
    fill(comparison, tmp_path, "UMLS, dhns", [0.9])
    save_fake(tmp_path, comparison.trials(find_cell(comparison, "Nations, other"))[0], validation=0.3)
    return comparison


def body(table: str) -> list[list[str]]:
    """Return the cells of a table, the header first, without its note."""
    lines = table.partition("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if not line.startswith("|:-")]
    assert len({len(row) for row in rows}) == 1
    assert lines[1].count("|") == len(rows[0]) + 1
    return rows


def test_quality(comparison: Comparison, tmp_path: Path) -> None:
    """A row for each sampler, a block for each dataset: means, the best in bold, marks, and missing seeds."""
    text = make_table("quality", comparison, tmp_path)
    header, *rows = body(text)
    metrics = ("MRR", "H@1", "H@3", "H@10")
    assert header == ["sampler", *(f"{name} {metric}" for name in ("Nations", "UMLS") for metric in metrics)]
    assert [row[0] for row in rows] == ["basic", "noise", "dhns"]
    # the noise is better on average, but not significantly
    assert [row[1] for row in rows] == ["52.0 ± 2.0", "53.0 ± 0.0", "**72.0 ± 1.9** \\*"]
    assert [row[2] for row in rows] == ["26.0 ± 1.0", "26.5 ± 0.0", "**36.0 ± 1.0**"]
    assert [row[4] for row in rows] == ["**100.0 ± 0.0**"] * 3
    # a single seed is neither marked, nor the best
    assert [row[5] for row in rows] == [
        "**40.5 ± 0.7** (2 seeds)",
        "30.5 ± 0.7 ↓ (2 seeds)",
        "90.0 (1 seed)",
    ]
    note = text.partition("\n\n")[2]
    assert "over 3 seeds, unless it says otherwise" in note
    assert "Bold: the highest mean" in note
    assert "better than basic" in note
    assert "paired by seed" in note
    assert "Holm's correction for the 3 rows that can be tested" in note


@pytest.mark.parametrize(
    ("num_seeds", "expected"), [(1, "One seed, so nothing"), (2, "over 2 seeds."), (3, "over 3 s")]
)
def test_number_of_seeds(num_seeds: int, expected: str, tmp_path: Path) -> None:
    """The note has the number of seeds that there are, not of those that the file names. One seed has no marks."""
    comparison = make(seeds=[0, 1, 2, 3])
    for name, tests in (("basic", [0.5, 0.52, 0.54]), ("dhns", [0.7, 0.721, 0.739])):
        fill(comparison, tmp_path, name, tests[:num_seeds])
    text = make_table("quality", comparison, tmp_path)
    assert expected in text
    assert ("**" in text) == ("\\*" in text) == (num_seeds > 1)
    assert "seed)" not in text


def test_published(comparison: Comparison, tmp_path: Path) -> None:
    """Published figures have columns of their own, where there are any."""
    published = {"UMLS, dhns": {"mrr": 41.25}}
    comparison = dataclasses.replace(comparison, published=published)
    header, *rows = body(make_table("quality", comparison, tmp_path))
    assert header[-1] == "UMLS MRR, published"
    assert not [title for title in header if "Nations" in title and "published" in title]
    assert [row[-1] for row in rows] == ["", "", "41.2"]


def test_single_axis(tmp_path: Path) -> None:
    """With one axis, its values are the rows, and there are no blocks. Without a baseline, there are no marks."""
    comparison = make(baseline={})
    for name in ("basic", "dhns"):
        fill(comparison, tmp_path, name, [0.5, 0.75])
    text = make_table("quality", comparison, tmp_path)
    header, *rows = body(text)
    assert header == ["sampler", "MRR", "H@1", "H@3", "H@10"]
    assert [row[:2] for row in rows] == [["basic", "**62.5 ± 17.7**"], ["dhns", "**62.5 ± 17.7**"]]
    assert "better" not in text


def test_best_of_each(tmp_path: Path) -> None:
    """What is in bold is the best of those that have the same baseline, whatever the axes are called."""
    axes: dict[str, Any] = {
        "model": {"a": {"model": "a"}, "b": {"model": "b"}},
        "dataset": {"x": {"dataset": "x"}, "y": {"dataset": "y"}},
        "sampler": {"basic": {}, "dhns": {"negative_sampler": "dhns"}},
    }
    comparison = make(axes=axes, search=[])
    for number, cell in enumerate(comparison.cells):
        for run in comparison.finals(comparison.trials(cell)[0]):
            save_fake(tmp_path, run, test=0.1 * (number + 1))
    header, *rows = body(make_table("mrr", comparison, tmp_path))
    assert header == ["dataset", "sampler", "a MRR", "b MRR"]
    assert [["**" in text for text in row[2:]] for row in rows] == [[False, False], [True, True]] * 2


def test_order(tmp_path: Path) -> None:
    """Rows are in the order of the file, also if the first block does not have all of them."""
    comparison = make(axes=AXES, search=[])
    for name in ("Nations, dhns", "Nations, basic", "UMLS, noise"):
        save_fake(tmp_path, comparison.trials(find_cell(comparison, name))[0])
    _, *rows = body(make_table("quality", comparison, tmp_path))
    assert [row[0] for row in rows] == ["basic", "noise", "dhns"]


def test_unequal_trials(tmp_path: Path) -> None:
    """Below the table, it is said if some had more trials."""
    comparison = make(search=[{"when": {"sampler": "dhns"}, "space": {"optimizer_kwargs.lr": [0.01, 0.1]}}])
    save_fake(tmp_path, comparison.trials(comparison.cells[0])[0])
    text = make_table("quality", comparison, tmp_path)
    assert "Not a fair comparison: basic has 1 trials, dhns has 2" in text


def test_diverged(tmp_path: Path) -> None:
    """A trial that has diverged is in the table of trials, and is not selected."""
    comparison = make(baseline={})
    first, second = comparison.trials(comparison.cells[0])
    save_result(tmp_path, {**first.to_dict(), "diverged": "NaN"})
    for run in (second, *comparison.finals(second)):
        save_fake(tmp_path, run, validation=0.2)
    _, *rows = body(make_table("trials", comparison, tmp_path))
    assert [row[2:] for row in rows] == [["diverged", "", ""], ["20.0", "10", "yes"]]
    assert len(body(make_table("quality", comparison, tmp_path))) == 2


def test_significance(comparison: Comparison, tmp_path: Path) -> None:
    """Differences to the baseline are tested over the seeds that both have. The baseline has none."""
    text = make_table("significance", comparison, tmp_path)
    header, *rows = body(text)
    assert header[2:] == ["baseline", "difference of test MRR", "p", "p, corrected", "seeds"]
    assert [row[:3] for row in rows] == [
        [d, s, "basic"] for d, s in (("Nations", "noise"), ("Nations", "dhns"), ("UMLS", "noise"), ("UMLS", "dhns"))
    ]
    assert rows[0][3:] == ["+1.0", "0.48", "0.48", "3"]
    assert rows[1][3] == "+20.0"
    assert rows[1][4] == "< 0.0001"
    # the second smallest of three p-values
    assert float(rows[2][5]) == pytest.approx(2 * float(rows[2][4]), rel=0.05)
    assert rows[3][3:] == ["+49.5", "-", "-", "1 and 2"]
    assert "for the 3 rows that can be tested" in text


def test_rivals(comparison: Comparison, tmp_path: Path) -> None:
    """Rows are tested against each rival, of the same dataset; none is its own rival. All count for the correction."""
    rivals = [{"sampler": "noise"}, {"sampler": "basic"}]
    text = make_table("rivals", dataclasses.replace(comparison, rivals=rivals), tmp_path)
    _, *rows = body(text)
    assert [row[:3] for row in rows if row[2] == "noise"] == [
        [d, s, "noise"] for d, s in (("Nations", "basic"), ("Nations", "dhns"), ("UMLS", "basic"), ("UMLS", "dhns"))
    ]
    assert rows[0][3:5] == ["-1.0", "0.48"]
    # the baseline as a rival: the table of significance, but for the correction
    _, *expected = body(make_table("significance", comparison, tmp_path))
    assert [row[:5] for row in rows if row[2] == "basic"] == [row[:5] for row in expected]
    assert "for the 6 rows that can be tested" in text
    assert make_table("rivals", comparison, tmp_path) == "The file names nothing to compare with."


def test_validation(comparison: Comparison, tmp_path: Path) -> None:
    """What was selected: settings, validation MRR, number of trials and seeds, epochs."""
    header, *rows = body(make_table("validation", comparison, tmp_path))
    assert len(header) == 7
    assert rows[1] == ["Nations", "noise", "lr=0.1 (largest)", "63.0 ± 0.0", "3", "2", "20, 20, 20"]
    assert rows[2] == ["Nations", "dhns", "lr=0.1 (largest)", "82.0 ± 1.9", "3", "2", "10, 10, 10"]
    assert len(rows) == 6


@pytest.mark.parametrize(
    ("values", "best", "expected"),
    [
        ([0.1, 0.2, 0.4], 0, "lr=0.1 (smallest)"),
        ([0.2, 0.1, 0.4], 0, "lr=0.2"),
        ([0.1, 4, 0.2], 1, "lr=4 (largest)"),
        ([0.1], 0, "lr=0.1"),
        (["a", "b"], 1, "lr=b"),
        ([1.0, None], 0, "lr=1.0"),
        ([False, True], 1, "lr=True"),
        ([[0.1, 0.2], [0.3]], 1, "lr=[0.3]"),
    ],
)
def test_edges(values: list[object], best: int, expected: str, tmp_path: Path) -> None:
    """A best number at the edge of what was searched is marked, and there is a note then: a wider search is missing."""
    search = [{"space": {"optimizer_kwargs.lr": values}}]
    comparison = make(axes={"sampler": {"basic": {}}}, search=search, trials=len(values), seeds=[0, 1])
    (cell,) = comparison.cells
    for trial in comparison.trials(cell):
        is_best = trial.searched["optimizer_kwargs.lr"] == values[best]
        for run in (trial, *comparison.finals(trial)):
            save_fake(tmp_path, run, validation=0.6 if is_best else 0.5)
    text = make_table("validation", comparison, tmp_path)
    _, row = body(text)
    assert row[1] == expected
    assert ("a better one may be beyond" in text) == ("(" in expected)


def test_edges_of_trials(tmp_path: Path) -> None:
    """The edge is that of the values which were tried, where these are fewer than there are to try."""
    values = [0.2, 0.1, 0.4, 0.8]
    comparison = make(axes={"sampler": {"basic": {}}}, search=[{"space": {"optimizer_kwargs.lr": values}}], trials=2)
    trials = comparison.trials(comparison.cells[0])
    (first, second) = (trial.searched["optimizer_kwargs.lr"] for trial in trials)
    for run, validation in ((trials[0], 0.5), (trials[1], 0.6), (comparison.finals(trials[1])[0], 0.6)):
        save_fake(tmp_path, run, validation=validation)
    _, row = body(make_table("validation", comparison, tmp_path))
    assert row[1] == f"lr={second} " + ("(largest)" if second > first else "(smallest)")


def test_cost(comparison: Comparison, tmp_path: Path) -> None:
    """Times and memory, with their ratios to the baseline of the same dataset."""
    _, *rows = body(make_table("cost", comparison, tmp_path))
    constant = " ± 0"
    assert rows[0] == [
        "Nations",
        "basic",
        "2.00 ± 0.00",
        "1.00",
        "20" + constant,
        "1.00",
        "200" + constant,
        "1.00",
        "3",
    ]
    assert rows[1] == [
        "Nations",
        "noise",
        "3.00 ± 0.00",
        "1.50",
        "60" + constant,
        "3.00",
        "100" + constant,
        "0.50",
        "3",
    ]
    assert rows[3] == [
        "UMLS",
        "basic",
        *["1.00 ± 0.00", "1.00", "10" + constant, "1.00", "100" + constant, "1.00", "2"],
    ]


def test_other_machine(tmp_path: Path) -> None:
    """There are no ratios of times from different machines."""
    comparison = make(search=[])
    for cell, threads in zip(comparison.cells, (1, 2), strict=True):
        save_fake(tmp_path, comparison.trials(cell)[0], machine={**MACHINE, "threads": threads})
    _, *rows = body(make_table("cost", comparison, tmp_path))
    assert [row[2] for row in rows] == ["1.00", "-"]


def test_other_device(tmp_path: Path) -> None:
    """Where the rows ran on several devices, the last column names them."""
    comparison = make(search=[])
    for cell, device in zip(comparison.cells, ("cpu", "a GPU"), strict=True):
        save_fake(tmp_path, comparison.trials(cell)[0], machine={**MACHINE, "device": device})
    _, *rows = body(make_table("cost", comparison, tmp_path))
    assert [(row[2], row[-1]) for row in rows] == [("1.00", "cpu"), ("-", "a GPU")]


def test_trials(comparison: Comparison, tmp_path: Path) -> None:
    """All trials are there, also those that lost, and those that are not finished."""
    _, *rows = body(make_table("trials", comparison, tmp_path))
    assert len(rows) == 14
    assert rows[0] == ["Nations", "basic", "lr=0.01", "10.0", "10", ""]
    assert rows[1] == ["Nations", "basic", "lr=0.1", "90.0", "10", "yes"]
    assert rows[6:8] == [
        ["Nations", "other", "lr=0.01", "30.0", "10", ""],
        ["Nations", "other", "lr=0.1", "not finished", "", ""],
    ]
    assert "seed, 0. Results with this seed are not reported" in make_table("trials", comparison, tmp_path)


def test_ambiguous_settings(tmp_path: Path) -> None:
    """Settings have short names, unless two of them would be the same."""
    comparison = make(search=[{"space": {"a.lr": [1], "b.lr": [2], "b.dim": [3]}}], trials=1)
    save_fake(tmp_path, comparison.trials(comparison.cells[0])[0])
    assert body(make_table("trials", comparison, tmp_path))[1][1] == "a.lr=1, b.lr=2, dim=3"


@pytest.mark.parametrize("kind", TABLES)
def test_nothing(kind: str, tmp_path: Path) -> None:
    """Without results, there is no table."""
    comparison = make(rivals=[{"sampler": "basic"}])
    assert make_table(kind, comparison, tmp_path).startswith("There are no results yet.")


def test_mrr(comparison: Comparison, tmp_path: Path) -> None:
    """It is the table of quality, with one metric."""
    header, *rows = body(make_table("mrr", comparison, tmp_path))
    assert [title for title in header if "MRR" not in title] == ["sampler"]
    full_header, *full_rows = body(make_table("quality", comparison, tmp_path))
    columns = [full_header.index(title) for title in header]
    assert rows == [[row[i] for i in columns] for row in full_rows]
