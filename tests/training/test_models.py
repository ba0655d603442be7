"""Tests for the one-string change: PyKEEN's models, losses, and ways to train, with the sampler by name."""

from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.losses import loss_resolver
from pykeen.pipeline import PipelineResult, pipeline
from pykeen.training.callbacks import TrainingCallback

MODELS: dict[str, dict[str, Any]] = {
    "TransE": dict(embedding_dim=8),
    "TransH": dict(embedding_dim=8),
    "DistMult": dict(embedding_dim=8),
    "ComplEx": dict(embedding_dim=8),
    "RotatE": dict(embedding_dim=8),
    "QuatE": dict(embedding_dim=8),
    "PairRE": dict(embedding_dim=8),
    "RESCAL": dict(embedding_dim=8),
    "SimplE": dict(embedding_dim=8),
    "TuckER": dict(embedding_dim=8),
    "BoxE": dict(embedding_dim=8),
    "ConvE": dict(embedding_dim=12, output_channels=4, embedding_height=3, embedding_width=4),
    "CompGCN": dict(embedding_dim=8),
    "RGCN": dict(embedding_dim=8),
}
#: Whether models need inverse triples, or refuse them
INVERSE = {"ConvE": True, "CompGCN": True, "RGCN": False}


def run(**kwargs: Any) -> PipelineResult:
    """Run the pipeline for a moment."""
    defaults: dict[str, Any] = dict(
        dataset="nations",
        model="TransE",
        model_kwargs=dict(embedding_dim=8),
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=4),
        training_kwargs=dict(num_epochs=2, batch_size=128, use_tqdm=False),
        evaluation_kwargs=dict(use_tqdm=False, batch_size=128),
        random_seed=0,
        device="cpu",
    )
    return pipeline(**(defaults | kwargs))


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("model", list(MODELS))
def test_models(model: str, inverse: bool) -> None:
    """Each model trains with its own defaults, with inverse triples and without."""
    if INVERSE.get(model, inverse) != inverse:
        pytest.skip(f"{model} needs create_inverse_triples={not inverse}")
    result = run(model=model, model_kwargs=MODELS[model], dataset_kwargs=dict(create_inverse_triples=inverse))
    assert all(torch.isfinite(torch.as_tensor(result.losses)))
    assert 0 < result.get_metric("mrr") <= 1


@pytest.mark.parametrize("loss", sorted(loss_resolver.lookup_dict))
def test_losses(loss: str) -> None:
    """Each loss that PyKEEN can train by negative sampling also trains with this sampler."""
    if not supports_negative_sampling(loss):
        pytest.skip(f"PyKEEN cannot train with {loss} by negative sampling")
    result = run(loss=loss)
    assert all(torch.isfinite(torch.as_tensor(result.losses)))


def supports_negative_sampling(loss: str) -> bool:
    """Return whether PyKEEN can train with a loss and its own sampler."""
    try:
        run(loss=loss, negative_sampler="basic", training_kwargs=dict(num_epochs=1, use_tqdm=False))
    except NotImplementedError:
        return False
    return True


def test_defaults() -> None:
    """The bare change of one string."""
    result = run(negative_sampler_kwargs=None)
    assert result.get_metric("mrr") > 0


@pytest.mark.parametrize("filtered", [False, True])
def test_same_seed_same_result(filtered: bool) -> None:
    """A seed fixes a whole run, to the bit."""
    first, second = (run(negative_sampler_kwargs=dict(num_negs_per_pos=4, filtered=filtered)) for _ in range(2))
    assert first.losses == second.losses
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert a.equal(b)


def test_schlichtkrull_sampler() -> None:
    """It works with PyKEEN's sampling of subgraphs."""
    run(training_kwargs=dict(num_epochs=1, batch_size=32, use_tqdm=False, sampler="schlichtkrull"))


def test_early_stopping_and_sub_batches() -> None:
    """It works with sub-batches, and with an early stopper."""
    run(
        stopper="early",
        stopper_kwargs=dict(frequency=1, patience=1),
        # else, PyKEEN chooses the size of sub-batches
        training_loop_kwargs=dict(automatic_memory_optimization=False),
        training_kwargs=dict(num_epochs=3, batch_size=128, sub_batch_size=50, use_tqdm=False),
    )


class _Shapes(TrainingCallback):
    """Keeps the shapes of the sampler's negatives."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: set[tuple[int, ...]] = set()

    def on_batch(self, epoch: int, batch: Any, batch_loss: float, **kwargs: Any) -> None:
        """Keep the shape of a batch."""
        self.shapes.add(tuple(batch["negatives"].shape[1:]))


def test_callbacks_see_negatives() -> None:
    """Batches are what PyKEEN's callbacks expect."""
    shapes = _Shapes()
    run(training_kwargs=dict(num_epochs=1, use_tqdm=False, callbacks=shapes))
    assert shapes.shapes == {(4, 3)}


def test_training_factory_only() -> None:
    """It works without any dataset by name."""
    nations = Nations()
    run(dataset=None, training=nations.training, testing=nations.testing)
