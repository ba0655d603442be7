"""Test that pages show what the results give."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pykeen_dhns.comparison.store import load_results

from ..helpers.comparisons import CONTENT, load, make, save_fake
from ..test_documentation import load_benchmark

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
PAGE = "# Title\n\n<!-- compare:tiny:trials -->\nold\n<!-- /compare:tiny:trials -->\n\nText\n"


@pytest.fixture(name="report")
def _report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the script."""
    return load_benchmark("report", monkeypatch)


@pytest.fixture(name="results")
def _results(tmp_path: Path) -> Path:
    """Make a folder with the file, and the results, of a comparison."""
    (tmp_path / "tiny.json").write_text(json.dumps(CONTENT), encoding="utf8")
    comparison = make()
    for cell in comparison.cells:
        first, second = comparison.trials(cell)
        save_fake(tmp_path / "results" / "tiny", first, validation=0.1)
        for run in (second, *comparison.finals(second)):
            save_fake(tmp_path / "results" / "tiny", run, validation=0.2 + 0.1 * run.seed)
    return tmp_path


@pytest.mark.parametrize(
    "page",
    # most tables are on this page
    [pytest.param(page, id=page.name, marks=[pytest.mark.slow] * (page.name == "results.md")) for page in PAGES],
)
def test_pages(page: Path, report: ModuleType) -> None:
    """Each table of README and docs is what the files in benchmarks/results give."""
    for name, content in report.find_blocks(page.read_text(encoding="utf8")):
        assert content == report.make_table(name) + "\n", f"run: benchmarks/report.py --update {page.name}"


def test_blocks(report: ModuleType) -> None:
    """Only what is between the markers is replaced, also if there is nothing, and with backslashes as they are."""
    page = PAGE + PAGE.replace("old\n", "").replace("compare:tiny:trials", "speed")
    assert report.find_blocks(page) == [("compare:tiny:trials", "old\n"), ("speed", "")]
    result = report.replace_blocks(page, lambda name: rf"{name} \* \1")
    assert report.find_blocks(result) == [
        ("compare:tiny:trials", "compare:tiny:trials \\* \\1\n"),
        ("speed", "speed \\* \\1\n"),
    ]
    assert report.replace_blocks(result, lambda _: "old") == PAGE + PAGE.replace("compare:tiny:trials", "speed")
    assert report.find_blocks("<!-- something else -->") == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<!-- /compare:tiny:trials -->", ""),
        ("/compare:tiny:trials", "/compare:tiny:cost"),
        ("<!-- compare:tiny:trials -->\n", ""),
        ("old\n", "<!-- speed -->\n"),
        ("<!-- compare", "Text <!-- compare"),
    ],
)
def test_unpaired(before: str, after: str, report: ModuleType) -> None:
    """Markers without a counterpart would silently be no block."""
    with pytest.raises(ValueError, match="Markers come in pairs"):
        report.replace_blocks(PAGE.replace(before, after), lambda _: "")


def test_make_table(report: ModuleType, results: Path) -> None:
    """A table needs a comparison, and a kind, that exist."""
    table = report.make_table("compare:tiny:trials", results / "results", results)
    assert table.count("\n| basic ") == table.count("\n| dhns ") == 2
    with pytest.raises(ValueError, match=r"There is no table 'speed' of tiny\. Allowed: mrr, quality, "):
        report.make_table("compare:tiny:speed", results / "results", results)
    with pytest.raises(ValueError, match=r"There is no other\. In .* are: .*tiny"):
        report.make_table("compare:other:trials", results / "results", results)


