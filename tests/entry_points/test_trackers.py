"""Tests that PyKEEN's result trackers receive our metrics, under the names which the documentation has."""

import csv
import importlib.util
import json
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from pykeen.pipeline import PipelineResult, pipeline
from pykeen.trackers import JSONResultTracker, PythonResultTracker
from pykeen.utils import flatten_dictionary

from ..helpers.pages import read_page, run_page

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


def read_csv(folder: Path) -> Metrics:
    """Read what PyKEEN's CSV tracker wrote."""
    metrics: dict[str, dict[int, float]] = defaultdict(dict)
    with (folder / "run.csv").open(encoding="utf8", newline="") as file:
        for row in csv.DictReader(file):
            if row["type"] == "metric":
                metrics[row["key"]][int(row["step"])] = float(row["value"])
    return metrics


def read_jsonlines(folder: Path) -> Metrics:
    """Read what our tracker of JSON lines wrote."""
    metrics: dict[str, dict[int, float]] = defaultdict(dict)
    for line in (folder / "run.jsonl").read_text(encoding="utf8").splitlines():
        entry = json.loads(line)
        for key, value in flatten_dictionary(entry.get("metrics", {}), prefix=entry["prefix"]).items():
            metrics[key][entry["step"]] = value
    return metrics


def read_tensorboard(folder: Path) -> Metrics:
    """Read what TensorBoard would show."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    return {tag: {event.step: event.value for event in events.Scalars(tag)} for tag in events.Tags()["scalars"]}


def read_mlflow(folder: Path) -> Metrics:
    """Read a run in MLflow's folder."""
    import mlflow

    client = mlflow.MlflowClient((folder / "mlruns").as_uri())
    (experiment,) = client.search_experiments(filter_string="name = 'dhns'")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.status == "FINISHED"
    assert found.data.params["training_loop"] == "DHNSTrainingLoop"
    histories = {name: client.get_metric_history(found.info.run_id, name) for name in found.data.metrics}
    return {name: {metric.step: metric.value for metric in history} for name, history in histories.items()}


#: How to read what each of the trackers wrote
READERS: dict[str, Callable[[Path], Metrics]] = dict(
    csv=read_csv, jsonlines=read_jsonlines, tensorboard=read_tensorboard, mlflow=read_mlflow
)


def is_installed(tracker: str) -> bool:
    """Return whether what the tracker needs is installed."""
    return tracker in {"csv", "jsonlines"} or importlib.util.find_spec(tracker) is not None


@pytest.fixture(scope="module", name="_environment")
def _make_environment() -> Iterator[None]:
    """Let MLflow use folders, and report nothing to anybody."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield


@pytest.fixture(scope="module", name="tracked")
def _tracked(tmp_path_factory: pytest.TempPathFactory, _environment: None) -> tuple[Path, Metrics]:
    """Train with all trackers that are installed, and with PyKEEN's that only remembers."""
    folder = tmp_path_factory.mktemp("tracked")
    numpy.save(folder / "textual.npy", numpy.random.default_rng(0).normal(size=(14, 5)))
    expected = PythonResultTracker()
    kwargs: dict[str, dict[str, Any]] = dict(
        csv=dict(path=folder / "run.csv"),
        jsonlines=dict(path=folder / "run.jsonl"),
        tensorboard=dict(experiment_path=folder / "tensorboard"),
        mlflow=dict(tracking_uri=(folder / "mlruns").as_uri(), experiment_name="dhns"),
    )
    trackers = [tracker for tracker in kwargs if is_installed(tracker)]
    with warnings.catch_warnings():
        # theirs are not our concern
        warnings.simplefilter("ignore")
        run(
            model="multimodal",
            model_kwargs=dict(embedding_dim=4, modalities=dict(textual=str(folder / "textual.npy"))),
            training_kwargs=dict(num_epochs=2, batch_size=1024, use_tqdm=False),
            result_tracker=[expected, *trackers],
            result_tracker_kwargs=[None, *(kwargs[tracker] for tracker in trackers)],
        )
    metrics: dict[str, dict[int, float]] = defaultdict(dict)
    for step, values in expected.metrics.items():
        for name, value in values.items():
            if name == "loss" or name.startswith("dhns."):
                assert step is not None
                metrics[name][step] = value
    return folder, metrics


@pytest.mark.parametrize("tracker", READERS)
def test_tracker(tracker: str, tracked: tuple[Path, Metrics]) -> None:
    """Whoever reads what a tracker wrote finds each of our metrics, for each epoch."""
    if not is_installed(tracker):
        pytest.skip(f"{tracker} is not installed.")
    folder, expected = tracked
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        actual = READERS[tracker](folder)
    assert {name for name in actual if name == "loss" or name.startswith("dhns.")} == set(expected)
    for name, values in expected.items():
        assert set(actual[name]) == {1, 2}
        # TensorBoard has single precision
        assert actual[name] == pytest.approx(values, rel=1e-6), name


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
        (dict(num_timesteps=20), ()),
        (dict(generator="noise"), ("loss_diffusion",)),
        (dict(adaptive_training=False), ("loss_hardness",)),
        (dict(generator="none"), ("loss_diffusion", "loss_hardness", "score_level_")),
        # PyKEEN's own loop
        (None, ("",)),
    ],
)
def test_missing_names(kwargs: dict[str, Any] | None, missing: tuple[str, ...]) -> None:
    """What is not computed is not reported, and nothing else depends on the arguments."""
    tracker = PythonResultTracker()
    if kwargs is None:
        run(training_loop="slcwa", negative_sampler="dhns", loss="nssa", result_tracker=tracker)
    else:
        run(training_loop_kwargs=kwargs, result_tracker=tracker)
    absent = tuple(f"dhns.{name}" for name in ("share_", *missing))
    expected = {name for name in documented() if not name.startswith(absent)}
    assert {name for name in tracker.metrics[1] if name.startswith("dhns.")} == expected


def test_pykeens_tracker_of_json(tmp_path: Path) -> None:
    """PyKEEN's own JSON tracker fails, whatever the loop. If this fails, our tracker is not needed any more."""
    tracker = JSONResultTracker(path=tmp_path / "run.jsonl")
    with tracker.file, pytest.raises(TypeError, match="MarginRankingLoss is not JSON serializable"):
        run(training_loop="slcwa", loss="marginranking", result_tracker=tracker)


def test_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run_page("trackers", tmp_path)
    assert read_csv(tmp_path).keys() == read_jsonlines(tmp_path).keys()
    # parameters, too
    params = [json.loads(line).get("params", {}) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert any(entry.get("training_loop") == "DHNSTrainingLoop" for entry in params)
