"""Test that the sampler of PyKEEN's own loop is kept."""

from typing import Any

import pytest
from pykeen.datasets import Nations
from pykeen.training.callbacks import TrainingCallback

from pykeen_dhns import DHNSNegativeSampler
from pykeen_dhns.inspection import KeepSampler

from .runs import run


class Batches(TrainingCallback):
    """Counts batches."""

    count = 0

    def post_batch(self, epoch: int, batch: Any, **kwargs: Any) -> None:
        """Count."""
        self.count += 1


@pytest.mark.parametrize("loop", ["slcwa", "dhns"])
def test_same_results(loop: str) -> None:
    """The kept sampler has learned from every batch, and keeping it does not change the training."""
    arguments: dict[str, Any] = dict(
        training_loop=loop, negative_sampler="dhns", negative_sampler_kwargs=dict(hard_fraction=0.5, num_negs_per_pos=8)
    )
    keeper, batches = KeepSampler(), Batches()
    result = run(**arguments, training_kwargs=dict(num_epochs=2, batch_size=256, callbacks=[keeper, batches]))
    assert isinstance(keeper.sampler, DHNSNegativeSampler)
    optimizer = keeper.sampler.entity_generator.generator.optimizer
    assert optimizer is not None
    steps = {int(state["step"]) for state in optimizer.state.values()}
    assert steps == {batches.count} == {14}
    assert result.losses == run(**arguments, training_kwargs=dict(num_epochs=2, batch_size=256)).losses


def test_early_stopping() -> None:
    """The sampler is kept if training stops early. A callback that is used again keeps the new sampler."""
    keeper = KeepSampler()
    first = None
    for _ in range(2):
        run(
            negative_sampler="dhns",
            training_kwargs=dict(num_epochs=20, batch_size=512, callbacks=keeper),
            stopper="early",
            stopper_kwargs=dict(frequency=1, patience=1, relative_delta=0.9),
        )
        assert keeper.sampler is not None
        assert keeper.sampler is not first
        first = keeper.sampler


def test_validation_loss() -> None:
    """The sampler that PyKEEN makes for a validation loss is not the one to keep."""
    keeper, validation = KeepSampler(), Nations().validation
    callbacks_kwargs: list[Any] = [None, dict(triples_factory=validation, callbacks=[], prefix="validation")]
    run(
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=8),
        training_kwargs=dict(
            num_epochs=1, batch_size=256, callbacks=[keeper, "evaluation-loss"], callbacks_kwargs=callbacks_kwargs
        ),
    )
    assert isinstance(keeper.sampler, DHNSNegativeSampler)
    assert keeper.sampler.known.num_triples == Nations().training.num_triples


def test_other_loops() -> None:
    """A loop without a sampler leaves nothing to keep."""
    keeper = KeepSampler()
    run(training_loop="lcwa", training_kwargs=dict(num_epochs=1, callbacks=keeper))
    assert keeper.sampler is None
