"""Test that the sources are what trains the model."""

import re
from typing import Any

import pytest
import torch
from pykeen.constants import TARGET_TO_INDEX
from pykeen.datasets import Nations
from pykeen.triples import CoreTriplesFactory
from torch import Tensor

from pykeen_dhns import inspect_result
from pykeen_dhns.inspection import KeepSampler, LoopSource, SamplerSource, inspect_source
from pykeen_dhns.inspection.saving import find_generator

from .runs import run, run_with_sampler


def tensors(*modules: torch.nn.Module) -> list[Tensor]:
    """Copy all tensors of modules."""
    return [x.clone() for module in modules for x in (*module.parameters(), *module.buffers())]


@pytest.mark.parametrize("model", ["TransE", "DistMult", "BoxE", "CompGCN", "ConvE"])
def test_models(model: str) -> None:
    """Models with several representations, message passing, or inverse triples can be inspected."""
    kwargs: dict[str, Any] = dict(model_kwargs=dict(embedding_dim=4))
    if model in {"CompGCN", "ConvE"}:
        kwargs["dataset_kwargs"] = dict(create_inverse_triples=True)
    if model == "ConvE":
        small = dict(embedding_dim=12, output_channels=4, embedding_height=3, embedding_width=4)
        kwargs["model_kwargs"] = small
    inspection = inspect_result(run(model=model, training_loop="dhns", **kwargs), max_triples=100)
    assert type(inspection.source.model).__name__ == model
    assert set(inspection.relations["relation"]) <= set(Nations().training.relation_to_id)
    triples = {tuple(triple) for triple in Nations().training.triples}
    assert {*inspection.neighbors[["head", "relation", "tail"]].itertuples(index=False, name=None)} <= triples


