"""Test that experiments reproduce what they say."""

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pykeen.cli import main
from pykeen.constants import PYKEEN_DATASETS
from pykeen.evaluation import RankBasedEvaluator
from pykeen.pipeline import pipeline_from_config, pipeline_from_path

from pykeen_dhns.comparison import Comparison, compare
from pykeen_dhns.comparison.configuration import METRICS

from ..helpers.comparisons import CONTENT, find_cell, load, make
from ..test_documentation import load_benchmark

OWN_DATASETS = ("db15k", "mkgw", "mkgy")
EXPERIMENTS = sorted((Path(__file__).parents[2] / "examples" / "experiments").glob("*.json"))


@pytest.fixture(name="make_experiment")
def _make_experiment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Comparison], dict[str, Any]]:
    """Get a function that makes an experiment of the cell "dhns", as it is read from a file."""
    module = load_benchmark("experiments", monkeypatch)
    return lambda comparison: json.loads(
        json.dumps(module.make_experiment(load(comparison, tmp_path / "tiny"), find_cell(comparison, "dhns")))
    )


@pytest.mark.slow
def test_reproduces(make_experiment: Callable[[Comparison], dict[str, Any]], tmp_path: Path) -> None:
    """PyKEEN's pipeline, without any selection, comes to the same model as the run which selected the epoch."""
    # with such a learning rate, the best epoch hardly ever is the last one, of two
    pipeline = CONTENT["pipeline"] | {"optimizer_kwargs": {"lr": 2.0}}
    for seed in range(1, 8):
        comparison = make(pipeline=pipeline, trials=1, search=[], seeds=[seed, 0], published={"dhns": {"mrr": 99.0}})
        cell = find_cell(comparison, "dhns")
        if seed == 1:
            with pytest.raises(ValueError, match="tiny: dhns has 0 of 2 seeds"):
                make_experiment(comparison)
        assert not compare(comparison, tmp_path / "tiny", cells=[cell])
        experiment = make_experiment(comparison)
        if experiment["pipeline"]["training_kwargs"]["num_epochs"] == 1:
            break
    assert experiment["pipeline"]["training_kwargs"]["num_epochs"] == 1
    metadata = experiment["metadata"]
    assert metadata["published"] == {"mrr": 99.0}
    assert metadata["seeds"] == [seed, 0]
    result = pipeline_from_config(experiment)
    for name, value in metadata["first_seed"].items():
        assert result.get_metric(METRICS[name]) == pytest.approx(value, rel=1e-5)
    # PyKEEN compares what it obtains to this
    mean = experiment["results"]["both"]["realistic"]["hits_at_10"]
    assert abs(mean - metadata["first_seed"]["hits_at_10"]) * 2**0.5 == pytest.approx(
        metadata["standard_deviation"]["hits_at_10"], rel=1e-5
    )


@pytest.mark.slow
# PyKEEN tests the single result, of a single run, for significance
@pytest.mark.filterwarnings("ignore::RuntimeWarning:scipy", "ignore::RuntimeWarning:numpy")
@pytest.mark.filterwarnings("ignore:Please explicitly provide a metric result class:DeprecationWarning")
def test_command_line(
    make_experiment: Callable[[Comparison], dict[str, Any]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """PyKEEN's command line takes an experiment, and compares its result."""
    comparison = make(trials=1, search=[], seeds=[0])
    cell = find_cell(comparison, "dhns")
    assert not compare(comparison, tmp_path / "tiny", cells=[cell])
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps(make_experiment(comparison)), encoding="utf8")
    with caplog.at_level(logging.INFO):
        result = CliRunner().invoke(main, ["experiments", "run", str(path), "-d", str(tmp_path), "--keep-seed"])
    assert result.exit_code == 0, result.output
    # with one seed, there is no difference to the mean
    assert re.search(r"both.realistic.hits_at_10 +-?0\.0+ ", caplog.text)


@pytest.mark.slow
@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: str(path.stem))
def test_shortened(path: Path, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each experiment runs from its file, in a short form."""
    monkeypatch.setenv("PYKEEN_DHNS_DATA", str(published))
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf8"))
    dataset = content["pipeline"]["dataset"]
    if dataset not in OWN_DATASETS and not (PYKEEN_DATASETS / dataset).is_dir():
        pytest.skip(f"{dataset} is one of PyKEEN's, and has not been downloaded: get_dataset(dataset={dataset!r}) does")
    content["pipeline"]["training_kwargs"] |= dict(num_epochs=1, use_tqdm=False)
    content["pipeline"]["model_kwargs"]["embedding_dim"] = 4
    content["pipeline"]["evaluation_kwargs"] = dict(batch_size=256, use_tqdm=False)
    # a few triples, since it is the evaluation which takes long, with all entities of a published dataset
    original = RankBasedEvaluator.evaluate
    monkeypatch.setattr(
        RankBasedEvaluator,
        "evaluate",
        lambda self, model, mapped_triples, **kwargs: original(self, model, mapped_triples[:512], **kwargs),
    )
    short = tmp_path / "short.json"
    short.write_text(json.dumps(content), encoding="utf8")
    result = pipeline_from_path(short)
    assert 0 < result.get_metric("mrr") <= 1
