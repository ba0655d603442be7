"""Test that results on disk are whole, or not there."""

import gzip
import hashlib
from pathlib import Path

import pandas as pd
import pytest

from pykeen_dhns.comparison import Run
from pykeen_dhns.comparison.store import hash_files, load_results

from ..helpers.comparisons import CONTENT, make, save_fake


@pytest.fixture(name="runs")
def _runs() -> list[Run]:
    """Make two runs of the same cell."""
    return make().trials(make().cells[0])


def test_round_trip(runs: list[Run], tmp_path: Path) -> None:
    """Each run has a file of its own, nothing else is left, and the last result of a run counts."""
    folder = tmp_path / "new"
    assert load_results(folder) == {}
    for test in (0.1, 0.2):
        for run in runs:
            save_fake(folder, run, test=test)
    results = load_results(folder)
    assert results.keys() == {run.digest for run in runs}
    assert all(result["test"]["mrr"] == 0.2 for result in results.values())
    assert {path.name for path in folder.iterdir()} == {f"{run.key}.jsonl.gz" for run in runs}


def test_concatenated(runs: list[Run], tmp_path: Path) -> None:
    """Files can be concatenated, and pandas reads them."""
    for run in runs:
        save_fake(tmp_path, run)
    expected = load_results(tmp_path)
    files = list(tmp_path.iterdir())
    content = b"".join(path.read_bytes() for path in files)
    for path in files:
        path.unlink()
    (tmp_path / "all.jsonl.gz").write_bytes(content)
    assert load_results(tmp_path) == expected
    assert set(pd.read_json(tmp_path / "all.jsonl.gz", lines=True)["key"]) == {run.key for run in runs}


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"no archive",
        *(
            gzip.compress(text, mtime=0)
            for text in (b"{", b"1", b'{"key": "a-b"}', b'{"key": "a", "diverged": "", "seed": []}')
        ),
    ],
)
def test_damaged(content: bytes | None, runs: list[Run], tmp_path: Path) -> None:
    """A damaged file is named, with what to do, and so is one that holds something else."""
    folder = tmp_path / "tiny"
    save_fake(folder, runs[0])
    path = folder / f"{runs[0].key}.jsonl.gz"
    # by default, the end is missing
    path.write_bytes(content or path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=rf"{runs[0].key}\.jsonl\.gz cannot be read as results .* delete it"):
        load_results(folder)


def test_hash_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are hashed, wherever arguments name them, and again when their content changes."""
    monkeypatch.chdir(tmp_path)
    features, triples = tmp_path / "features.npy", Path("triples")
    features.write_bytes(b"features")
    triples.write_text("a\tb\tc\n", encoding="utf8")
    arguments = {"training": str(triples), "features": [str(features)]}
    expected = {str(features): hashlib.sha256(b"features").hexdigest()}
    assert hash_files(arguments) == {**expected, str(triples): hashlib.sha256(b"a\tb\tc\n").hexdigest()}
    triples.write_text("a\tb\td\n", encoding="utf8")
    assert hash_files(arguments) == {**expected, str(triples): hashlib.sha256(b"a\tb\td\n").hexdigest()}
    triples.unlink()
    assert hash_files(arguments) == expected


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths may have variables; a file with the name of something else is none of the run's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOME_DATA", str(tmp_path))
    for name in ("text.npy", "nations"):
        (tmp_path / name).write_bytes(b"")
    arguments = {"dataset": "nations", "model_kwargs": {"modalities": {"textual": "$SOME_DATA/text.npy"}}, "a": [1.5]}
    assert list(hash_files(arguments)) == ["$SOME_DATA/text.npy"]


@pytest.mark.parametrize("text", ["A comparison. " + "What it is about, at length " * 10, "~no-such-user/text.npy"])
def test_texts_that_are_no_paths(text: str) -> None:
    """Arguments may be any text, e.g., a description among the metadata."""
    assert hash_files({**CONTENT["pipeline"], "metadata": {"description": text}}) == {}


def test_files_of_trackers(tmp_path: Path) -> None:
    """A file that a run writes is not one that it reads: it changes with the run."""
    path = tmp_path / "metrics.csv"
    path.write_text("of the run before\n", encoding="utf8")
    assert hash_files({"result_tracker": "csv", "result_tracker_kwargs": {"path": str(path)}}) == {}
