"""Test what a person gets to see."""

import csv
import dataclasses
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from pykeen_dhns.inspection import Inspection, InspectionSettings
from pykeen_dhns.inspection.inspection import inspect_source
from pykeen_dhns.inspection.scores import make_histograms

from .runs import Planted


@pytest.fixture(name="inspection", scope="module")
def _inspection() -> Inspection:
    """Inspect."""
    return inspect_source(Planted(), InspectionSettings(num_relations=10))


def test_markdown(inspection: Inspection) -> None:
    """The report has what was found."""
    report = inspection.to_markdown()
    assert re.findall("^#.*", report, flags=re.MULTILINE)[0] == "# What a planted generator makes for TransE"
    assert report.count("\n### ") == len(inspection.examples) == 4
    example = inspection.examples[0]
    assert f"### {example.head} — {example.relation} — **{example.tail}**" in report
    assert "| t = 1 of 10 | good | 1 | **" in report
    assert "| t = 1 of 10 | good | 1 of 14 |" in report
    rows = {row["name"]: row for row in inspection.scores.rows()}
    assert f"| uniform | {rows['uniform']['mean']:.3f} |" in report
    assert report.count("\n| ") > 30
    # plots are not there unless they are saved
    assert "![" not in report


def test_files(inspection: Inspection, tmp_path: Path) -> None:
    """Report, relations, and plots are saved, and the report shows the plots."""
    files = inspection.save(tmp_path / "new" / "folder")
    names = ["report.md", "relations.tsv", "scores.png", "projection.png", "relations.png"]
    assert [path.name for path in files] == names
    report = files[0].read_text(encoding="utf8")
    assert re.findall(r"!\[.*\]\((.*)\)", report) == ["scores.png", "relations.png", "projection.png"]
    assert "45 rarer relations are in relations.tsv" in report
    for path in files[2:]:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 10_000
    with files[1].open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file, dialect="excel-tab"))
    assert len(rows) == len(inspection.relations) == 55
    assert rows[0]["relation"] == inspection.relations[0].label
    assert float(rows[0]["t = 1 of 10"]) == inspection.relations[0].gaps[0]
    assert float(rows[0]["above the positive, t = 1 of 10"]) == 1.0


def test_without_matplotlib(inspection: Inspection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib, the error says what to install, and what works without it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'pykeen-dhns\[examples\]'.*--no-plots, or plots=False"):
        inspection.save(tmp_path / "with")
    assert not (tmp_path / "with").exists()
    assert [path.name for path in inspection.save(tmp_path, plots=False)] == ["report.md", "relations.tsv"]
    assert "![" not in (tmp_path / "report.md").read_text(encoding="utf8")


@pytest.mark.parametrize(
    ("shifts", "remark"),
    [
        ([5.0, 0.0, -5.0], "The hardest level scores above the positives"),
        ([-0.1, -0.1, -0.1], "All levels score alike"),
        ([-9.0, -0.1, -0.2], "The levels are out of order"),
        ([-90.0, -91.0, -92.0], "Nothing that is generated is harder than uniform negatives"),
        ([-0.1, -1.0, -2.0], None),
    ],
)
def test_remarks(inspection: Inspection, shifts: list[float], remark: str | None) -> None:
    """The report says what is odd, and nothing where all is well."""
    scores = inspection.scores
    generated = scores.positive.view(1, -1, 1) + torch.as_tensor(shifts).view(-1, 1, 1)
    changed = dataclasses.replace(inspection, scores=dataclasses.replace(scores, generated=generated))
    section = changed.to_markdown().partition("## What the model thinks of it")[2].partition("## Hardness")[0]
    prose = [line for line in section.splitlines() if line and not line.startswith("|")][1:]
    if remark is None:
        assert prose == []
    else:
        assert any(line.startswith(remark) for line in prose)


def test_remark_on_modality(inspection: Inspection) -> None:
    """The report says if a modality cannot make hard negatives, and which one."""
    assert "score below uniform ones" not in inspection.to_markdown()
    true = inspection.scores.true_by_modality - torch.as_tensor([0.0, 50.0]).view(-1, 1, 1)
    changed = dataclasses.replace(inspection, scores=dataclasses.replace(inspection.scores, true_by_modality=true))
    assert changed.to_markdown().count("True entities, by their modality useless alone, score below uniform ones") == 1
    assert "modality good alone" not in changed.to_markdown()


@pytest.mark.parametrize("dtype", [torch.half, torch.double])
def test_histograms_of_other_types(inspection: Inspection, dtype: torch.dtype) -> None:
    """Scores of models in half or double precision are counted, too."""
    scores = inspection.scores
    other = dataclasses.replace(
        scores,
        positive=scores.positive.to(dtype),
        uniform=scores.uniform.to(dtype),
        generated=scores.generated.to(dtype),
    )
    edges, rows = make_histograms(other)
    expected_edges, expected_rows = make_histograms(scores)
    assert edges == pytest.approx(expected_edges)
    assert [sum(row["counts"]) for row in rows] == [sum(row["counts"]) for row in expected_rows]


def test_labels_with_pipes(inspection: Inspection, tmp_path: Path) -> None:
    """Labels with characters that tables are made of do not break tables."""
    odd: Any = dataclasses.replace(inspection.relations[0], label='a|b\t"c"')
    changed = dataclasses.replace(inspection, relations=[odd])
    assert 'a\\|b\t"c"' in changed.to_markdown()
    changed.save(tmp_path, plots=False)
    with (tmp_path / "relations.tsv").open(encoding="utf8", newline="") as file:
        (row,) = csv.DictReader(file, dialect="excel-tab")
    assert row["relation"] == 'a|b\t"c"'
