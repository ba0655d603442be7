"""Test single runs."""

import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.datasets.base import EagerDataset

from pykeen_dhns.comparison import load_results, running
from pykeen_dhns.comparison.configuration import merge
from pykeen_dhns.comparison.evaluation import TimedEvaluator
from pykeen_dhns.comparison.execution import RunError
from pykeen_dhns.comparison.running import DivergenceError, EndWithParent, EpochTimes, check_metrics, execute

from ..helpers.comparisons import CONTENT, make, run_here


@pytest.mark.parametrize(("mrr", "best"), [(math.nan, 0.5), (1.5, 0.5), (0.5, math.nan)])
def test_no_metrics(mrr: float, best: float) -> None:
    """Metrics that cannot be are an error."""
    result: Any = SimpleNamespace(get_metric=lambda _: mrr, stopper=SimpleNamespace(best_metric=best))
    with pytest.raises(DivergenceError, match="scores are not finite"):
        check_metrics(result)


def test_no_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without validation triples, nothing can be selected."""
    nations = Nations()
    dataset = EagerDataset(training=nations.training, testing=nations.testing)
    monkeypatch.setattr(running, "get_dataset", lambda **_: dataset)
    with pytest.raises(RunError, match="has no validation triples"):
        run_here(make(search=[]).trials(make().cells[0])[0], tmp_path, processes=1)


def test_epoch_times() -> None:
    """The time of evaluations does not count, nor that before the first batch."""
    evaluator = TimedEvaluator(torch.zeros(0, 3, dtype=torch.long))
    times = EpochTimes(evaluator)
    times.peak_memory = dict(process=1.0)
    evaluator.seconds = 50.0
    times.pre_batch()
    times.post_epoch(1, 0.5)
    assert times.seconds[0] == pytest.approx(0.0, abs=1.0)
    times.pre_batch()
    evaluator.seconds += 100.0
    times.post_epoch(2, 0.25)
    assert times.losses == [0.5, 0.25]
    assert times.seconds[1] - times.seconds[0] == pytest.approx(-100.0, abs=1.0)


def test_orphan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run ends, without a result, when the process that started it is gone."""
    run = make(search=[]).trials(make().cells[0])[0]
    parents = iter([2, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    with pytest.raises(SystemExit):
        execute(run.to_dict(), tmp_path, callbacks=[EndWithParent(2)])
    # in the second of two epochs
    assert not list(parents)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "given",
    [
        {"callbacks": "gradient_abs_clipping", "callbacks_kwargs": {"clip_value": 1e-9}},
        {"callbacks": ["gradient_abs_clipping"], "callbacks_kwargs": [{"clip_value": 1e-9}]},
    ],
)
def test_callbacks(given: dict[str, Any], tmp_path: Path) -> None:
    """A configuration's own callbacks take part in the training, with their arguments."""
    distinct = []
    for number, training_kwargs in enumerate([{}, given]):
        changes = dict(optimizer="SGD", optimizer_kwargs=dict(lr=1.0), training_kwargs=training_kwargs)
        comparison = make(pipeline=merge(CONTENT["pipeline"], changes), search=[])
        run = comparison.trials(comparison.cells[0])[0]
        run_here(run, tmp_path / str(number), processes=1)
        curve = load_results(tmp_path / str(number))[run.digest]["validation"]["curve"]
        distinct.append(len({point["mrr"] for point in curve}))
    # nothing is learned from such gradients
    assert distinct == [2, 1]


def test_leaves_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyKEEN's stopper would leave the weights of the best epoch of each run in its own folder."""
    from pykeen.stoppers import early_stopping

    monkeypatch.setattr(early_stopping, "PYKEEN_CHECKPOINTS", tmp_path / "checkpoints")
    (tmp_path / "checkpoints").mkdir()
    run = make(search=[]).trials(make().cells[0])[0]
    run_here(run, tmp_path / "results", processes=1)
    assert not list((tmp_path / "checkpoints").iterdir())