@pytest.mark.parametrize("target", ["head", "tail"])
def test_true_embeddings(target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the true embeddings were generated, they would be the nearest, and have the scores of the positives."""
    result = run(training_loop="dhns", model="RotatE")
    source = LoopSource(result.model, result.training, **find_generator(result)["loop"])
    triples = source.triples[:50]
    index = 0 if target == "head" else 2
    heads, tails = source.embed("head"), source.embed("tail")
    targets = torch.cat([heads[:, triples[:, 0]], tails[:, triples[:, 2]]])
    targets = source.generator.target_scale.denormalize(targets).detach()
    monkeypatch.setattr(type(source.generator), "generate", lambda *_: torch.stack([targets, -targets]))
    scores, positive = source.score_generated(triples)[:, :, index // 2], source.score(triples)
    torch.testing.assert_close(scores[0], positive)
    assert not torch.allclose(scores[1], positive)
    samples = source.generate(triples, target)
    torch.testing.assert_close(samples[0, 0], source.embed(target)[0, triples[:, index]])


def test_modalities(textual: str) -> None:
    """Modalities are told apart, and those that an entity lacks are left out."""
    kwargs = dict(interaction="rotate", embedding_dim=4, modalities=dict(textual=textual))
    loop_kwargs = dict(multimodal=True)
    result = run(model="multimodal", model_kwargs=kwargs, training_loop="dhns", training_loop_kwargs=loop_kwargs)
    inspection = inspect_result(result, num_examples=200)
    assert inspection.source.modalities == ("structural", "textual")
    assert "multimodal=True" not in inspection.to_markdown()
    frame = inspection.neighbors
    without = {result.training.entity_id_to_label[index] for index in (2, 3)}  # type: ignore[attr-defined]
    textual_rows = frame["modality"] == "textual"
    structural, own = frame[~textual_rows], frame[textual_rows]
    assert structural["rank"].notna().all()
    assert set(structural["head"]) & without
    assert not (set(own["head"]) | set(own["entity"])) & without
    assert own["rank"].isna().equals(own["tail"].isin(without))
    assert set(inspection.projection["modality"]) == {"structural", "textual"}


def test_single_modality(textual: str) -> None:
    """Without multimodal=True, only the structural modality is generated, and the report says how to change that."""
    kwargs = dict(interaction="distmult", embedding_dim=4, modalities=dict(textual=textual))
    result = run(model="multimodal", model_kwargs=kwargs, training_loop="dhns")
    inspection = inspect_result(result)
    assert inspection.source.modalities == ("structural",)
    hint = r"The model also has the modalities textual, for .* training_loop_kwargs=dict\(multimodal=True\)"
    assert re.search(hint, inspection.to_markdown())


@pytest.mark.parametrize("model", ["RotatE", "CompGCN"])
def test_training_goes_on(model: str) -> None:
    """An inspection does not change the training that follows."""
    states = []
    for inspect in (False, True):
        result = run(
            model=model,
            dataset_kwargs=dict(create_inverse_triples=model == "CompGCN"),
            training_loop="dhns",
            random_seed=3,
            clear_optimizer=False,
        )
        modes = [module.training for module in result.model.modules()]
        if inspect:
            inspect_result(result)
        assert [module.training for module in result.model.modules()] == modes
        torch.manual_seed(4)
        loop: Any = result.training_loop
        loop.train(result.training, num_epochs=3, continue_training=True, batch_size=256, use_tqdm=False)
        states.append(tensors(result.model, loop.objective.generator))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_sampler() -> None:
    """A sampler shows which entities become negatives, and does not learn meanwhile."""
    result, sampler = run_with_sampler()
    before = tensors(sampler)
    inspection = inspect_result(result, sampler=sampler, num_examples=30, num_neighbors=6)
    assert all(torch.equal(a, b) for a, b in zip(tensors(sampler), before, strict=True))
    assert sampler.training
    assert inspection.source.modalities == ("proxy model",)
    assert (inspection.scores["triples"].value_counts()[[*inspection.source.levels]] == 2 * 1592).all()
    assert inspection.negatives is not None
    assert (inspection.negatives.groupby(["head", "relation", "tail", "level"]).size() == 6).all()
    assert inspection.negatives["entity"].nunique() > 5
    assert "| become negatives" in inspection.to_markdown()


@pytest.mark.parametrize("target", ["head", "tail"])
def test_negatives_of_a_side(target: Any) -> None:
    """Negatives are for the chosen side, and make no known triples."""
    result, sampler = run_with_sampler(dataset="kinships")
    source = SamplerSource(result.model, result.training, sampler)
    triples = source.triples[:40]
    negatives = source.sample_negatives(triples, target, 3)
    assert negatives.shape == (4, 40, 3)
    completions = triples.unsqueeze(dim=1).repeat(4, 1, 3, 1)
    completions[..., TARGET_TO_INDEX[target]] = negatives
    assert not source.known.contains(completions).any()


def test_inverse_triples() -> None:
    """With inverse triples, relations keep their labels, and the model scores the relations that PyKEEN means."""
    result, sampler = run_with_sampler(dataset_kwargs=dict(create_inverse_triples=True))
    inspection = inspect_result(result, sampler=sampler, max_triples=10_000)
    factory = Nations().training
    assert set(inspection.relations["relation"]) == set(factory.relation_to_id)
    expected = result.model.predict_hrt(factory.mapped_triples).flatten().sort().values.tolist()
    positives = inspection.scores.loc[inspection.scores["triples"] == "positives", "score"]
    assert sorted(positives) == pytest.approx(expected)


def test_without_labels() -> None:
    """Without labels, IDs stand for them."""
    result, sampler = run_with_sampler()
    factory = result.training
    nameless = CoreTriplesFactory(
        mapped_triples=factory.mapped_triples, num_entities=factory.num_entities, num_relations=factory.num_relations
    )
    source = SamplerSource(result.model, nameless, sampler)
    frame = inspect_source(source, examples=[("0", "1", "2")]).neighbors
    assert frame.loc[0, ["head", "relation", "tail"]].tolist() == ["0", "1", "2"]


def test_nothing_to_inspect() -> None:
    """If nothing is generated, the error says so, and what to do."""
    with pytest.raises(ValueError, match=r"choose a generator other than 'none'"):
        inspect_result(run(training_loop="dhns", training_loop_kwargs=dict(generator="none")))
    with pytest.raises(ValueError, match=r"would drop: keeper = KeepSampler\(\)"):
        inspect_result(run(negative_sampler="dhns"))
    keeper = KeepSampler()
    result = run(negative_sampler="bernoulli", training_kwargs=dict(num_epochs=1, callbacks=keeper))
    with pytest.raises(ValueError, match="BernoulliNegativeSampler generates nothing"):
        inspect_result(result, sampler=keeper.sampler)
    result, sampler = run_with_sampler(negative_sampler_kwargs=dict(hard_fraction=0.0))
    with pytest.raises(ValueError, match="with a hard_fraction above 0"):
        inspect_result(result, sampler=sampler)
