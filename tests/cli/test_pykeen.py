"""Test that PyKEEN's own command line lists, and takes, our names."""

import json
from pathlib import Path
from typing import Any

import pykeen.hpo.hpo
import pytest
from pykeen.ablation.ablation import prepare_ablation_from_path
from pykeen.pipeline import PipelineResult
from pykeen.training import SLCWATrainingLoop

from .running import loop_of, run_pykeen, sampler_of

#: How to search next to nothing
OPTUNA: dict[str, Any] = dict(
    n_trials=1, timeout=60, metric="mrr", direction="maximize", sampler="random", pruner="nop", storage=None
)


@pytest.fixture(name="runs")
def _runs(monkeypatch: pytest.MonkeyPatch) -> list[PipelineResult]:
    """Collect what PyKEEN's search runs."""
    results: list[PipelineResult] = []
    original = pykeen.hpo.hpo.pipeline  # type: ignore[attr-defined]

    def spy(**kwargs: Any) -> PipelineResult:
        results.append(original(**kwargs))
        return results[-1]

    monkeypatch.setattr(pykeen.hpo.hpo, "pipeline", spy)
    return results


@pytest.mark.parametrize(
    ("listing", "name", "description"),
    [
        ("negative-samplers", "dhns", "Diffusion-based hierarchical negative sampling"),
        ("training-loops", "dhns", "Joint training of a model"),
        ("losses", "Hardness-adaptive", "Any loss over sampled negatives"),
        ("models", "Multimodal", "MultimodalModel"),
        ("datasets", "DB15K", "12842"),
        ("datasets", "MKG-W", "15000"),
        ("datasets", "MKG-Y", "15000"),
    ],
)
def test_list(listing: str, name: str, description: str) -> None:
    """Our names are listed, with what they are."""
    (line,) = (line for line in run_pykeen("ls", listing).splitlines() if line.startswith(f"{name} "))
    assert description in line


def test_train(tmp_path: Path) -> None:
    """PyKEEN's command to train takes our training loop, and its sampler with it."""
    output = tmp_path / "output"
    options = ("--dataset", "nations", "--training-loop", "dhns", "-n", 1, "-b", 512, "--embedding-dim", 4)
    printed = run_pykeen("train", "rotate", *options, "--device", "cpu", "--output-directory", output)
    assert printed.startswith("Training RotatE with DHNS using ")
    assert json.loads((output / "results.json").read_text(encoding="utf8"))["metrics"]["both"]


