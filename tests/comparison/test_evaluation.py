"""Test that evaluations are PyKEEN's, but faster."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.evaluation import RankBasedEvaluator
from pykeen.evaluation import evaluator as evaluator_module
from pykeen.models import ERModel, Model, model_resolver

from pykeen_dhns.comparison.evaluation import ComparisonEvaluator, fast_distances, fast_filter


def make_model(name: str, kwargs: Mapping[str, Any], *, inverse: bool) -> tuple[Model, Nations]:
    """Make a model that is not trained."""
    dataset = Nations(create_inverse_triples=inverse)
    model = model_resolver.make(name, kwargs, triples_factory=dataset.training, random_seed=0)
    return model.eval(), dataset


def validation_triples(dataset: Nations) -> torch.Tensor:
    """Return the validation triples of a dataset, shape: (n, 3)."""
    assert dataset.validation is not None
    triples: torch.Tensor = dataset.validation.mapped_triples
    return triples


def known_triples(dataset: Nations) -> torch.Tensor:
    """Return all triples of a dataset, shape: (n, 3)."""
    return torch.cat([factory.mapped_triples for factory in dataset.factory_dict.values()])


def num_forward(model: Model, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often a model computes its scores in its own way."""
    assert isinstance(model, ERModel)
    calls = []
    cls = type(model.interaction)
    original = cls.forward

    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(cls, "forward", forward)
    return calls


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(
    ("name", "kwargs", "is_fast"),
    [
        ("RotatE", dict(embedding_dim=8), True),
        ("TransE", dict(embedding_dim=8, scoring_fct_norm=2), True),
        ("TransE", dict(embedding_dim=8, scoring_fct_norm=1), True),
        ("TransE", dict(embedding_dim=8, scoring_fct_norm=2, power_norm=True), True),
        ("PairRE", dict(embedding_dim=8), False),
        ("PairRE", dict(embedding_dim=8, p=2), True),
        ("MuRE", dict(embedding_dim=8), True),
        ("DistMult", dict(embedding_dim=8), False),
        ("ComplEx", dict(embedding_dim=8), False),
    ],
)
def test_ranks(
    name: str, kwargs: Mapping[str, Any], is_fast: bool, inverse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All ranks and metrics are those of PyKEEN's evaluator, and only those scores are replaced that can be."""
    model, dataset = make_model(name, kwargs, inverse=inverse)
    triples, known = validation_triples(dataset), known_triples(dataset)
    theirs = RankBasedEvaluator(clear_on_finalize=False)
    expected = theirs.evaluate(model, triples, additional_filter_triples=[known], batch_size=64, use_tqdm=False)
    calls = num_forward(model, monkeypatch)
    ours = ComparisonEvaluator(known)
    ours.clear_on_finalize = False
    # what PyKEEN's stopper passes is replaced by all triples; the last batch has a single one
    training = dataset.training.mapped_triples
    result = ours.evaluate(
        model, triples, additional_filter_triples=training, batch_size=len(triples) - 1, use_tqdm=False
    )
    assert bool(calls) != is_fast
    for side in ("head", "tail"):
        ranks = (np.concatenate(evaluator.ranks[side, "realistic"]).tolist() for evaluator in (ours, theirs))
        assert next(ranks) == next(ranks)
    assert result.get_metric("mrr") == pytest.approx(expected.get_metric("mrr"), abs=1e-6)
    assert ours.seconds > 0


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [("RotatE", {}), ("TransE", dict(scoring_fct_norm=2)), ("TransE", dict(scoring_fct_norm=1))],
)
@pytest.mark.parametrize("inverse", [False, True])
def test_scores(name: str, kwargs: Mapping[str, Any], inverse: bool) -> None:
    """Scores are the same, of all heads, all tails, all relations, and single triples."""
    model, dataset = make_model(name, dict(embedding_dim=8, **kwargs), inverse=inverse)
    for triples in (validation_triples(dataset)[:5], validation_triples(dataset)[:1]):
        scores: list[tuple[Callable[[torch.Tensor], torch.Tensor], torch.Tensor]] = [
            (model.predict_h, triples[:, 1:]),
            (model.predict_t, triples[:, :2]),
            (model.predict_r, triples[:, ::2]),
            (model.predict_hrt, triples),
        ]
        expected = [score(batch) for score, batch in scores]
        with fast_distances(model):
            actual = [score(batch) for score, batch in scores]
        for left, right in zip(actual, expected, strict=True):
            torch.testing.assert_close(left, right, atol=1e-5, rtol=1e-5)


