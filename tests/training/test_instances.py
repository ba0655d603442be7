"""Tests for the batches of the training loop: their triples, their sampler, and their weights."""

from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.models import DistMult
from pykeen.trackers import PythonResultTracker
from pykeen.training.callbacks import TrainingCallback
from pykeen.triples import CoreTriplesFactory
from torch import Tensor

from pykeen_dhns import DHNSNegativeSampler, DHNSTrainingLoop

from ..helpers.loops import FACTORY, assert_same, make_loop, train


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.parametrize("num_workers", [0, 2, 3])
def test_workers(num_workers: int) -> None:
    """Each triple is seen once an epoch, however many workers there are, and the sampler learns in all of them."""
    seen: list[Tensor] = []

    class Record(TrainingCallback):
        def on_batch(self, epoch: int, batch: Any, batch_loss: float, **kwargs: Any) -> None:
            seen.append(batch["positives"].clone())

    loop = make_loop(automatic_memory_optimization=False, hard_fraction=0.5)
    train(loop, num_epochs=1, num_workers=num_workers, callbacks=Record())
    triples, counts = torch.cat(seen).unique(dim=0, return_counts=True)
    assert triples.equal(FACTORY.mapped_triples.unique(dim=0))
    assert counts.eq(1).all()
    assert isinstance(loop.sampler, DHNSNegativeSampler)
    optimizer = loop.sampler.entity_generator.generator.optimizer
    assert optimizer is not None
    # workers that count at the same time may miss a step
    assert all(values["step"] > len(seen) / 2 for values in optimizer.state.values())


def test_more_workers_than_triples() -> None:
    """Workers without a share have nothing to do."""
    factory = CoreTriplesFactory(torch.as_tensor([[0, 0, 1]]), num_entities=2, num_relations=1)
    loop = DHNSTrainingLoop(
        model=DistMult(triples_factory=factory, random_seed=0),
        triples_factory=factory,
        optimizer="adam",
        automatic_memory_optimization=False,
    )
    assert len(loop.train(factory, num_epochs=2, num_workers=2, use_tqdm=False) or ()) == 2


def test_subgraphs() -> None:
    """PyKEEN's sampling of subgraphs works, with a sampler that learns."""
    loop = make_loop(hard_fraction=0.5)
    losses = train(loop, num_epochs=1, batch_size=128, sampler="schlichtkrull")
    assert torch.as_tensor(losses).isfinite().all()
    assert isinstance(loop.sampler, DHNSNegativeSampler)
    with pytest.raises(ValueError, match="sampler='dhns' is invalid"):
        train(loop, sampler="dhns")


@pytest.mark.parametrize("adaptive_training", [False, True])
def test_weights_of_triples(adaptive_training: bool) -> None:
    """PyKEEN's weights of triples have an effect, also if generated negatives are added to the sampled ones."""
    losses = []
    for weight in (1.0, 2.0):
        loop = make_loop(
            model_kwargs=dict(loss="bcewithlogits"),
            adaptive_training=adaptive_training,
            loss_weighter="relation",
            loss_weighter_kwargs=dict(weights=torch.full((FACTORY.num_relations,), weight)),
        )
        torch.manual_seed(0)
        losses.append(train(loop, num_epochs=1)[0])
    assert losses[1] > 1.2 * losses[0]


class _SetRandomState(TrainingCallback):
    """Sets the random state after each epoch, so that what a validation draws does not matter."""

    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        torch.manual_seed(epoch)


@pytest.mark.parametrize("hard_fraction", [0.0, 0.5])
def test_validation_loss(hard_fraction: float) -> None:
    """PyKEEN's validation loss can be computed. Neither generator nor sampler learns from it."""
    tracker = PythonResultTracker()
    kwargs: dict[str, Any] = dict(hard_fraction=hard_fraction)
    first, second = make_loop(result_tracker=tracker, **kwargs), make_loop(**kwargs)
    torch.manual_seed(0)
    train(
        first,
        callbacks=["evaluation-loss", _SetRandomState],
        callbacks_kwargs=[dict(triples_factory=Nations().validation), None],
    )
    assert "validation.loss" in tracker.metrics[1]
    torch.manual_seed(0)
    train(second, callbacks=_SetRandomState)
    assert_same(first, second)
