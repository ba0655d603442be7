"""Test the command that compares."""

import json
from pathlib import Path
from typing import Any

import pytest

from pykeen_dhns.comparison import Run, execution
from pykeen_dhns.comparison.tables import TABLES

from .running import fail, invoke, run, sampler_of
from ..helpers.comparisons import CONTENT, load, make, run_here


@pytest.fixture(name="config")
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a comparison, and let its runs take place in this process."""
    monkeypatch.setattr(execution, "run_in_process", run_here)
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(CONTENT), encoding="utf8")
    return path


def test_compare(config: Path, tmp_path: Path) -> None:
    """All runs are done, then tables of them are printed, and a restart does nothing again."""
    results = tmp_path / "results"
    listing = run("compare", config, "--output", results, "--list")
    assert listing.splitlines() == [f"{name}: 0 of 2 trials, 0 of 2 seeds" for name in ("basic", "dhns")]
    assert not results.exists()
    result = invoke("compare", config, "--output", results, "--processes", 2, "--table", "quality", "--table", "trials")
    assert result.exit_code == 0, result.output
    comparison, folder = make(), results / "tiny"
    tables = [TABLES[name](load(comparison, folder)) for name in ("quality", "trials")]
    assert result.stdout == "\n".join(["# Tiny", *(f"\n{table}" for table in tables), ""])
    assert "basic: 2 of 2 trials, 2 of 2 seeds, best: " in result.stderr
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(times) == 8
    again = run("compare", config, "--output", results)
    assert again == f"# Tiny\n\n{tables[0]}\n"
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times


def test_samplers_are_what_they_say(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unlike PyKEEN's ablation, each cell runs the sampler that it names."""
    from pykeen_dhns.comparison import running

    samplers = []
    original = running.pipeline  # type: ignore[attr-defined]

    def spy(**kwargs: Any) -> Any:
        result = original(**kwargs)
        samplers.append(sampler_of(result))
        return result

    monkeypatch.setattr(running, "pipeline", spy)
    run("compare", config, "--output", tmp_path, "--num-seeds", 1, "--only", "dhns")
    assert [sampler.__name__ for sampler in samplers] == ["DHNSNegativeSampler"] * 3


def test_selection(config: Path, tmp_path: Path) -> None:
    """Only some cells, and only some seeds."""
    run("compare", config, "--output", tmp_path, "--only", "^basic$", "--num-seeds", 1)
    listing = run("compare", config, "--output", tmp_path, "--list").splitlines()
    assert listing[0].startswith("basic: 2 of 2 trials, 1 of 2 seeds, best: ")
    assert "value that was tried: try others beyond it." in listing[1]
    assert listing[2] == "  The best epoch is the last one, 2, with every seed: train longer."
    assert listing[3] == "dhns: 0 of 2 trials, 0 of 2 seeds"


def test_too_many_seeds(config: Path, tmp_path: Path) -> None:
    """More seeds than there are is an error, which says how many there are."""
    message = fail("compare", config, "--output", tmp_path, "--num-seeds", 9)
    assert "--num-seeds=9 is too many: 2 seeds are reported." in message


def test_seeds(config: Path, tmp_path: Path) -> None:
    """Other seeds, of what is selected with the same one, in a table of their own."""
    run("compare", config, "--output", tmp_path, "--only", "^basic$")
    files = set(tmp_path.glob("tiny/*.jsonl.gz"))
    arguments = ("compare", config, "--output", tmp_path, "--only", "^basic$", "--seed", 5, "--seed", 6)
    table = run(*arguments, "--seed", 7)
    assert sorted(path.name[:11] for path in set(tmp_path.glob("tiny/*.jsonl.gz")) - files) == [
        f"basic-seed{seed}" for seed in (5, 6, 7)
    ]
    assert "over 3 seeds" in table
    listing = invoke(*arguments, "--list").stdout
    assert listing.startswith("basic: 2 of 2 trials, 2 of 2 seeds, best: ")
    assert "belong to none" not in listing
    assert "--seed" in invoke("compare", config, "--output", tmp_path, "--seed", -1).stderr


def test_failures(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures are reported, the rest is done, and the status says that not all is well."""

    def fail_or_run(run: Run, folder: Path, processes: int) -> None:
        if str(run.cell) == "basic":
            raise RuntimeError("exit status 9\nout of memory")
        run_here(run, folder, processes)

    monkeypatch.setattr(execution, "run_in_process", fail_or_run)
    result = invoke("compare", config, "--output", tmp_path / "results")
    assert result.exit_code == 1
    assert "2 runs failed, see above. A restart tries them again." in result.stderr
    assert "basic: trials failed, or all have diverged, so nothing is selected." in result.stderr
    assert "| dhns " in result.stdout
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "nope"), "--only=nope fits to no cell. There are: basic; dhns."),
        (("--only", "("), "--only=( is no regular expression"),
        (("--table", "nope"), "Invalid value for '--table': 'nope' is not one of 'mrr', 'quality', "),
    ],
)
def test_mistakes(arguments: tuple[str, ...], message: str, config: Path, tmp_path: Path) -> None:
    """What is wrong is named, and what is allowed."""
    assert message in fail("compare", config, "--output", tmp_path, *arguments)


def test_wrong_file(config: Path, tmp_path: Path) -> None:
    """A file that is no comparison is an error with its name."""
    config.write_text("{}", encoding="utf8")
    assert f"{config}: axes must name what to compare" in fail("compare", config, "--output", tmp_path)


def test_triples_with_commas(config: Path, tmp_path: Path) -> None:
    """A file of triples in another format is shown before anything is run."""
    (tmp_path / "commas.csv").write_text("a,r,b\n", encoding="utf8")
    content = json.loads(json.dumps(CONTENT))
    content["pipeline"] |= dict.fromkeys(("training", "testing", "validation"), str(tmp_path / "commas.csv"))
    del content["pipeline"]["dataset"]
    config.write_text(json.dumps(content), encoding="utf8")
    assert "commas.csv must have head, relation, and tail in" in fail("compare", config, "--output", tmp_path)
