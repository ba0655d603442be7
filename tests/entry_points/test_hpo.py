"""Tests of hyper-parameter optimisation, by PyKEEN and Optuna."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import optuna
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.hpo import HpoPipelineResult, hpo_pipeline
from pykeen.pipeline import pipeline_from_path

from pykeen_dhns import DHNSNegativeSampler, DHNSTrainingLoop, HardnessAdaptiveLoss, MultimodalModel

from ..helpers.pages import read_page, run_page

#: A sampler and a loss that fit, in PyKEEN's own loop
FITTING: dict[str, Any] = dict(
    negative_sampler="dhns",
    negative_sampler_kwargs=dict(num_negs_per_pos=16, hard_fraction=0.125, anneal_epochs=None),
    loss="dhns",
)
#: Shared negatives only, where nothing that others need is searched
SHARED: dict[str, Any] = dict(
    training_loop="dhns",
    training_kwargs=dict(
        num_epochs=1,
        batch_size=1024,
        use_tqdm=False,
        # searched, if nothing is said about them
        **dict.fromkeys(("num_negs_per_pos", "num_timesteps", "learning_rate")),
    ),
    loss="infonce",
    loss_kwargs=dict(margin=0.0, log_adversarial_temperature=0.0),
)


def search(**kwargs: Any) -> HpoPipelineResult:
    """Search for a moment."""
    defaults: dict[str, Any] = dict(
        dataset="nations",
        model="TransE",
        model_kwargs=dict(embedding_dim=4, scoring_fct_norm=1),
        optimizer_kwargs=dict(lr=0.1),
        training_kwargs=dict(num_epochs=1, batch_size=1024, use_tqdm=False),
        evaluator_kwargs=dict(metrics=["mrr"], add_defaults=False),
        evaluation_kwargs=dict(use_tqdm=False, batch_size=256),
        sampler="random",
        n_trials=2,
        device="cpu",
    )
    return hpo_pipeline(**(defaults | kwargs))


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        (
            dict(
                negative_sampler="dhns",
                loss="nssa",
                loss_kwargs=dict(margin=3, adversarial_temperature=1.0),
                negative_sampler_kwargs_ranges=dict(
                    num_negs_per_pos=dict(type=int, low=1, high=4),
                    num_candidates=dict(type=int, low=8, high=64, log=True),
                ),
            ),
            {
                f"negative_sampler.{name}"
                for name in (
                    "num_negs_per_pos",
                    "hard_fraction",
                    "anneal_epochs",
                    "guidance",
                    "base_sampler",
                    "num_timesteps",
                    "learning_rate",
                    "num_candidates",
                )
            },
        ),
        (
            FITTING,
            {
                *("negative_sampler.guidance", "negative_sampler.base_sampler"),
                *("negative_sampler.num_timesteps", "negative_sampler.learning_rate"),
                *("loss.margin", "loss.adaptivity", "loss.hardness_weight"),
            },
        ),
        (
            dict(
                training_loop="dhns",
                training_loop_kwargs=dict(base_sampler="fastbernoulli"),
                training_kwargs_ranges=dict(generated_share=dict(type=float, low=0.1, high=1.0)),
                loss="dhns",
                loss_kwargs=dict(margin=3, hardness_weight=0.1),
                loss_kwargs_ranges=dict(positive_weight=dict(type=float, low=0.0, high=1.0)),
            ),
            {
                *("loss.adaptivity", "loss.positive_weight", "training.generated_share"),
                *("training.num_negs_per_pos", "training.num_timesteps", "training.learning_rate"),
            },
        ),
        (dict(**SHARED, training_loop_kwargs=dict(num_shared_negs=8)), set()),
        (
            dict(**SHARED, training_kwargs_ranges=dict(num_shared_negs=dict(type=int, low=4, high=8, q=4))),
            {"training.num_shared_negs"},
        ),
    ],
)
def test_names(kwargs: dict[str, Any], expected: set[str]) -> None:
    """The search covers the default arguments, and those that are asked for. No trial fails."""
    study = search(**kwargs).study
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE"]
    assert {name for trial in study.trials for name in trial.params} == expected


def test_extremes() -> None:
    """The ends of default ranges work: of the sampler, and of the loss."""
    triples = Nations().training.mapped_triples
    losses = [HardnessAdaptiveLoss(**kwargs) for kwargs in iterate_extremes(HardnessAdaptiveLoss.hpo_default)]
    for kwargs in iterate_extremes(DHNSNegativeSampler.hpo_default):
        sampler = DHNSNegativeSampler(mapped_triples=triples, **kwargs)
        negatives = sampler.corrupt_batch(triples[:8])
        assert negatives.shape == (8, kwargs["num_negs_per_pos"], 3)
        # each differs from its positive, in the head or in the tail
        assert ((negatives != triples[:8].unsqueeze(dim=1)).sum(dim=-1) == 1).all()
        for loss in losses:
            assert loss.process_slcwa_scores(torch.randn(8, 1), torch.randn(negatives.shape[:-1])).isfinite()


def iterate_extremes(ranges: Any) -> Iterator[dict[str, Any]]:
    """Yield all lower ends and all upper ends, and each of both with one argument at its other end."""
    ends = {
        name: (entry["choices"][0], entry["choices"][-1])
        if entry["type"] == "categorical"
        else (entry["low"], entry["high"])
        for name, entry in ranges.items()
    }
    for i in (0, 1):
        base = {name: values[i] for name, values in ends.items()}
        yield base
        yield from (base | {name: values[1 - i]} for name, values in ends.items())


def test_fixed_where_it_is_searched() -> None:
    """Arguments of the loop that the search suggests, too, are an error that says where to put them."""
    with pytest.raises(ValueError, match=r"num_timesteps is given twice.*training_kwargs=dict\(num_timesteps=\.\.\.\)"):
        search(training_loop="dhns", training_loop_kwargs=dict(num_timesteps=5), n_trials=1)


def test_pruned(tmp_path: Path) -> None:
    """A trial in our loop is pruned after its first epoch, and its tracker is told. The next one goes on."""
    kwargs: dict[str, Any] = dict(
        training_loop="dhns",
        loss="dhns",
        training_kwargs=dict(num_epochs=3, batch_size=1024, use_tqdm=False, num_negs_per_pos=2),
        stopper="early",
        stopper_kwargs=dict(frequency=1, patience=1000, metric="mrr"),
        storage=optuna.storages.InMemoryStorage(),
        study_name="pruned",
        load_if_exists=True,
        n_trials=1,
    )
    tracked = tmp_path / "pruned.jsonl"
    # no reciprocal rank is that large
    search(
        **kwargs,
        pruner="threshold",
        pruner_kwargs=dict(lower=2.0),
        result_tracker="jsonlines",
        result_tracker_kwargs=dict(path=tracked),
    )
    lines = [json.loads(line) for line in tracked.read_text(encoding="utf8").splitlines()]
    assert lines[-1] == dict(metrics=dict(pruned=1), prefix=None, step=1)
    pruned, completed = search(**kwargs, pruner="nop").study.trials
    assert (pruned.state.name, list(pruned.intermediate_values)) == ("PRUNED", [1])
    assert (completed.state.name, list(completed.intermediate_values)) == ("COMPLETE", [1, 2, 3])


@pytest.mark.parametrize("kind", ["sampler", "multimodal"])
def test_best_pipeline(kind: str, tmp_path: Path) -> None:
    """The best pipeline is saved as JSON. With the seed of the best trial, it gives the same value, bit for bit."""
    numpy.save(tmp_path / "textual.npy", numpy.random.default_rng(0).normal(size=(14, 5)))
    kwargs: dict[str, Any] = dict(
        sampler=dict(negative_sampler="dhns", negative_sampler_kwargs=dict(base_sampler="fastbernoulli")),
        multimodal=dict(
            model="multimodal",
            model_kwargs=dict(interaction="transe", modalities=dict(textual=str(tmp_path / "textual.npy"))),
            model_kwargs_ranges=dict(embedding_dim=dict(type=int, low=4, high=6, q=2)),
            training_loop="dhns",
            loss="dhns",
        ),
    )[kind]
    result = search(**kwargs)
    result.save_to_directory(tmp_path)
    seed = result.study.best_trial.user_attrs["random_seed"]
    path = tmp_path / "best_pipeline" / "pipeline_config.json"
    again = pipeline_from_path(path, random_seed=seed, use_testing_data=False, device="cpu")
    assert again.get_metric("mrr") == result.study.best_value


def test_defaults() -> None:
    """The page's table lists what is searched by default."""
    rows = dict(re.findall(r"^\| `(\w+=\"\w+\")` \| (.*) \|$", read_page("hpo"), flags=re.MULTILINE))
    assert {name: set(re.findall(r"`(\w+)`", arguments)) for name, arguments in rows.items()} == {
        'negative_sampler="dhns"': set(DHNSNegativeSampler.hpo_default),
        'training_loop="dhns"': set(DHNSTrainingLoop.hpo_default),
        'loss="dhns"': set(HardnessAdaptiveLoss.hpo_default),
        'model="multimodal"': set(MultimodalModel.hpo_default),
    }


@pytest.mark.slow
def test_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page runs: two workers share a study on disk, a third one goes on, and the best pipeline is replicated."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    variables = run_page("hpo", tmp_path)
    monkeypatch.delitem(sys.modules, "search")
    study = optuna.load_study(study_name="search", storage="sqlite:///search.db")
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3
    assert all("training.generated_share" in trial.params for trial in study.trials)
    assert study.best_value == variables["result"].study.best_value
    (replicate,) = (tmp_path / "replicated" / "replicates").iterdir()
    assert json.loads((replicate / "results.json").read_text(encoding="utf8"))["metrics"]
