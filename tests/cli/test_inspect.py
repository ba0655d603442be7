"""Test the command that looks at negatives."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from .running import fail, invoke, run


@pytest.fixture(name="finished", scope="module")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train."""
    folder = tmp_path_factory.mktemp("run") / "output"
    arguments: dict[str, Any] = dict(
        dataset="nations",
        model="RotatE",
        model_kwargs=dict(embedding_dim=4),
        training_loop="dhns",
        training_kwargs=dict(num_epochs=2, batch_size=512),
        random_seed=0,
        device="cpu",
        use_tqdm=False,
    )
    file = folder.with_name("experiment.json")
    file.write_text(json.dumps(dict(pipeline=arguments)), encoding="utf8")
    # more than one thread per process only slows such small tensors down
    torch.set_num_threads(1)
    run("train", file, "--output", folder)
    return folder


def test_report(finished: Path) -> None:
    """The report is printed, and saved with its plots."""
    result = invoke("inspect", finished)
    assert result.exit_code == 0, result.output
    titles = re.findall("^## (.*)", result.stdout, flags=re.MULTILINE)
    assert titles == [
        "Nearest entities",
        "Ranks of the missing entities",
        "Scores",
        "Hardness by relation",
    ]
    folder = finished / "inspection"
    names = {"report.md", "relations.tsv", "scores.png", "projection.png"}
    assert {path.name for path in folder.iterdir()} == names
    assert all(str(folder / name) in result.stderr for name in names)
    saved = (folder / "report.md").read_text(encoding="utf8")
    # the printed report is the saved one without plots
    shown, number = re.subn(r"!\[.*\]\(.*\)", "", saved.partition("## Projection")[0])
    assert number == 1
    assert shown.split() == result.stdout.split()


def test_options(finished: Path, tmp_path: Path) -> None:
    """Every option has its effect."""
    options: list[Any] = [
        "--output",
        tmp_path,
        "--no-plots",
        "--num-neighbors",
        2,
        "--target",
        "head",
    ]
    options += ["--example", "brazil", "treaties", "usa", "--example", "usa", "embassy", "uk", "--num-relations", 3]
    report = run("inspect", finished, *options, "--max-triples", 100, "--seed", 1)
    assert {path.name for path in tmp_path.iterdir()} == {"report.md", "relations.tsv"}
    assert re.findall("^### (.*)", report, flags=re.MULTILINE) == [
        "**brazil** — treaties — usa",
        "**usa** — embassy — uk",
    ]
    row = re.search(r"^\| t = 2 of 50 +\| structural +\| +\d+ \| (.*) +\|$", report, flags=re.MULTILINE)
    assert row is not None
    assert row.group(1).count("(") == 2
    assert "scores of 100 training triples" in report
    assert report.rpartition("## Hardness by relation")[2].count("\n| ") == 1 + 3
    assert run("inspect", finished, *options, "--max-triples", 100, "--seed", 2) != report
    relation = run(
        "inspect", finished, "--output", tmp_path, "--no-plots", "--relation", "embassy", "--num-examples", 2
    )
    assert len(re.findall(r"^### \w+ — embassy — ", relation, flags=re.MULTILINE)) == 2


def test_unwritable(finished: Path, tmp_path: Path) -> None:
    """If the report cannot be saved, it is shown nevertheless, and the error says why."""
    (tmp_path / "file").touch()
    result = invoke("inspect", finished, "--no-plots", "--max-triples", 10, "--output", tmp_path / "file" / "below")
    assert result.exit_code == 1
    assert "## Hardness by relation" in result.stdout
    assert "Not a directory" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--relation", "likes"), "There is no relation 'likes'. The training triples have 55"),
        (("--example", "narnia", "treaties", "usa"), "There is no entity 'narnia'. The training triples have 14"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], message: str, finished: Path) -> None:
    """What is wrong is named, and what is allowed."""
    assert message in fail("inspect", finished, *arguments)


def test_no_run(tmp_path: Path) -> None:
    """A folder without a run is an error that says what is missing."""
    assert "There is no" in fail("inspect", tmp_path)


def test_without_matplotlib(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib, there is the report, and a warning that says what is missing."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.warns(UserWarning, match=r"There are no plots.*pip install 'pykeen-dhns\[examples\]'"):
        run("inspect", finished, "--output", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"report.md", "relations.tsv"}
