"""Tests that PyKEEN's result trackers receive our metrics, under the names that the documentation has."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest
from pykeen.pipeline import PipelineResult, pipeline
from pykeen.trackers import JSONResultTracker, PythonResultTracker
from pykeen.utils import flatten_dictionary

from ..helpers.pages import read_page

#: By name, then by epoch
Metrics = Mapping[str, Mapping[int, float]]


def run(**kwargs: Any) -> PipelineResult:
    """Train for a moment."""
    defaults: dict[str, Any] = dict(
        dataset="nations",
        model="TransE",
        model_kwargs=dict(embedding_dim=4),
        training_loop="dhns",
        loss="dhns",
        training_kwargs=dict(num_epochs=1, batch_size=1024, use_tqdm=False),
        evaluator_kwargs=dict(metrics=["mrr"], add_defaults=False),
        evaluation_kwargs=dict(use_tqdm=False, batch_size=256),
        random_seed=0,
        device="cpu",
    )
    return pipeline(**(defaults | kwargs))


@pytest.fixture(scope="module", name="tracked")
def _tracked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Metrics]:
    """Train with two trackers: one that writes JSON lines, and one that keeps metrics in memory."""
    folder = tmp_path_factory.mktemp("tracked")
    numpy.save(folder / "textual.npy", numpy.random.default_rng(0).normal(size=(14, 5)))
    tracker = PythonResultTracker()
    run(
        model="multimodal",
        model_kwargs=dict(embedding_dim=4, modalities=dict(textual=str(folder / "textual.npy"))),
        # negatives of all kinds
        training_loop_kwargs=dict(num_shared_negs=5, num_negs_per_pos=1, generator="diffheg"),
        training_kwargs=dict(num_epochs=2, batch_size=1024, use_tqdm=False),
        result_tracker=[tracker, "jsonlines"],
        result_tracker_kwargs=[None, dict(path=folder / "run.jsonl")],
    )
    metrics: dict[str, dict[int, float]] = defaultdict(dict)
    for step, values in tracker.metrics.items():
        for name, value in values.items():
            if name == "loss" or name.startswith("dhns."):
                assert step is not None
                metrics[name][step] = value
    return folder / "run.jsonl", metrics


def test_jsonlines(tracked: tuple[Path, Metrics]) -> None:
    """Our tracker writes all of our metrics for each epoch, and all parameters, even if they are not JSON."""
    path, expected = tracked
    metrics: dict[str, dict[int, float]] = defaultdict(dict)
    entries = [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]
    for entry in entries:
        for key, value in flatten_dictionary(entry.get("metrics", {}), prefix=entry["prefix"]).items():
            metrics[key][entry["step"]] = value
    assert {name: metrics[name] for name in expected} == expected
    assert all(set(values) == {1, 2} for values in expected.values())
    assert any(entry.get("params", {}).get("training_loop") == "DHNSTrainingLoop" for entry in entries)


def documented() -> set[str]:
    """Return the names in the documentation's table, for a text and the default levels."""
    names = re.findall(r"^\| `(dhns\.\S+)` \|", read_page("trackers"), flags=re.MULTILINE)
    replacements = {"<i>": "1234", "<modality>": ("structural", "textual")}
    result = set()
    for name in names:
        placeholder = next((placeholder for placeholder in replacements if placeholder in name), "")
        result |= {name.replace(placeholder, value) for value in replacements.get(placeholder, [""])}
    return result


def test_names(tracked: tuple[Path, Metrics]) -> None:
    """The documentation has all names, and no others."""
    _, metrics = tracked
    assert {name for name in metrics if name.startswith("dhns.")} == documented()


@pytest.mark.parametrize(
    ("kwargs", "missing"),
    [
        (dict(num_shared_negs=5), ("score_sampled", "loss_diffusion", "loss_hardness", "score_level_")),
        # so few time steps that levels share one
        (dict(num_timesteps=5), ()),
        (dict(generator="noise"), ("loss_diffusion",)),
        (dict(adaptive_training=False), ("loss_hardness",)),
        (dict(generator="none"), ("loss_diffusion", "loss_hardness", "score_level_")),
        # PyKEEN's own loop
        (None, ("",)),
    ],
)
def test_missing_names(kwargs: dict[str, Any] | None, missing: tuple[str, ...]) -> None:
    """Metrics that are not computed are missing. No other name depends on the arguments."""
    tracker = PythonResultTracker()
    if kwargs is None:
        run(training_loop="slcwa", negative_sampler="dhns", loss="nssa", result_tracker=tracker)
    else:
        run(training_loop_kwargs=kwargs, result_tracker=tracker)
    shared = () if kwargs and "num_shared_negs" in kwargs else ("score_shared",)
    absent = tuple(f"dhns.{name}" for name in ("share_", *shared, *missing))
    expected = {name for name in documented() if not name.startswith(absent)}
    assert {name for name in tracker.metrics[1] if name.startswith("dhns.")} == expected


def test_pykeens_tracker_of_json(tmp_path: Path) -> None:
    """PyKEEN's own JSON tracker fails in any loop. When this test fails, our tracker is no longer needed."""
    tracker = JSONResultTracker(path=tmp_path / "run.jsonl")
    with tracker.file, pytest.raises(TypeError, match="MarginRankingLoss is not JSON serializable"):
        run(training_loop="slcwa", loss="marginranking", result_tracker=tracker)
