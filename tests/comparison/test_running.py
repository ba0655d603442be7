"""Test single runs."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.datasets.base import EagerDataset
from pykeen.training import NonFiniteLossError

from pykeen_dhns.comparison import load_results, running
from pykeen_dhns.comparison.configuration import METRICS, merge
from pykeen_dhns.comparison.evaluation import ComparisonEvaluator
from pykeen_dhns.comparison.running import EpochTimes, execute
from pykeen_dhns.comparison.store import Result

from ..helpers.comparisons import CONTENT, make


def run(folder: Path, *, cell: int = 0, **pipeline: Any) -> Result:
    """Execute a run with some changes, and load its result."""
    comparison = make(pipeline=merge(CONTENT["pipeline"], pipeline), search=[])
    execute(comparison.trials(comparison.cells[cell])[0].to_dict(), folder)
    (result,) = load_results(folder).values()
    return result


def test_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result says what was done, what came out of it, and with what."""
    from pykeen.stoppers import early_stopping

    # PyKEEN's stopper would leave the weights of the best epoch of each run here
    monkeypatch.setattr(early_stopping, "PYKEEN_CHECKPOINTS", tmp_path)
    result = run(tmp_path / "results", cell=1)
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
    assert result["arguments"]["negative_sampler"] == "dhns"
    assert result["test"].keys() == METRICS.keys()
    assert 0 < result["test"]["hits_at_1"] < result["test"]["mrr"] < result["test"]["hits_at_10"] <= 1
    curve, best = result["validation"]["curve"], result["validation"]["epoch"]
    assert [point["epoch"] for point in curve] == [1, 2]
    assert result["validation"]["mrr"] == max(point["mrr"] for point in curve) == curve[best - 1]["mrr"]
    assert 0 < curve[0]["seconds"] < curve[1]["seconds"] == result["seconds"]["training"]
    assert result["seconds"]["best"] == curve[best - 1]["seconds"]
    assert len(result["losses"]) == 2
    assert result["peak_memory"]["process"] > 0
    assert {"pykeen", "torch", "pykeen-dhns"} <= result["versions"].keys()
    assert str(Path.home()) not in json.dumps(result)


def test_files(tmp_path: Path) -> None:
    """A dataset can be three files of triples."""
    files: dict[str, Any] = {}
    for name in ("training", "testing", "validation"):
        files[name] = str(tmp_path / f"{name}.txt")
        np.savetxt(files[name], getattr(Nations(), name).triples, fmt="%s", delimiter="\t")
    result = run(tmp_path / "results", dataset=None, **files)
    assert result["arguments"]["training"] == files["training"]
    assert result["files"].keys() == set(files.values())
    assert result["num_triples"]["testing"] == Nations().testing.num_triples


def test_changed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes while it is read is an error: its hash would be that of another content."""
    path = tmp_path / "features.npy"
    path.write_bytes(b"before")
    original = running.load_complete_dataset

    def load(arguments: dict[str, Any]) -> Any:
        path.write_bytes(b"after it")
        return original(arguments)

    monkeypatch.setattr(running, "load_complete_dataset", load)
    with pytest.raises(ValueError, match="changed while it was read"):
        run(tmp_path / "results", model_kwargs={"features": str(path)})


@pytest.mark.parametrize(("mrr", "best"), [(math.nan, 0.5), (1.5, 0.5), (0.5, math.nan)])
def test_no_metrics(mrr: float, best: float) -> None:
    """Metrics that cannot be are an error."""
    result: Any = SimpleNamespace(get_metric=lambda _: mrr, stopper=SimpleNamespace(best_metric=best))
    with pytest.raises(NonFiniteLossError, match="scores are not finite"):
        running._check_metrics(result)


def test_no_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without validation triples, nothing can be selected."""
    nations = Nations()
    dataset = EagerDataset(training=nations.training, testing=nations.testing)
    monkeypatch.setattr(running, "load_dataset", lambda _: dataset)
    with pytest.raises(ValueError, match="has no validation triples"):
        run(tmp_path)


def test_epoch_times() -> None:
    """The time of evaluations does not count, nor that before the first batch."""
    evaluator = ComparisonEvaluator(torch.zeros(0, 3, dtype=torch.long))
    times = EpochTimes(evaluator)
    times.peak_memory = dict(process=1.0)
    evaluator.seconds = 50.0
    times.pre_batch()
    times.post_epoch(1, 0.5)
    assert times.seconds[0] == pytest.approx(0.0, abs=1.0)
    times.pre_batch()
    evaluator.seconds += 100.0
    times.post_epoch(2, 0.25)
    assert times.seconds[1] - times.seconds[0] == pytest.approx(-100.0, abs=1.0)


@pytest.mark.parametrize(
    "given",
    [
        {"callbacks": "gradient_abs_clipping", "callbacks_kwargs": {"clip_value": 1e-9}},
        {"callbacks": ["gradient_abs_clipping"], "callbacks_kwargs": [{"clip_value": 1e-9}]},
    ],
)
def test_callbacks(given: dict[str, Any], tmp_path: Path) -> None:
    """A configuration's own callbacks take part in the training, with their arguments."""
    result = run(tmp_path, optimizer="SGD", optimizer_kwargs=dict(lr=1.0), training_kwargs=given)
    # nothing is learned from such gradients
    assert len({point["mrr"] for point in result["validation"]["curve"]}) == 1