def test_not_a_rotation() -> None:
    """Relations of other absolute values do not preserve distances."""
    model, dataset = make_model("RotatE", dict(embedding_dim=8), inverse=False)
    assert isinstance(model, ERModel)
    relation: Any = model.relation_representations[0]
    relation.normalizer = None
    relation.constrainer = None
    with torch.no_grad():
        relation._embeddings.weight.mul_(3.0)
    batch = validation_triples(dataset)[:5, 1:]
    expected = model.predict_h(batch)
    with fast_distances(model):
        torch.testing.assert_close(model.predict_h(batch), expected)


def test_restored() -> None:
    """Afterwards, also after an error, the model computes as before."""
    model, _ = make_model("RotatE", dict(embedding_dim=8), inverse=False)
    assert isinstance(model, ERModel)
    with fast_distances(model):
        assert "forward" in vars(model.interaction)
    assert "forward" not in vars(model.interaction)
    with contextlib.suppress(KeyError), fast_distances(model):
        raise KeyError
    assert "forward" not in vars(model.interaction)
    assert "forward" not in vars(model.interaction)


@pytest.mark.parametrize("column", [0, 2])
def test_filter(column: int) -> None:
    """Known answers are those that PyKEEN finds, and afterwards PyKEEN finds them again."""
    model, dataset = make_model("TransE", dict(embedding_dim=2), inverse=False)
    known, batch = known_triples(dataset).unique(dim=0), validation_triples(dataset)[:50]
    original = evaluator_module.create_sparse_positive_filter_
    expected, _ = original(batch, known, filter_col=column)
    with contextlib.suppress(KeyError), fast_filter(model):
        actual, _ = evaluator_module.create_sparse_positive_filter_(batch, known, filter_col=column)
        assert sorted(actual.tolist()) == sorted(expected.tolist())
        assert evaluator_module.create_sparse_positive_filter_ is not original
        raise KeyError
    assert evaluator_module.create_sparse_positive_filter_ is original


def test_times() -> None:
    """The times of all evaluations add up."""
    model, dataset = make_model("DistMult", dict(embedding_dim=8), inverse=False)
    evaluator = ComparisonEvaluator(known_triples(dataset))
    for triples in (validation_triples(dataset), dataset.testing.mapped_triples):
        seconds = evaluator.seconds
        evaluator.evaluate(model, triples, use_tqdm=False)
        assert evaluator.seconds > seconds


@pytest.mark.parametrize(("name", "kwargs"), [("RotatE", {}), ("TransE", dict(scoring_fct_norm=2)), ("MuRE", {})])
def test_outlier(name: str, kwargs: Mapping[str, Any]) -> None:
    """An entity whose norm is far above the others changes no rank."""
    model, dataset = make_model(name, dict(embedding_dim=8, **kwargs), inverse=False)
    assert isinstance(model, ERModel)
    embeddings: Any = model.entity_representations[0]
    with torch.no_grad():
        embeddings._embeddings.weight[0] *= 1e4
    triples, known = validation_triples(dataset), known_triples(dataset)
    evaluators = [RankBasedEvaluator(clear_on_finalize=False), ComparisonEvaluator(known)]
    for evaluator in evaluators:
        evaluator.clear_on_finalize = False
        evaluator.evaluate(model, triples, additional_filter_triples=[known], batch_size=64, use_tqdm=False)
    for side in ("head", "tail"):
        theirs, ours = (np.concatenate(evaluator.ranks[side, "realistic"]) for evaluator in evaluators)
        assert ours.tolist() == theirs.tolist()
