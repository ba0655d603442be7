"""Tests for the datasets by name: in the pipeline, in PyKEEN's command line, and in experiments."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pykeen.cli import main
from pykeen.pipeline import pipeline

from .small import NUM_RELATIONS, TRIPLES, Small, write_files


@pytest.fixture(name="folder", autouse=True)
def _folder(tmp_path: Path, small: type[Small], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the dataset to where the variable says, and change to an empty folder."""
    monkeypatch.setenv("PYKEEN_DHNS_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return write_files(tmp_path / "data" / small.folder_name)


def run(*arguments: str) -> None:
    """Run PyKEEN's command line."""
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("arguments", [(), ("--training-loop", "dhns"), ("--create-inverse-triples",)])
def test_train(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """PyKEEN's command line trains on a dataset by its name."""
    shared = ("--dataset", "small", "--embedding-dim", "4", "--number-epochs", "1", "--device", "cpu")
    run("train", "transe", *shared, *arguments, "--output-directory", str(tmp_path / "output"))
    results = json.loads((tmp_path / "output" / "results.json").read_text(encoding="utf8"))
    assert 0 < results["metrics"]["both"]["realistic"]["inverse_harmonic_mean_rank"] <= 1


# PyKEEN warns of itself, when it collects the results
@pytest.mark.filterwarnings("ignore:Please explicitly provide a metric result class:DeprecationWarning")
def test_experiment(tmp_path: Path) -> None:
    """So does an experiment, with the sampler, and arguments of the dataset."""
    configuration: dict[str, Any] = dict(
        metadata=dict(title="a small one"),
        pipeline=dict(
            dataset="small",
            dataset_kwargs=dict(validation="held-out", random_state=1),
            model="transe",
            model_kwargs=dict(embedding_dim=4),
            negative_sampler="dhns",
            training_kwargs=dict(num_epochs=1, use_tqdm=False),
            device="cpu",
        ),
    )
    (tmp_path / "experiment.json").write_text(json.dumps(configuration), encoding="utf8")
    run("experiments", "run", "experiment.json", "--directory", "experiments")
    assert list(tmp_path.glob("experiments/*/**/results.json"))


@pytest.mark.parametrize(
    ("dataset_kwargs", "num_triples", "num_relations"),
    [
        (dict(), len(TRIPLES["train"]), NUM_RELATIONS),
        (dict(create_inverse_triples=True), len(TRIPLES["train"]), 2 * NUM_RELATIONS),
        (dict(validation="held-out"), len(TRIPLES["train"]) * 9 // 10, NUM_RELATIONS),
    ],
)
def test_pipeline(dataset_kwargs: dict[str, Any], num_triples: int, num_relations: int, folder: Path) -> None:
    """The pipeline gives the same result with and without PyKEEN's cache."""
    results = []
    for _ in range(2):
        result = pipeline(
            dataset="small",
            dataset_kwargs=dataset_kwargs,
            model="TransE",
            model_kwargs=dict(embedding_dim=4),
            negative_sampler="dhns",
            training_kwargs=dict(num_epochs=1, use_tqdm=False),
            evaluation_kwargs=dict(use_tqdm=False),
            random_seed=0,
            device="cpu",
        )
        assert result.training.num_triples == num_triples
        assert result.training.num_relations == num_relations
        results.append((result.losses, result.get_metric("mrr")))
        # what comes next is from the cache
        for path in folder.iterdir():
            path.unlink()
    assert results[0] == results[1]
