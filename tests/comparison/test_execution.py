"""Test that comparisons are completed, whatever happens in between."""

import math
import multiprocessing
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from pykeen_dhns.comparison import Comparison, Run, compare, load_results
from pykeen_dhns.comparison import execution as module
from pykeen_dhns.comparison.configuration import merge
from pykeen_dhns.comparison.execution import run_in_process
from pykeen_dhns.comparison.process_group import begin_group
from pykeen_dhns.comparison.store import save_result
from pykeen_dhns.comparison.tables import TABLES

from ..helpers.comparisons import CONTENT, load, make, run_here, save_fake


@pytest.fixture(name="here")
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs take place in this process."""
    monkeypatch.setattr(module, "run_in_process", run_here)


@pytest.fixture(name="finished", scope="module")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Comparison, Path]]:
    """Do a comparison, for all tests that only read its results."""
    with pytest.MonkeyPatch.context() as context:
        context.setattr(module, "run_in_process", run_here)
        comparison, folder = make(), tmp_path_factory.mktemp("finished") / "tiny"
        assert compare(comparison, folder) == []
        yield comparison, folder


def test_finishes(finished: tuple[Comparison, Path]) -> None:
    """There is a result for each trial, and for each of the other seeds of the best one."""
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
    assert len(expected) == 8


@pytest.mark.usefixtures("here")
def test_restart(finished: tuple[Comparison, Path], tmp_path: Path) -> None:
    """A restart does again what was deleted, with the same metrics, and nothing else."""
    comparison, folder = finished[0], shutil.copytree(finished[1], tmp_path / "copy")
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    run, expected = load(comparison, folder).summaries[comparison.cells[1]].finals[1]
    path = folder / f"{run.key}.jsonl.gz"
    path.unlink()
    assert compare(comparison, folder) == []
    result = load_results(folder)[run.digest]
    assert all(result[key] == expected[key] for key in ("test", "losses"))
    assert {path for path in folder.iterdir() if path.stat().st_mtime_ns != times[path]} == {path}


@pytest.mark.parametrize("error", [RuntimeError, OSError])
def test_failure(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that fails, or cannot be started, is reported and leaves nothing behind, and the rest goes on."""

    def fail_or_run(run: Run, folder: Path, processes: int) -> None:
        if str(run.cell) == "wrong":
            raise error("exit status 9\nout of memory")
        run_here(run, folder, processes)

    monkeypatch.setattr(module, "run_in_process", fail_or_run)
    folder = tmp_path / "tiny"
    axes = {"sampler": {"wrong": {"negative_sampler": "bernoulli"}, "basic": {}}}
    comparison = make(axes=axes, trials=1, search=[])
    (failure,) = compare(comparison, folder)
    key = comparison.trials(comparison.cells[0])[0].key
    assert failure == f"{key}: exit status 9\nout of memory"
    errors = capsys.readouterr().err
    assert failure in errors
    assert "wrong: trials failed, or all have diverged, so nothing is selected." in errors
    assert len(load(comparison, folder).summaries[comparison.cells[1]].finals) == 3
    assert not [path for path in folder.iterdir() if key in path.name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "no such dataset"}, "Invalid Dataset name"),
        ({"dataset": None, "training": "no-file", "testing": "no-file", "validation": "no-file"}, "no-file"),
        ({"model": "no such model"}, "Invalid Model name"),
        ({"model": "multimodal", "model_kwargs": {"modalities": {"textual": "no-file.npy"}}}, "no-file.npy"),
        ({"negative_sampler": "no such sampler"}, "Invalid NegativeSampler name"),
        ({"negative_sampler": "dhns", "negative_sampler_kwargs": {"hard_fraction": 7}}, "hard_fraction=7"),
        ({"loss_kwargs": {"margn": 1}}, "margn"),
        ({"optimizer": "no such optimizer"}, "Invalid Optimizer name"),
        ({"no_such_argument": 1}, "no_such_argument"),
        ({"training_kwargs": {"num_epoch": 3}}, "num_epoch"),
        ({"stopper_kwargs": {"patienc": 3}}, "patienc"),
    ],
)
def test_mistakes(arguments: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be run is refused before anything is run, whatever cell has it. The message names the cell."""
    monkeypatch.setattr(module, "run_in_process", pytest.fail)
    comparison = make(axes={"x": {"right": {}, "wrong": arguments}}, baseline={})
    with pytest.raises(ValueError, match=rf"^wrong with {{'optimizer_kwargs.lr': 0.01}} cannot be run: .*{message}"):
        compare(comparison, tmp_path)


def test_check_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks write nothing, and start no tracker."""
    monkeypatch.chdir(tmp_path)
    tracker = {"result_tracker": "csv", "result_tracker_kwargs": {"path": str(tmp_path / "metrics.csv")}}
    monkeypatch.setattr(module, "run_in_process", lambda *_, **__: None)
    compare(make(pipeline={**CONTENT["pipeline"], **tracker}), tmp_path / "results")
    assert list(tmp_path.rglob("*")) == [tmp_path / "results"]


def test_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If results cannot be saved, the error comes before the first check."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(module, "check", lambda *_: pytest.fail("a check has begun"))
    with pytest.raises(OSError, match="file"):
        compare(make(), tmp_path / "file" / "results")


@pytest.mark.slow
def test_process(tmp_path: Path) -> None:
    """A run in a process of its own gives the same as here. If it fails, the error has the end of its output."""
    comparison = make(search=[])
    run = comparison.trials(comparison.cells[1])[0]
    run_in_process(run, tmp_path / "there", processes=1)
    run_here(run, tmp_path / "here", processes=1)
    there, here = (load_results(tmp_path / name)[run.digest] for name in ("there", "here"))
    assert there["test"] == here["test"]
    wrong = make(search=[], pipeline=merge(CONTENT["pipeline"], {"dataset": "no such dataset"}))
    with pytest.raises(RuntimeError, match=r"(?s)^exit status 1\n.*Invalid Dataset name: .*no such dataset"):
        run_in_process(wrong.trials(wrong.cells[0])[0], tmp_path, processes=1)


@pytest.mark.usefixtures("here")
def test_changed_arguments(finished: tuple[Comparison, Path], tmp_path: Path) -> None:
    """With other arguments, nothing that is there counts, and nothing of it is touched."""
    folder = shutil.copytree(finished[1], tmp_path / "copy")
    before = load_results(folder)
    changed = make(pipeline=merge(CONTENT["pipeline"], {"model_kwargs": {"embedding_dim": 3}}))
    assert load(changed, folder).finished_cells == []
    assert compare(changed, folder, cells=changed.cells[:1], num_seeds=1) == []
    after = load_results(folder)
    assert len(after) == len(before) + 3
    assert {digest: after[digest] for digest in before} == before


def test_changed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a file has changed since a run, the error comes before any other run begins."""
    file = tmp_path / "text.npy"
    file.write_bytes(b"new")
    comparison = make(pipeline=merge(CONTENT["pipeline"], {"model_kwargs": {"features": str(file)}}))
    run = comparison.trials(comparison.cells[1])[0]
    save_result(tmp_path / "results", {**run.to_dict(), "diverged": "NaN", "files": {str(file): "old"}})
    monkeypatch.setattr(module, "check", lambda *_: pytest.fail("a check has begun"))
    with pytest.raises(ValueError, match="changed since these runs"):
        compare(comparison, tmp_path / "results", cells=comparison.cells[:1])


@pytest.mark.usefixtures("here")
def test_diverged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that diverges is a result, which loses the selection, and is not tried again."""
    comparison = make(search=[{"space": {"optimizer_kwargs.lr": [math.inf, 0.1]}}])
    assert compare(comparison, tmp_path) == []
    for cell, summary in load(comparison, tmp_path).summaries.items():
        diverged, best = comparison.trials(cell)
        assert "diverged" in load_results(tmp_path)[diverged.digest]
        assert summary.best == best
        assert len(summary.finals) == 2
    monkeypatch.setattr(module, "run_in_process", pytest.fail)
    assert compare(comparison, tmp_path) == []


def test_diverged_seed(tmp_path: Path) -> None:
    """A reported seed that diverges is named, and the others are reported."""
    comparison = make(search=[])
    for cell in comparison.cells:
        for run in comparison.finals(comparison.trials(cell)[0]):
            save_fake(tmp_path, run)
    lost = comparison.finals(comparison.trials(comparison.cells[0])[0])[1]
    (tmp_path / f"{lost.key}.jsonl.gz").unlink()
    save_result(tmp_path, {**lost.to_dict(), "diverged": "The loss is not finite."})
    results = load(comparison, tmp_path)
    assert len(results.runs(comparison.cells[0])) == 2
    assert "3 of 3 seeds (1 diverged)" in results.describe_progress(comparison.cells)[0]
    assert "Seeds that diverged are not in the table: 1 of basic." in TABLES["quality"](results)


def test_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a GPU, processes are not forked, since CUDA fails in a fork of a process that has initialised it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert module._find_process_class() is multiprocessing.get_context("spawn").Process


def test_same_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of cells with the same arguments, one is run. A result that was copied from another comparison counts."""
    done: list[str] = []
    comparison = make(axes={"sampler": {"basic": {}, "also basic": {}, "dhns": {"negative_sampler": "dhns"}}})
    other = make(axes={"negatives": {"ours": {"negative_sampler": "dhns"}}}, baseline={})
    save_fake(tmp_path, other.trials(other.cells[0])[1], validation=0.9)

    def note(run: Run, folder: Path, processes: int) -> None:  # noqa: ARG001
        done.append(f"{run.cell}, {run.trial}, {run.seed}")
        save_fake(folder, run, validation=0.1 * (1 + run.trial))

    monkeypatch.setattr(module, "run_in_process", note)
    assert compare(comparison, tmp_path) == []
    trials, finals = done[:3], done[3:]
    assert trials == ["also basic, 0, 0", "also basic, 1, 0", "dhns, 0, 0"]
    assert finals == ["also basic, 1, 1", "also basic, 1, 2", "dhns, 1, 1", "dhns, 1, 2"]
    assert all(len(summary.finals) == 2 for summary in load(comparison, tmp_path).summaries.values())


def save_threads(description: dict[str, Any], folder: Path, threads: int | None, temporary: Path) -> None:  # noqa: ARG001
    """Save the number of threads, instead of a run."""
    folder.mkdir()
    (folder / "threads").write_text(str(threads), encoding="utf8")


def say_and_end(description: dict[str, Any], folder: Path, threads: int | None, temporary: Path) -> None:  # noqa: ARG001
    """End as a process does that a library ends, with a worker that stays."""
    begin_group()
    worker = subprocess.Popen(["sleep", "600"])  # noqa: S607
    folder.joinpath("worker").write_text(str(worker.pid), encoding="utf8")
    (temporary / "log.txt").write_bytes(b"out of luck, na\xefve")
    os._exit(7)


@pytest.mark.slow
@pytest.mark.parametrize(("given", "processes", "expected"), [("3", 2, "None"), (None, 2, "2"), (None, 8, "1")])
def test_threads(
    given: str | None, processes: int, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes share the threads of this one, unless the user has said how many each of them has."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(module, "execute_alone", save_threads)
    run_in_process(make().trials(make().cells[0])[0], tmp_path / "run", processes)
    assert (tmp_path / "run" / "threads").read_text(encoding="utf8") == expected


@pytest.mark.slow
def test_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends itself is an error with its exit status, and with what it has said. Its workers end, too."""
    monkeypatch.setattr(module, "execute_alone", say_and_end)
    with pytest.raises(RuntimeError, match=r"^exit status 7\nout of luck, na.ve$"):
        run_in_process(make().trials(make().cells[0])[0], tmp_path, processes=1)
    worker = Path("/proc", (tmp_path / "worker").read_text(encoding="utf8"), "stat")
    deadline = time.monotonic() + 60
    # nobody may wait for it, so that it stays a zombie
    while worker.exists() and ") Z " not in worker.read_text(encoding="utf8"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_load_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each dataset is loaded once, before the first run."""
    events: list[Any] = []
    original = module.load_complete_dataset  # type: ignore[attr-defined]

    def load_dataset(arguments: dict[str, Any]) -> Any:
        events.append(arguments.get("dataset_kwargs"))
        return original(arguments)

    def note(run: Run, folder: Path, processes: int) -> None:  # noqa: ARG001
        events.append("run")
        save_fake(folder, run)

    monkeypatch.setattr(module, "load_complete_dataset", load_dataset)
    monkeypatch.setattr(module, "run_in_process", note)
    inverse = {"create_inverse_triples": True}
    axes = {"dataset": {"a": {}, "b": {"dataset_kwargs": inverse}}, "sampler": {"basic": {}, "dhns": {}}}
    assert compare(make(axes=axes, baseline={}, search=[]), tmp_path, processes=2, num_seeds=1) == []
    assert events == [None, inverse, *["run"] * 2]