def test_script(
    report: ModuleType, results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The script prints tables, draws plots, and updates pages."""
    page = results / "page.md"
    page.write_text(PAGE, encoding="utf8")
    monkeypatch.setattr(report, "find_config", lambda path, *_: results / f"{path.stem}.json")
    arguments = [str(results / "tiny.json"), "--output", str(results / "results"), "--tables", "quality", "cost"]
    arguments += ["--plots", str(results / "plots"), "--update", str(page)]
    monkeypatch.setattr(sys, "argv", ["report.py", *arguments])
    report.main()
    output = capsys.readouterr().out
    assert re.findall("^#.*", output, flags=re.MULTILINE) == ["# Tiny", "## quality", "## cost"]
    ((_, content),) = report.find_blocks(page.read_text(encoding="utf8"))
    assert content == report.make_table("compare:tiny:trials", results / "results", results) + "\n"
    names = {path.name for path in (results / "plots").iterdir()}
    assert names == {"tiny-curves.png", "tiny-bars.png", "scale.png"}
    assert all(path.stat().st_size > 5_000 for path in (results / "plots").iterdir())


def test_no_results(
    report: ModuleType, results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page keeps its tables if there are no results for them."""
    page, text = results / "page.md", PAGE.replace("tiny", "rotate")
    page.write_text(text, encoding="utf8")
    monkeypatch.setattr(sys, "argv", ["report.py", "--output", str(results / "other"), "--update", str(page)])
    with pytest.raises(SystemExit):
        report.main()
    assert re.search(r"There are no results of rotate in .*other", capsys.readouterr().err)
    assert page.read_text(encoding="utf8") == text


def test_seeds(
    report: ModuleType, results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table can be made of other seeds than those of the file."""
    arguments = [str(results / "tiny.json"), "--output", str(results / "results"), "--tables", "validation"]
    monkeypatch.setattr(sys, "argv", ["report.py", *arguments, "--seeds", "1"])
    report.main()
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if "lr=" in line]
    assert [row[4].strip() for row in rows] == ["1", "1"]


def test_pack(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All results of a comparison go into one file, which is the same each time, and new ones are added to it."""
    pack, folder = load_benchmark("pack", monkeypatch).pack, results / "results" / "tiny"
    before = load_results(folder)
    path = pack(folder)
    content = path.read_bytes()
    assert list(folder.iterdir()) == [path]
    assert load_results(folder) == before
    assert pack(folder).read_bytes() == content
    save_fake(folder, make(seeds=[0, 7]).finals(make().trials(make().cells[0])[0])[0])
    pack(folder)
    assert list(folder.iterdir()) == [path]
    assert len(load_results(folder)) == len(before) + 1


@pytest.mark.parametrize("name", ["tiny", "tiny.json"])
def test_find_config(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file, or the name of one, and nothing else."""
    find_config = load_benchmark("compare", monkeypatch).find_config
    (tmp_path / "tiny.json").write_text("{}", encoding="utf8")
    monkeypatch.chdir(tmp_path)
    assert find_config(Path("tiny"), tmp_path) == tmp_path / "tiny.json"
    assert find_config(tmp_path / "tiny.json") == tmp_path / "tiny.json"
    with pytest.raises(ValueError, match=r"There is no .*folder/tiny"):
        find_config(Path("folder") / name, tmp_path)
    with pytest.raises(ValueError, match=r"There is no .*folder/tiny"):
        find_config(tmp_path / "folder" / name, tmp_path)


def test_mean_curve(monkeypatch: pytest.MonkeyPatch, results: Path) -> None:
    """Curves are averaged over seeds."""
    plots = load_benchmark("plots", monkeypatch)
    curve = plots.mean_curve(load(make(), results / "results" / "tiny"), make().cells[0])
    assert curve["seconds"].tolist() == [10.0, 20.0]
    assert curve.loc[10, ["mean", "low", "high"]].tolist() == pytest.approx([35, 30, 40])


def test_null_rates(monkeypatch: pytest.MonkeyPatch, results: Path) -> None:
    """Effects of seeds are found, and standard deviations of two seeds mark far more of them than the test does."""
    module = load_benchmark("null_rates", monkeypatch)
    for name in ("tiny", "copy"):
        # some runs are part of several comparisons
        for cell in make().cells:
            for run in make().finals(make().trials(cell)[1]):
                save_fake(results / "results" / name, run, test=0.5 + 0.1 * run.seed)
    monkeypatch.setattr(module, "COMPARISONS", results / "results")
    effects = module.find_effects()
    # the others have a single seed
    assert len(effects) == 6
    assert np.abs(effects).max() > 0.9
    normal = np.random.default_rng(0).normal(size=10_000)
    deviations, test = module.draw_tables(normal, num_seeds=2, num_rows=5, num_tables=300, seed=0)
    assert deviations["marked"] == pytest.approx(0.215, abs=0.03)
    assert test["any"] < 0.09
    assert test["marked"] < 0.03