def test_optimize(runs: list[PipelineResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyKEEN's command to search takes our loss. It has no option for a sampler, which is ``basic``."""
    # it has none for the number of epochs, either, which is up to a thousand
    monkeypatch.setitem(SLCWATrainingLoop.hpo_default, "num_epochs", dict(type=int, low=1, high=1))
    run_pykeen("optimize", "TransE", "nations", "--loss", "dhns", "--n-trials", 1, "-o", tmp_path)
    (result,) = runs
    assert type(result.model.loss).__name__ == "HardnessAdaptiveLoss"
    assert sampler_of(result).__name__ == "BasicNegativeSampler"
    study = json.loads((tmp_path / "study.json").read_text(encoding="utf8"))
    assert (study["loss"], study["negative_sampler"]) == ("hardnessadaptive", "basic")


@pytest.mark.parametrize("sampler", ["dhns", "bernoulli"])
def test_experiments_optimize(sampler: str, runs: list[PipelineResult], tmp_path: Path) -> None:
    """A file for a search names a sampler, and its ranges, and gets them."""
    content = dict(
        pipeline=dict(
            dataset="nations",
            model="TransE",
            model_kwargs=dict(embedding_dim=4),
            model_kwargs_ranges=dict(scoring_fct_norm=dict(type="int", low=1, high=2)),
            loss="nssa",
            negative_sampler=sampler,
            negative_sampler_kwargs_ranges=dict(num_negs_per_pos=dict(type="int", low=8, high=8)),
            training_kwargs=dict(num_epochs=1, batch_size=512),
        ),
        optuna=OPTUNA,
    )
    path = tmp_path / "search.json"
    path.write_text(json.dumps(content), encoding="utf8")
    run_pykeen("experiments", "optimize", path, "-d", tmp_path / "output")
    (result,) = runs
    assert sampler_of(result).__name__.lower() == f"{sampler}negativesampler"
    assert (loop_of(result).negative_sampler_kwargs or {})["num_negs_per_pos"] == 8
    assert ("hard_fraction" in (loop_of(result).negative_sampler_kwargs or {})) == (sampler == "dhns")


def make_ablation(**changes: Any) -> dict[str, Any]:
    """Make the file of an ablation."""
    training = dict(batch_size=512, num_epochs=1)
    ablation: dict[str, Any] = dict(
        datasets=["nations"],
        models=["TransE"],
        losses=["nssa"],
        optimizers=["adam"],
        training_loops=["slcwa"],
        model_to_model_kwargs=dict(TransE=dict(embedding_dim=4)),
        model_to_training_loop_to_training_kwargs=dict(TransE=dict(slcwa=training, dhns=training)),
    )
    optuna = {key: value for key, value in OPTUNA.items() if key != "storage"}
    return dict(metadata={}, ablation=ablation | changes, optuna=optuna)


def run_ablation(tmp_path: Path, **changes: Any) -> None:
    """Run an ablation."""
    path = tmp_path / "ablation.json"
    path.write_text(json.dumps(make_ablation(**changes)), encoding="utf8")
    run_pykeen("experiments", "ablation", path, "-d", tmp_path)


@pytest.mark.slow
def test_ablation(runs: list[PipelineResult], tmp_path: Path) -> None:
    """An ablation over losses and training loops takes our names."""
    run_ablation(tmp_path, losses=["nssa", "dhns"], training_loops=["dhns"])
    assert [type(result.model.loss).__name__ for result in runs] == ["NSSALoss", "HardnessAdaptiveLoss"]
    assert {type(result.training_loop).__name__ for result in runs} == {"DHNSTrainingLoop"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        dict(negative_sampler="dhns"),
        dict(
            model_to_training_loop_to_training_loop_kwargs=dict(TransE=dict(slcwa=dict(negative_sampler="bernoulli"))),
        ),
    ],
)
def test_ablation_ignores_sampler(changes: dict[str, Any], runs: list[PipelineResult], tmp_path: Path) -> None:
    """PyKEEN's ablation runs ``basic``, whatever its file says. If this fails, docs/comparing.md is out of date."""
    run_ablation(tmp_path, **changes)
    (result,) = runs
    assert sampler_of(result).__name__ == "BasicNegativeSampler"


@pytest.mark.slow
def test_ablation_by_training_loop(runs: list[PipelineResult], tmp_path: Path) -> None:
    """With our training loop, the sampler among the loop's arguments is used, as docs/comparing.md says."""
    kwargs = dict(negative_sampler="fastbernoulli", generator="none")
    run_ablation(
        tmp_path,
        training_loops=["dhns"],
        model_to_training_loop_to_training_loop_kwargs=dict(TransE=dict(dhns=kwargs)),
    )
    (result,) = runs
    assert sampler_of(result) == "fastbernoulli"


@pytest.mark.slow
def test_ablation_in_two_steps(runs: list[PipelineResult], tmp_path: Path) -> None:
    """A sampler that is put into the files of a dry run is used, as docs/comparing.md says."""
    path = tmp_path / "ablation.json"
    path.write_text(json.dumps(make_ablation()), encoding="utf8")
    ((folder, search),) = prepare_ablation_from_path(path, tmp_path / "output", save_artifacts=False)
    content = json.loads(Path(search).read_text(encoding="utf8"))
    content["pipeline"]["negative_sampler"] = "dhns"
    Path(search).write_text(json.dumps(content), encoding="utf8")
    run_pykeen("experiments", "optimize", search, "-d", folder)
    (result,) = runs
    assert sampler_of(result).__name__ == "DHNSNegativeSampler"
