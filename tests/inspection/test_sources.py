"""Test that what is looked at is what trains the model."""

from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.pipeline import PipelineResult
from pykeen.triples import CoreTriplesFactory
from torch import Tensor

from pykeen_dhns import DHNSNegativeSampler, DHNSTrainingLoop, inspect_result
from pykeen_dhns.generators.diffheg import DiffHEG
from pykeen_dhns.inspection import KeepSampler, inspect_sampler, inspect_training_loop
from pykeen_dhns.inspection.inspection import inspect_source
from pykeen_dhns.inspection.loop_source import LoopSource
from pykeen_dhns.inspection.sampler_source import SamplerSource
from pykeen_dhns.inspection.settings import InspectionSettings

from .runs import run


def loop_of(result: PipelineResult) -> DHNSTrainingLoop:
    """Get the training loop."""
    assert isinstance(result.training_loop, DHNSTrainingLoop)
    return result.training_loop


def run_with_sampler(**kwargs: Any) -> tuple[PipelineResult, DHNSNegativeSampler]:
    """Run PyKEEN's own loop with our sampler, and keep it."""
    keeper = KeepSampler()
    training_kwargs = dict(num_epochs=2, batch_size=256, callbacks=keeper)
    result = run(negative_sampler="dhns", training_kwargs=training_kwargs, **kwargs)
    assert isinstance(keeper.sampler, DHNSNegativeSampler)
    return result, keeper.sampler


def tensors(*modules: torch.nn.Module) -> list[Tensor]:
    """Copy all tensors of modules."""
    return [x.clone() for module in modules for x in (*module.parameters(), *module.buffers())]


@pytest.mark.parametrize("model", ["RotatE", "TransE", "DistMult", "BoxE", "CompGCN", "ConvE"])
def test_models(model: str) -> None:
    """All kinds of models can be inspected: of one or several parts, with message passing, with inverse triples."""
    kwargs: dict[str, Any] = dict(model_kwargs=dict(embedding_dim=4))
    if model in {"CompGCN", "ConvE"}:
        kwargs["dataset_kwargs"] = dict(create_inverse_triples=True)
    if model == "ConvE":
        small = dict(embedding_dim=12, output_channels=4, embedding_height=3, embedding_width=4)
        kwargs["model_kwargs"] = small
    result = run(model=model, training_loop="dhns", **kwargs)
    inspection = inspect_result(result, max_triples=100)
    assert inspection.model == model
    assert {example.relation for example in inspection.examples} <= set(Nations().training.relation_to_id)
    assert {relation.label for relation in inspection.relations} <= set(Nations().training.relation_to_id)
    triples = Nations().training.triples.tolist()
    assert all([x.head, x.relation, x.tail] in triples for x in inspection.examples)


