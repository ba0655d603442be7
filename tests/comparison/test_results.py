"""Test what is selected, and what is finished."""

import re
from pathlib import Path

import pytest

from pykeen_dhns.comparison.configuration import merge
from pykeen_dhns.comparison.store import load_results, save_result

from ..helpers.comparisons import CONTENT, load, make, save_fake


def test_best_trial(tmp_path: Path) -> None:
    """The best trial is the one with the best validation MRR, whatever it is on test triples, once all are done."""
    comparison = make(search=[{"space": {"optimizer_kwargs.lr": [0.1, 0.2, 0.3]}}], trials=3)
    cell = comparison.cells[0]
    trials = comparison.trials(cell)
    for trial, validation, test in zip(trials, [0.2, 0.4, 0.3], [0.9, 0.2, 0.5], strict=True):
        assert load(comparison, tmp_path).summaries[cell].best is None
        save_fake(tmp_path, trial, validation=validation, test=test)
    assert load(comparison, tmp_path).summaries[cell].best == trials[1]
    # the trial itself is not reported
    assert load(comparison, tmp_path).finished_cells == []
    final = comparison.finals(trials[1])[0]
    save_fake(tmp_path, final, test=0.1)
    results = load(comparison, tmp_path)
    assert [run for run, _ in results.summaries[cell].finals] == [final]
    assert results.finished_cells == [cell]
    assert results.runs(cell)["test.mrr"].tolist() == [0.1]


def test_diverged(tmp_path: Path) -> None:
    """A trial that has diverged loses. If all have, nothing is selected."""
    comparison = make()
    cell = comparison.cells[0]
    first, second = comparison.trials(cell)
    save_result(tmp_path, {**first.to_dict(), "diverged": "NaN"})
    save_fake(tmp_path, second)
    assert load(comparison, tmp_path).summaries[cell].best == second
    save_result(tmp_path, {**second.to_dict(), "diverged": "NaN"})
    assert load(comparison, tmp_path).summaries[cell].best is None


def test_progress(tmp_path: Path) -> None:
    """For each cell, it is said what is finished, and what is best."""
    comparison = make()
    basic, dhns = comparison.cells
    first, second = comparison.trials(basic)
    save_fake(tmp_path, first, validation=0.7)
    hint = "  optimizer_kwargs.lr=0.01 is the smallest value that was tried: try others beyond it."
    save_result(tmp_path, {**second.to_dict(), "diverged": "NaN"})
    save_fake(tmp_path, comparison.finals(first)[0])
    assert load(comparison, tmp_path).describe_progress([basic, dhns]) == [
        "basic: 2 of 2 trials (1 diverged), 1 of 2 seeds, best: {'optimizer_kwargs.lr': 0.01}",
        hint,
        "dhns: 0 of 2 trials, 0 of 2 seeds",
    ]


def test_edges(tmp_path: Path) -> None:
    """It is said if the best value is at an edge of those that were tried, or the best epoch is the last one."""
    comparison = make(search=[{"space": {"optimizer_kwargs.lr": [0.1, 0.2, 0.3]}}], trials=3)
    basic, dhns = comparison.cells
    for cell, best in ((basic, 0.3), (dhns, 0.2)):
        for trial in comparison.trials(cell):
            lr = trial.searched["optimizer_kwargs.lr"]
            save_fake(tmp_path, trial, validation=0.9 if lr == best else 0.1)
    results = load(comparison, tmp_path)
    assert results.summaries[basic].describe_edges() == [
        "optimizer_kwargs.lr=0.3 is the largest value that was tried: try others beyond it."
    ]
    assert results.summaries[dhns].describe_edges() == []
    assert results.describe_progress([basic])[1].startswith("  optimizer_kwargs.lr=0.3 is the largest")
    for final in comparison.finals(results.summaries[dhns].best):  # type: ignore[arg-type]
        save_fake(tmp_path, final, epoch=20)
    assert load(comparison, tmp_path).summaries[dhns].describe_edges() == [
        "The best epoch is the last one, 20, with every seed: train longer."
    ]


def test_unfair(tmp_path: Path) -> None:
    """It is said if some cells have more trials than others."""
    comparison = make(search=[{"when": {"sampler": "dhns"}, "space": {"optimizer_kwargs.lr": [0.01, 0.1]}}])
    *_, warning = load(comparison, tmp_path).describe_progress([])
    assert warning.startswith("Not a fair comparison: basic has 1 trials, dhns has 2")


def test_changed_file(tmp_path: Path) -> None:
    """Results that were obtained with other files are an error, with what to do, unless the files are gone."""
    files = [tmp_path / "text.npy", tmp_path / "images.npy"]
    for file in files:
        file.write_bytes(b"new")
    comparison = make(pipeline=merge(CONTENT["pipeline"], {"model_kwargs": {"features": list(map(str, files))}}))
    run, other = (comparison.trials(cell)[0] for cell in comparison.cells[:2])
    final = comparison.finals(other)[-1]
    for each, names in ((run, files), (final, files[:1])):
        save_result(tmp_path, {**each.to_dict(), "diverged": "NaN", "files": dict.fromkeys(map(str, names), "old")})
    message = f"{files[0]}, {files[1]} changed since these runs: {run.key}, {final.key}. Delete their results"
    with pytest.raises(ValueError, match=re.escape(message)):
        load(comparison, tmp_path)
    for file in files:
        file.unlink()
    (trial, result), _ = load(comparison, tmp_path).summaries[comparison.cells[0]].trials
    assert (trial, result) == (run, load_results(tmp_path)[run.digest])


def test_none(tmp_path: Path) -> None:
    """A cell that is called None is not taken for the baseline of cells that have none."""
    comparison = make(axes={"features": {"None": {}, "text": {"model": "RotatE"}}}, baseline={}, search=[])
    for cell in comparison.cells:
        for run in comparison.trials(cell):
            save_fake(tmp_path, run)
    results = load(comparison, tmp_path)
    assert len(results.runs(comparison.cells[0])) == 1
    assert not len(results.runs(None))
