"""Test that results on disk are whole, or not there."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from pykeen_dhns.comparison.files import describe_files
from pykeen_dhns.comparison.store import load_ranks, load_run, save_run, stale_files, take_over

from .small import CONTENT, make

RANKS = np.asarray([[1, 2.5, 70_000], [3, 1.5, 1]], dtype=np.float32)


def test_round_trip(tmp_path: Path) -> None:
    """What is saved is loaded, ranks without loss, and nothing else is left."""
    comparison = make()
    run, other = comparison.trials(comparison.cells[0])
    assert load_run(tmp_path / "new", run) is None
    save_run(tmp_path / "new", run.key, {"a": 0.1}, RANKS)
    assert load_run(tmp_path / "new", run) == {"a": 0.1}
    assert load_run(tmp_path / "new", other) is None
    assert np.array_equal(load_ranks(tmp_path / "new", run), RANKS)
    assert load_ranks(tmp_path / "new", run).dtype == np.float32
    assert {path.name for path in (tmp_path / "new").iterdir()} == {f"{run.key}.json", f"{run.key}.npz"}


def test_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If writing fails, there is no result, and what was there before stays."""
    run = make().trials(make().cells[0])[0]

    def fail(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(np, "savez_compressed", fail)
        with pytest.raises(KeyboardInterrupt):
            save_run(tmp_path, run.key, {"a": 1}, RANKS)
    assert not list(tmp_path.iterdir())

    save_run(tmp_path, run.key, {"a": 1}, RANKS)
    original = Path.write_text

    def write_half(self: Path, text: str, **kwargs: str) -> int:
        original(self, text[: len(text) // 2], **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(Path, "write_text", write_half)
        with pytest.raises(KeyboardInterrupt):
            save_run(tmp_path, run.key, {"a": 2}, RANKS)
    assert load_run(tmp_path, run) == {"a": 1}
    path = tmp_path / f"{run.key}.json"
    before = path.stat().st_ino
    save_run(tmp_path, run.key, {"a": 3}, RANKS)
    # another file in its place, not the same one with another content
    assert path.stat().st_ino != before
    assert {path.name for path in tmp_path.iterdir()} == {f"{run.key}.json", f"{run.key}.npz"}


def test_damaged(tmp_path: Path) -> None:
    """A damaged file is named, with what to do."""
    run = make().trials(make().cells[0])[0]
    save_run(tmp_path, run.key, {"a": [1, 2]}, RANKS)
    path = tmp_path / f"{run.key}.json"
    path.write_text(path.read_text(encoding="utf8")[:-4], encoding="utf8")
    with pytest.raises(ValueError, match=rf"{run.key}\.json is damaged .* Delete it"):
        load_run(tmp_path, run)
    ranks = tmp_path / f"{run.key}.npz"
    for content in (b"", b"no archive", ranks.read_bytes()[:-40]):
        ranks.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{run.key}\.npz is damaged. Delete it"):
            load_ranks(tmp_path, run)
    # with one of two files, a run is not finished
    save_run(tmp_path, run.key, {"a": [1, 2]}, RANKS)
    ranks.unlink()
    assert load_run(tmp_path, run) is None


def test_stale_files(tmp_path: Path) -> None:
    """Results of other arguments are stale, those of the comparison's runs are not."""
    comparison = make()
    run = comparison.trials(comparison.cells[0])[0]
    other = dataclasses.replace(run, arguments={**run.arguments, "model": "TransE"})
    for each in (run, dataclasses.replace(run, seed=17), other):
        save_run(tmp_path, each.key, {}, RANKS)
    assert stale_files(tmp_path, [run]) == [tmp_path / f"{other.key}.json"]
    assert json.loads((tmp_path / f"{run.key}.json").read_text(encoding="utf8")) == {}


def test_take_over(tmp_path: Path) -> None:
    """Only what has the same arguments and seed is taken over, from where it was done first; nothing damaged."""
    run = make().trials(make().cells[0])[0]
    other = dataclasses.replace(run, cell=make().cells[1])
    assert other.key != run.key
    assert take_over(tmp_path / "a", run) is None
    save_run(tmp_path / "b", other.key, {**other.to_dict(), "a": 1}, RANKS)
    assert take_over(tmp_path / "a", dataclasses.replace(run, seed=5)) is None
    assert take_over(tmp_path / "a", dataclasses.replace(run, arguments={"model": "TransE"})) is None
    assert not (tmp_path / "a").exists()
    path = tmp_path / "b" / f"{other.key}.json"
    assert take_over(tmp_path / "a", run) == path
    expected = {**run.to_dict(), "key": run.key, "a": 1, "taken_from": f"b/{other.key}.json"}
    assert load_run(tmp_path / "a", run) == expected
    assert np.array_equal(load_ranks(tmp_path / "a", run), RANKS)
    # from a copy, with the origin of the copy
    assert take_over(tmp_path / "c", run) == tmp_path / "a" / f"{run.key}.json"
    assert load_run(tmp_path / "c", run) == expected
    # digests are short: if two of them were the same by chance
    path.write_text(json.dumps({**other.to_dict(), "arguments": {}}), encoding="utf8")
    for folder in ("a", "c"):
        (tmp_path / folder / f"{run.key}.json").unlink()
    assert take_over(tmp_path / "a", run) is None
    # what is damaged is left to whose it is
    path.write_text("{", encoding="utf8")
    assert take_over(tmp_path / "a", run) is None
    save_run(tmp_path / "b", other.key, {**other.to_dict(), "a": 1}, RANKS)
    path.with_suffix(".npz").write_bytes(b"")
    assert take_over(tmp_path / "a", run) is None
    path.with_suffix(".npz").unlink()
    assert take_over(tmp_path / "a", run) is None


def test_changed_files(tmp_path: Path) -> None:
    """A result is only one as long as the files that it was obtained with are the same, or are not there any more."""
    features, triples = tmp_path / "features.npy", tmp_path / "triples.tsv"
    features.write_bytes(b"features")
    triples.write_text("a\tb\tc\n", encoding="utf8")
    run = make(pipeline={**CONTENT["pipeline"], "features": [str(features)]}).trials(make().cells[0])[0]
    run = dataclasses.replace(run, arguments={**run.arguments, "training": str(triples)})
    files = describe_files(run.arguments)
    assert files == {
        str(features): hashlib.sha256(b"features").hexdigest(),
        str(triples): hashlib.sha256(b"a\tb\tc\n").hexdigest(),
    }
    content = {**run.to_dict(), "files": files}
    save_run(tmp_path / "a", run.key, content, RANKS)
    assert load_run(tmp_path / "a", run) == content

    triples.write_text("a\tb\td\n", encoding="utf8")
    with pytest.raises(ValueError, match=rf"another content of {triples}\. Delete it"):
        load_run(tmp_path / "a", run)
    assert take_over(tmp_path / "b", run) is None
    triples.unlink()
    assert load_run(tmp_path / "a", run) == content
    assert take_over(tmp_path / "b", run) is not None


def test_describe_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths may have variables; a file with the name of something else is none of the run's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOME_DATA", str(tmp_path))
    for name in ("text.npy", "nations"):
        (tmp_path / name).write_bytes(b"")
    arguments = {"dataset": "nations", "model_kwargs": {"modalities": {"textual": "$SOME_DATA/text.npy"}}, "a": [1.5]}
    assert list(describe_files(arguments)) == ["$SOME_DATA/text.npy"]


@pytest.mark.parametrize("text", ["A comparison. " + "What it is about, at length " * 10, "~no-such-user/text.npy"])
def test_texts_that_are_no_paths(text: str) -> None:
    """Arguments may be any text, e.g., a description among the metadata."""
    pipeline = {**CONTENT["pipeline"], "metadata": {"description": text}}
    run = make(pipeline=pipeline).trials(make().cells[0])[0]
    assert describe_files(run.arguments) == {}


def test_files_of_trackers(tmp_path: Path) -> None:
    """What a run writes is not what it reads: it would be another content, as soon as the run is done."""
    path = tmp_path / "metrics.csv"
    pipeline = {**CONTENT["pipeline"], "result_tracker": "csv", "result_tracker_kwargs": {"path": str(path)}}
    run = make(pipeline=pipeline).trials(make().cells[0])[0]
    path.write_text("of the run before\n", encoding="utf8")
    assert describe_files(run.arguments) == {}
