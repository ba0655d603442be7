"""Test the report and its files."""

import dataclasses
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

from pykeen_dhns.inspection import Inspection, inspect_source
from pykeen_dhns.inspection.plots import choose_color, choose_colors

from .runs import Planted


@pytest.fixture(name="inspection", scope="module")
def _inspection() -> Inspection:
    """Inspect."""
    return inspect_source(Planted(), num_relations=10)


def test_markdown(inspection: Inspection) -> None:
    """The report has a section for each measure, and the values in it."""
    report = re.sub(" +", " ", inspection.to_markdown())
    assert re.findall("^##? (.*)", report, flags=re.MULTILINE) == [
        "What a planted generator makes for TransE",
        "Nearest entities",
        "Ranks of the missing entities",
        "Scores",
        "Hardness by relation",
    ]
    assert report.count("\n### ") == 4
    head, relation, tail = inspection.neighbors.loc[0, ["head", "relation", "tail"]]
    assert f"### {head} — {relation} — **{tail}**" in report
    assert f"| t = 1 of 10 | good | 1 | **{tail}** (1.00), " in report
    assert re.search(r"\| t = 1 of 10 \| good \| \d+ \| 1\.0 \| \d+\.\d% \|", report)
    uniform = inspection.score_summary.set_index("triples").loc["uniform"]
    assert f"| uniform | {uniform['mean']:.3f} |" in report
    assert report.rpartition("## Hardness by relation")[2].count("\n|") == 2 + 10
    # plots are shown only if they are saved
    assert "![" not in report


def test_missing_modality() -> None:
    """A dash stands for the rank of an entity that lacks the modality."""
    source = Planted()
    report = inspect_source(source, examples=[("usa", "embassy", source.entities[source.without])]).to_markdown()
    assert re.search(r"^\| t = 1 of 10 +\| good +\| +- \|", report, flags=re.MULTILINE)


def test_files(inspection: Inspection, tmp_path: Path) -> None:
    """Report, relations, and plots are saved, and the report shows the plots."""
    report, relations, *plots = inspection.save(tmp_path / "new" / "folder")
    assert (report.name, relations.name) == ("report.md", "relations.tsv")
    names = [path.name for path in plots]
    assert names == ["scores.png", "projection.png"]
    assert re.findall(r"!\[.*\]\((.*)\)", report.read_text(encoding="utf8")) == names
    for path in plots:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 10_000
    pd.testing.assert_frame_equal(pd.read_csv(relations, sep="\t"), inspection.relations, check_dtype=False)


def test_without_matplotlib(inspection: Inspection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib, tables are saved, and a warning says what is missing, and how to get it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.warns(UserWarning, match=r"pip install 'pykeen-dhns\[examples\]'.*--no-plots, or plots=False"):
        files = inspection.save(tmp_path)
    assert [path.name for path in files] == ["report.md", "relations.tsv"]
    assert "![" not in (tmp_path / "report.md").read_text(encoding="utf8")


def test_no_plots(inspection: Inspection, tmp_path: Path) -> None:
    """Plots can be left out."""
    assert [path.name for path in inspection.save(tmp_path, plots=False)] == ["report.md", "relations.tsv"]


def test_colors() -> None:
    """What is not generated has the same color everywhere, and levels get lighter from hard to easy."""
    colors = choose_colors(["positives", "uniform", "t = 2", "t = 5", "t = 10"])
    assert colors["positives"] == colors["true"] == choose_colors(["t = 2"])["true"]
    lightness = [sum(colors[name][:3]) for name in ("t = 2", "t = 5", "t = 10")]
    assert lightness == sorted(lightness)
    assert len(set(lightness)) == 3


@pytest.mark.parametrize(
    ("label", "name"),
    [("dhns on basic", "dhns"), ("PyKEEN's loop, `basic`, Adam", "basic"), ("shared 64 + noise", "shared")],
)
def test_color_of_sampler(label: str, name: str) -> None:
    """The first name in a label counts, so that a sampler has the same color in all pictures."""
    assert choose_color(label) == choose_colors([])[name]
    assert choose_color("lcwa") == "black"


def test_odd_labels(inspection: Inspection, tmp_path: Path) -> None:
    """Labels with special characters do not break tables, and labels that are numbers stay as they are."""
    relations = inspection.relations.head(2).assign(relation=['a|b\t"c"', "007"])
    changed = dataclasses.replace(inspection, relations=relations)
    report = changed.to_markdown()
    assert 'a\\|b\t"c"' in report
    assert "\n| 007 " in report
    changed.save(tmp_path, plots=False)
    saved = pd.read_csv(tmp_path / "relations.tsv", sep="\t", dtype=str)
    assert saved["relation"].tolist() == relations["relation"].tolist()
