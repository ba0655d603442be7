"""Test that examples and benchmarks run, in a short form."""

import json
import sys
from pathlib import Path

import pytest

from .helpers import fresh

ROOT = Path(__file__).parents[1]
SHORT = ("--graph", "nations", "--epochs", "1")


def run(script: str, *arguments: str, cwd: Path) -> str:
    """Run a script, and return what it prints."""
    result = fresh.run_script(ROOT / script, *arguments, cwd=cwd)
    assert result.returncode == 0, result.stderr
    return result.stdout


def first_column(table: str) -> list[str]:
    """Return the first column of a Markdown table, without its title."""
    return [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][1:]


@pytest.mark.slow
def test_quickstart(tmp_path: Path) -> None:
    """The example prints a row for each kind of negatives, and draws two pictures."""
    output = run("examples/quickstart.py", "--epochs", "2", cwd=tmp_path)
    rows = [line for line in output.splitlines() if line.startswith(("bernoulli", "dhns"))]
    assert [row[:25].strip() for row in rows] == ["bernoulli, 32", "dhns on bernoulli, 32", "dhns, 100 shared"]
    assert all(0 < float(value) <= 100 for row in rows for value in row[25:].split()[:3])
    assert "With dhns, 100 shared: MRR " in output
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("curves.png", "negatives.png"))


@pytest.mark.slow
def test_hardness(tmp_path: Path) -> None:
    """The benchmark has a row for each sampler and level, saves them, and draws them."""
    output = run("benchmarks/hardness.py", *SHORT, "--output", str(tmp_path), cwd=tmp_path)
    assert sum(name.startswith("dhns, t = ") for name in first_column(output)) == 4
    assert {path.name for path in tmp_path.iterdir()} == {"nations.json", "nations.png"}


@pytest.mark.slow
def test_levels(tmp_path: Path) -> None:
    """The script draws scores, a projection, and the negatives of a triple."""
    arguments = ("--dataset", "nations", "--epochs", "2", "--embedding-dim", "4", "--output", "pictures")
    output = run("benchmarks/levels.py", *arguments, cwd=tmp_path)
    assert "t = 25 of 50" in output
    names = {path.name for path in (tmp_path / "pictures").iterdir() if path.stat().st_size > 10_000}
    assert names == {"scores.png", "projection.png", "negatives.png"}


@pytest.mark.slow
def test_speed(tmp_path: Path) -> None:
    """The benchmark compares with PyKEEN's sampler."""
    for part, arms in (("sampler", ("basic", "dhns")), ("loop", ("PyKEEN's loop, basic", "our loop"))):
        arguments = ("--part", part, "--rounds", "1", "--steps", "2", "--arms", *arms, "--output", str(tmp_path))
        output = run("benchmarks/speed.py", "--graph", "nations", *arguments, cwd=tmp_path)
        assert first_column(output) == list(arms)


@pytest.mark.slow
def test_speed_step(tmp_path: Path) -> None:
    """The benchmark of a step has a row for each arm."""
    arguments = ("--graph", "umls", "--rounds", "1", "--batch-size", "64", "--num-negs", "4", "--models", "DistMult")
    output = run("benchmarks/speed_step.py", *arguments, "--output", str(tmp_path), cwd=tmp_path)
    assert first_column(output) == ["DistMult"] * 4
    assert json.loads((tmp_path / "umls.json").read_text(encoding="utf8"))["rows"]


@pytest.mark.slow
def test_speed_hubs(tmp_path: Path) -> None:
    """The benchmark of graphs with a hub has a row for each graph."""
    arguments = ("--entities", "100", "1000", "--shares", "1", "--batches", "2", "--output", str(tmp_path / "x.json"))
    output = run("benchmarks/speed_hubs.py", *arguments, cwd=tmp_path)
    assert first_column(output) == ["100", "1,000"]


@pytest.mark.slow
def test_speed_shared(tmp_path: Path) -> None:
    """The benchmark of shared negatives has a row for each arm, whatever the batches of its loop are."""
    arms = ("ComplEx, PyKEEN's LCWA loop, cross-entropy, inverse triples", "ComplEx, 1,024 shared, softmax")
    sizes = ("--entities", "100", "--relations", "5", "--triples", "500", "--batch-size", "32", "--embedding-dim", "8")
    arguments = ("--steps", "2", "--rounds", "1", "--arms", *arms, "--output", str(tmp_path / "x.json"))
    output = run("benchmarks/speed_shared.py", *sizes, *arguments, cwd=tmp_path)
    assert first_column(output) == list(arms)
    assert all(len(row["steps"]) == 2 for row in json.loads((tmp_path / "x.json").read_text(encoding="utf8"))["rows"])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory by files of Linux")
def test_scale(tmp_path: Path) -> None:
    """The benchmark of large graphs has a row for each arm and size."""
    arms = ("sampler `dhns`", "shared negatives, Adagrad, sparse gradients")
    sizes = ("--entities", "100", "300", "--relations", "5", "--batch-size", "32", "--batches", "4")
    output = run("benchmarks/scale.py", *sizes, "--arms", *arms, "--output", str(tmp_path / "x.json"), cwd=tmp_path)
    assert first_column(output) == [arm for arm in arms for _ in range(2)]


@pytest.mark.slow
def test_speed_lightning(tmp_path: Path) -> None:
    """The benchmark compares two processes with one, and says on how many cores."""
    arms = ("one process, one thread", "two processes, one thread each")
    arguments = ("--rounds", "1", "--embedding-dim", "8", "--arms", *arms, "--output", str(tmp_path))
    output = run("benchmarks/speed_lightning.py", *SHORT, *arguments, cwd=tmp_path)
    assert first_column(output) == list(arms)
    result = json.loads((tmp_path / "nations.json").read_text(encoding="utf8"))
    assert result["configuration"]["cores"] >= 1
    assert [row["processes"] for row in result["rows"]] == [1, 2]


@pytest.mark.slow
def test_speed_profile(tmp_path: Path) -> None:
    """The profile names operations."""
    output = run("benchmarks/speed_profile.py", "--graph", "nations", "--output", str(tmp_path), cwd=tmp_path)
    names = first_column(output)
    assert sum(name.startswith("`aten::") for name in names) > len(names) / 2


@pytest.mark.slow
def test_import_time(tmp_path: Path) -> None:
    """The benchmark compares the import with and without this package."""
    output = run("benchmarks/import_time.py", "--rounds", "1", "--output", str(tmp_path / "x.json"), cwd=tmp_path)
    assert first_column(output) == ["not installed", "installed"]
