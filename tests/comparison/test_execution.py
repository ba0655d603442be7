"""Test that comparisons are completed, whatever happens in between."""

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.datasets import Nations

from pykeen_dhns.comparison import Comparison, compare
from pykeen_dhns.comparison import execution as module
from pykeen_dhns.comparison.configuration import FILES, METRICS, Cell, Run, merge
from pykeen_dhns.comparison.execution import RunError, run_in_process
from pykeen_dhns.comparison.store import Result, load_results

from ..helpers.comparisons import CONTENT, load, make, run_here, save_fake


def finals(comparison: Comparison, folder: Path, cell: Cell) -> list[tuple[Run, Result]]:
    """Load the runs of a cell's best trial."""
    return list(load(comparison, folder).summaries[cell].finals)


def read(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Read all files, and when they were written."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.fixture(name="here")
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs take place in this process."""
    monkeypatch.setattr(module, "run_in_process", run_here)


@pytest.fixture(name="finished", scope="module")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Comparison, Path]]:
    """Do a comparison, for all tests that only read what it gave."""
    with pytest.MonkeyPatch.context() as context:
        context.setattr(module, "run_in_process", run_here)
        comparison, folder = make(), tmp_path_factory.mktemp("finished") / "tiny"
        assert compare(comparison, folder) == []
        yield comparison, folder


def test_finishes(finished: tuple[Comparison, Path]) -> None:
    """There is a result for each trial, and for each further seed of the best one."""
    comparison, folder = finished
    results = load(comparison, folder)
    expected = set()
    for summary in results.summaries.values():
        values = {run.key: result["validation"]["mrr"] for run, result in summary.trials if result is not None}
        assert summary.best is not None
        assert values[summary.best.key] == max(values.values())
        assert len(set(values.values())) == 2
        assert [run.seed for run, _ in summary.finals] == comparison.seeds
        expected |= values.keys() | {run.key for run, _ in summary.finals}
    assert {result["key"] for result in results.results.values()} == expected
    assert len(expected) == 6


def test_content(finished: tuple[Comparison, Path]) -> None:
    """A result says what was done, what came out of it, and with what; metrics fit the ranks."""
    comparison, folder = finished
    (_, other), (run, result) = finals(comparison, folder, comparison.cells[1])
    assert result["losses"] != other["losses"]
    assert {key: result[key] for key in run.to_dict()} == run.to_dict()
    assert result["arguments"]["negative_sampler"] == "dhns"
    ranks = np.asarray([result["ranks"]["head"], result["ranks"]["tail"]])
    assert result["test"].keys() == METRICS.keys()
    assert result["test"]["mrr"] == pytest.approx((1 / ranks).mean(), abs=1e-6)
    assert result["test"]["hits_at_3"] == pytest.approx((ranks <= 3).mean(), abs=1e-6)
    assert result["test"]["mean_rank"] == pytest.approx(ranks.mean(), abs=1e-4)
    curve = result["validation"]["curve"]
    assert [point["epoch"] for point in curve] == [1, 2]
    assert result["validation"]["mrr"] == max(point["mrr"] for point in curve)
    assert curve[result["validation"]["epoch"] - 1]["mrr"] == result["validation"]["mrr"]
    seconds = result["seconds"]
    assert 0 < curve[0]["seconds"] < curve[1]["seconds"] == seconds["training"] < seconds["total"]
    assert seconds["best"] == curve[result["validation"]["epoch"] - 1]["seconds"]
    assert result["peak_memory"]["process"] > 0
    assert {"pykeen", "torch", "pykeen-dhns"} <= result["versions"].keys()
    assert str(Path.home()) not in json.dumps(result)


@pytest.mark.usefixtures("here")
def test_restart(finished: tuple[Comparison, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart does nothing where all is done, and does again what was deleted, with the same metrics."""
    comparison, folder = finished[0], shutil.copytree(finished[1], tmp_path / "copy")
    before = read(folder)
    with monkeypatch.context() as context:
        context.setattr(module, "run_in_process", pytest.fail)
        assert compare(comparison, folder) == []
    assert read(folder) == before
    run, expected = finals(comparison, folder, comparison.cells[1])[0]
    (folder / f"{run.key}.jsonl.gz").unlink()
    assert compare(comparison, folder) == []
    result, after = load_results(folder)[run.digest], read(folder)
    assert all(result[key] == expected[key] for key in ("test", "losses", "ranks"))
    assert result["validation"]["mrr"] == expected["validation"]["mrr"]
    assert {name for name in before if after[name] != before[name]} == {f"{run.key}.jsonl.gz"}


@pytest.mark.usefixtures("here")
def test_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What fails is reported and leaves nothing behind, and the rest goes on."""
    folder = tmp_path / "tiny"
    axes = {"sampler": {"wrong": {"negative_sampler": "no such sampler"}, "basic": {}}}
    comparison = make(axes=axes, trials=1, search=[])
    messages: list[str] = []
    (failure,) = compare(comparison, folder, report=messages.append)
    key = comparison.trials(comparison.cells[0])[0].key
    assert failure.startswith(f"{key}: ")
    assert "no such sampler" in failure.replace("nosuchsampler", "no such sampler")
    assert failure.splitlines()[0] in capsys.readouterr().err
    assert messages == ["wrong: trials failed, or all have diverged, so nothing is selected."]
    assert len(finals(comparison, folder, comparison.cells[1])) == 2
    assert not [path for path in folder.iterdir() if key in path.name]


@pytest.mark.usefixtures("here")
def test_taken_over(finished: tuple[Comparison, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another comparison has done with the same arguments is not done again, and says where it is from."""
    shutil.copytree(finished[1], tmp_path / "tiny")
    # the same by another name, with one more seed, and one with other arguments
    axes = {"negatives": {"theirs": {}, "ours": {"negative_sampler": "dhns"}, "few": {"model_kwargs": {"dim": 3}}}}
    other = make(axes=axes, baseline={"negatives": "theirs"}, seeds=[0, 1, 2])
    done: list[Run] = []

    def note(run: Run, folder: Path, processes: int) -> None:  # noqa: ARG001
        done.append(run)
        save_fake(folder, run, validation=0.1)

    monkeypatch.setattr(module, "run_in_process", note)
    messages: list[str] = []
    assert compare(other, tmp_path / "other", report=messages.append) == []
    assert sorted(f"{run.cell}, {run.seed}" for run in done) == [
        *["few, 0", "few, 0", "few, 1", "few, 2"],
        "ours, 2",
        "theirs, 2",
    ]
    # two trials and a seed of two cells
    assert len(messages) == 6
    for cell, original in zip(other.cells, finished[0].cells, strict=False):
        theirs = finals(finished[0], finished[1], original)
        ours = finals(other, tmp_path / "other", cell)
        assert (len(theirs), len(ours)) == (2, 3)
        for (run, result), (source, expected) in zip(ours, theirs, strict=False):
            assert result == {**expected, **run.to_dict(), "taken_from": source.key}
            assert f"{run.key}: taken over from {source.key}" in messages


@pytest.mark.slow
def test_process(tmp_path: Path) -> None:
    """A run in a process of its own gives the same as here. If it fails, the error has the end of what it said."""
    comparison = make(search=[])
    run = comparison.trials(comparison.cells[1])[0]
    run_in_process(run, tmp_path / "there", processes=1)
    run_here(run, tmp_path / "here", processes=1)
    there, here = (load_results(tmp_path / name)[run.digest] for name in ("there", "here"))
    assert there["test"] == here["test"]
    wrong = make(search=[], pipeline=merge(CONTENT["pipeline"], {"dataset": "no such dataset"}))
    with pytest.raises(RunError, match=r"exit status 1\n(.|\n)*Error: (.|\n)*dataset"):
        run_in_process(wrong.trials(wrong.cells[0])[0], tmp_path, processes=1)


@pytest.mark.usefixtures("here")
def test_changed(finished: tuple[Comparison, Path], tmp_path: Path) -> None:
    """With other arguments, nothing that is there counts, and nothing of it is touched."""
    comparison, folder = finished[0], shutil.copytree(finished[1], tmp_path / "copy")
    before = read(folder)
    changed = make(pipeline=merge(CONTENT["pipeline"], {"model_kwargs": {"embedding_dim": 3}}))
    assert load(changed, folder).finished_cells == []
    cell = changed.cells[0]
    assert compare(changed, folder, cells=[cell], num_seeds=1) == []
    after = read(folder)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 2
    for each, dim in ((changed, 3), (comparison, 4)):
        assert {kwargs["embedding_dim"] for kwargs in load(each, folder).frame["arguments.model_kwargs"]} == {dim}


@pytest.mark.usefixtures("here")
def test_diverged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that diverges is a result, which loses the selection, and is not tried again."""
    comparison = make(search=[{"space": {"optimizer_kwargs.lr": [math.inf, 0.1]}}])
    messages: list[str] = []
    folder = tmp_path / "tiny"
    assert compare(comparison, folder, report=messages.append) == []
    for cell, summary in load(comparison, folder).summaries.items():
        diverged, best = comparison.trials(cell)
        assert "diverged" in load_results(folder)[diverged.digest]
        assert summary.best == best
        assert len(summary.finals) == 2
    assert sum("has diverged, which is its result" in message for message in messages) == 2
    with monkeypatch.context() as context:
        context.setattr(module, "run_in_process", pytest.fail)
        assert compare(comparison, folder) == []
    # without any other trial, nothing is selected
    alone = make(search=[{"space": {"optimizer_kwargs.lr": [math.inf]}}])
    assert compare(alone, folder, report=messages.append) == []
    assert messages[-1] == "dhns: trials failed, or all have diverged, so nothing is selected."


def test_same_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of cells with the same arguments, one is run. What another process does in the meantime is not done again."""
    done: list[str] = []
    comparison = make(axes={"sampler": {"basic": {}, "also basic": {}, "dhns": {"negative_sampler": "dhns"}}})
    last = comparison.trials(comparison.cells[-1])[-1]

    def note(run: Run, folder: Path, processes: int) -> None:  # noqa: ARG001
        if not done:
            save_fake(folder, last, validation=0.9)
        done.append(f"{run.cell}, {run.trial}, {run.seed}")
        save_fake(folder, run, validation=0.1 * (1 + run.trial))

    monkeypatch.setattr(module, "run_in_process", note)
    assert compare(comparison, tmp_path / "tiny") == []
    assert done == ["also basic, 0, 0", "also basic, 1, 0", "dhns, 0, 0", "also basic, 1, 1", "dhns, 1, 1"]
    assert all(len(summary.finals) == 2 for summary in load(comparison, tmp_path / "tiny").summaries.values())


@pytest.mark.parametrize(("given", "processes", "expected"), [("3", 2, "3"), (None, 2, "2"), (None, 8, "1")])
def test_threads(
    given: str | None, processes: int, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes share the threads of this one, unless the user has said how many each of them has."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    environments = []

    def note(*_: Any, env: dict[str, str], **__: Any) -> SimpleNamespace:
        environments.append(env)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(module.subprocess, "run", note)  # type: ignore[attr-defined]
    run_in_process(make().trials(make().cells[0])[0], tmp_path, processes)
    assert [environment["OMP_NUM_THREADS"] for environment in environments] == [expected]


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A dataset can be three files of triples. Of those that PyKEEN cannot use, it is said how many there are."""
    files = {}
    for name in FILES:
        files[name] = str(tmp_path / f"{name}.txt")
        np.savetxt(files[name], getattr(Nations(), name).triples, fmt="%s", delimiter="\t")
    with Path(files["testing"]).open("a", encoding="utf8") as file:
        file.write("atlantis\tembassy\tusa\n")
    pipeline = {name: value for name, value in CONTENT["pipeline"].items() if name != "dataset"} | files
    comparison = make(pipeline=pipeline, search=[])
    assert compare(comparison, tmp_path / "results", num_seeds=1) == []
    assert "In total 1 from 202 triples were filtered out" in caplog.text
    (_, result), *_ = finals(comparison, tmp_path / "results", comparison.cells[0])
    assert result["arguments"]["training"] == files["training"]
    assert result["files"].keys() == set(files.values())
    assert result["num_triples"] == {name: factory.num_triples for name, factory in Nations().factory_dict.items()}
    assert len(result["ranks"]["head"]) == Nations().testing.num_triples


def test_load_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each dataset is loaded once, before the first run, and no error of it ends this."""
    events: list[Any] = []

    def load(**kwargs: Any) -> Nations:
        events.append(kwargs)
        if kwargs["dataset"] == "none":
            raise ValueError(kwargs)
        return Nations()

    def note(run: Run, folder: Path, processes: int) -> None:  # noqa: ARG001
        events.append("run")
        save_fake(folder, run)

    monkeypatch.setattr(module, "get_dataset", load)
    monkeypatch.setattr(module, "run_in_process", note)
    inverse = {"dataset_kwargs": {"create_inverse_triples": True}}
    comparison = make(axes={"dataset": {"a": {}, "b": inverse, "c": {"dataset": "none"}}}, baseline={}, search=[])
    assert compare(comparison, tmp_path / "tiny", processes=2, num_seeds=1) == []
    nations = {"dataset": "nations"}
    assert events == [nations, {**nations, **inverse}, {"dataset": "none"}, *["run"] * 3]
    assert compare(comparison, tmp_path / "tiny", processes=2, num_seeds=1) == []
    assert len(events) == 6