@pytest.mark.parametrize("side", ["head", "tail"])
def test_loop_scores(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If what is generated were the true embeddings, the model would score them as it does."""
    result = run(training_loop="dhns", model="RotatE")
    source = LoopSource(loop_of(result).objective, result.training)
    triples = source.triples[:50]
    targets = source._read(triples).targets
    monkeypatch.setattr(DiffHEG, "generate", lambda *_: torch.stack([targets, -targets]))
    scored = source.score_generated(triples)
    column = 0 if side == "head" else 1
    torch.testing.assert_close(scored.generated[0, :, column], scored.positive)
    torch.testing.assert_close(scored.true_by_modality[0, :, column], scored.positive)
    torch.testing.assert_close(scored.by_modality[:, 0], scored.generated)
    assert not torch.allclose(scored.generated[1, :, column], scored.positive)
    torch.testing.assert_close(source.score(triples), scored.positive)
    # and they would be the nearest
    embeddings, _ = source.embed("tail" if side == "tail" else "head")
    samples, _ = source.generate(triples, "tail" if side == "tail" else "head")
    torch.testing.assert_close(samples[0, 0], embeddings[0, triples[:, 2 * column]])


def test_modalities(textual: str) -> None:
    """Modalities are told apart, and those that an entity lacks are left out."""
    result = run(
        model="multimodal",
        model_kwargs=dict(interaction="rotate", embedding_dim=4, modalities=dict(textual=textual)),
        training_loop="dhns",
        training_loop_kwargs=dict(multimodal=True),
    )
    inspection = inspect_result(result, num_examples=200)
    assert inspection.modalities == ("structural", "textual")
    labels = {result.training.entity_id_to_label[index] for index in (2, 3)}  # type: ignore[attr-defined]
    for example in inspection.examples:
        structural, own = example.neighborhoods[:2]
        assert (structural.modality, own.modality) == ("structural", "textual")
        assert structural.rank is not None
        assert (own.neighbors is None) == (example.head in labels)
        assert (own.rank is None) == bool({example.head, example.tail} & labels)
        assert own.neighbors is None or not labels & {neighbor.label for neighbor in own.neighbors}
    assert {projection.modality for projection in inspection.projections} == {"structural", "textual"}
    assert inspection.scores.by_modality[:, 1].isnan().any()
    # both modalities count equally, where both exist
    both = ~inspection.scores.by_modality.isnan().any(dim=1)
    torch.testing.assert_close(
        inspection.scores.by_modality.mean(dim=1)[both], inspection.scores.generated[both], rtol=1e-4, atol=1e-5
    )


def test_single_modality(textual: str) -> None:
    """Without multimodal=True, there is nothing but the structural one."""
    result = run(
        model="multimodal",
        model_kwargs=dict(interaction="distmult", embedding_dim=4, modalities=dict(textual=textual)),
        training_loop="dhns",
    )
    assert inspect_result(result).modalities == ("structural",)


@pytest.mark.parametrize("model", ["RotatE", "CompGCN"])
def test_nothing_changes(model: str) -> None:
    """Training goes on as if nobody had looked."""
    states = []
    for looks in (False, True):
        result = run(
            model=model,
            dataset_kwargs=dict(create_inverse_triples=model == "CompGCN"),
            training_loop="dhns",
            random_seed=3,
            clear_optimizer=False,
        )
        loop = loop_of(result)
        modes = [module.training for module in result.model.modules()]
        if looks:
            inspect_training_loop(loop, result.training)
        assert [module.training for module in result.model.modules()] == modes
        torch.manual_seed(4)
        loop.train(result.training, num_epochs=3, continue_training=True, batch_size=256, use_tqdm=False)
        assert loop.objective.generator is not None
        states.append(tensors(result.model, loop.objective.generator))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_sampler() -> None:
    """A sampler shows what it generates, and which entities it chooses, and does not learn meanwhile."""
    result, sampler = run_with_sampler()
    before = tensors(sampler)
    inspection = inspect_sampler(sampler, result.model, result.training, num_examples=30, num_neighbors=6)
    assert all(torch.equal(a, b) for a, b in zip(tensors(sampler), before, strict=True))
    assert sampler.training
    assert inspection.modalities == ("shadow",)
    assert inspection.scores.generated.shape == (4, 1592, 2)
    chosen: set[str] = set()
    for example in inspection.examples:
        for neighborhood in example.neighborhoods:
            assert len(neighborhood.chosen) == 6
            chosen |= set(neighborhood.chosen)
    assert len(chosen) > 5
    assert all(panel.chosen.shape == panel.generated.shape for panel in inspection.projections[0].panels)
    assert "| become negatives |" in inspection.to_markdown()


@pytest.mark.parametrize("target", ["head", "tail"])
def test_chosen_side(target: Any) -> None:
    """Chosen entities take the place of the side that is looked at, and are its true negatives."""
    result, sampler = run_with_sampler(dataset="kinships")
    source = SamplerSource(sampler, result.model, result.training)
    triples = source.triples[:40]
    chosen = source.choose(triples, target, 3)
    assert chosen.shape == (4, 40, 3)
    known = source.known_answers(triples, target)
    # each of these triples has entities that make no known one
    assert not known.all(dim=-1).any()
    assert not known[torch.arange(40).view(1, -1, 1), chosen].any()


def test_sampler_with_inverse_triples() -> None:
    """With inverse triples, relations keep their labels, and known triples are still recognised."""
    result, sampler = run_with_sampler(dataset_kwargs=dict(create_inverse_triples=True))
    inspection = inspect_result(result, sampler=sampler, max_triples=10_000)
    counts = {relation.label: relation.num_triples for relation in inspection.relations}
    factory = Nations().training
    assert sum(counts.values()) == factory.num_triples
    assert counts == {
        factory.relation_id_to_label[int(i)]: int(n)
        for i, n in zip(*factory.mapped_triples[:, 1].unique(return_counts=True), strict=True)
    }
    # the model gives these scores, by PyKEEN's own way to ask for them
    expected = result.model.predict_hrt(factory.mapped_triples).flatten().sort().values
    torch.testing.assert_close(inspection.scores.positive.sort().values, expected.detach())


@pytest.mark.parametrize("generator", ["noise", "shadow"])
def test_controls(generator: str) -> None:
    """Controls can be looked at, too, and the report says that they are."""
    result, sampler = run_with_sampler(negative_sampler_kwargs=dict(generator=generator))
    report = inspect_result(result, sampler=sampler).to_markdown()
    assert ("noise, the control" if generator == "noise" else "shadow's own guess, the control") in report
    if generator == "noise":
        loop = run(training_loop="dhns", training_loop_kwargs=dict(generator="noise"))
        assert "noise, the control" in inspect_result(loop).to_markdown()


def test_without_labels() -> None:
    """Without labels, there are IDs."""
    result, sampler = run_with_sampler()
    factory = result.training
    nameless = CoreTriplesFactory(
        mapped_triples=factory.mapped_triples, num_entities=factory.num_entities, num_relations=factory.num_relations
    )
    inspection = inspect_source(
        SamplerSource(sampler, result.model, nameless), InspectionSettings(examples=[("0", "1", "2")])
    )
    (example,) = inspection.examples
    assert (example.head, example.relation, example.tail) == ("0", "1", "2")


def test_nothing_to_see() -> None:
    """Where nothing is generated, the error says so, and what to do."""
    with pytest.raises(ValueError, match="generator='none' generates nothing"):
        inspect_result(run(training_loop="dhns", training_loop_kwargs=dict(generator="none")))
    result = run(negative_sampler="dhns")
    with pytest.raises(ValueError, match=r"forgets its sampler.* keeper = KeepSampler\(\)"):
        inspect_result(result)
    keeper = KeepSampler()
    result = run(negative_sampler="bernoulli", training_kwargs=dict(num_epochs=1, callbacks=keeper))
    with pytest.raises(ValueError, match="BernoulliNegativeSampler generates nothing"):
        inspect_result(result, sampler=keeper.sampler)
    result, sampler = run_with_sampler(negative_sampler_kwargs=dict(hard_fraction=0.0))
    with pytest.raises(ValueError, match="hard_fraction=0"):
        inspect_result(result, sampler=sampler)
