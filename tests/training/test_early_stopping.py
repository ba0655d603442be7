"""Tests for early stopping."""

import copy
import tempfile
from pathlib import Path
from typing import Any, cast

import pytest
from pykeen.stoppers import EarlyStopper
from pykeen.training.callbacks import TrainingCallback
from torch import Tensor

from pykeen_dhns import DHNSTrainingLoop

from ..helpers.loops import FACTORY, make_loop, state, train


class _Evaluator:
    """An evaluator whose results are known beforehand."""

    batch_size = slice_size = None

    def __init__(self, results: list[float]) -> None:
        self.results = iter(results)

    def evaluate(self, **kwargs: Any) -> "_Evaluator":
        return self

    def get_metric(self, name: str) -> float:
        return next(self.results)


class _Record(TrainingCallback):
    """Keeps the state after each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[int, dict[str, Tensor]] = {}

    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        self.states[epoch] = copy.deepcopy(state(cast(DHNSTrainingLoop, self.training_loop)))

    def assert_epoch(self, loop: DHNSTrainingLoop, epoch: int) -> None:
        """Check that model, generator and sampler are those of an epoch."""
        ours = state(loop)
        for key, value in self.states[epoch].items():
            # after a resume, PyKEEN restores the model, and not its optimiser
            if not key.startswith("own"):
                assert value.equal(ours[key]), key


def make_stopper(loop: DHNSTrainingLoop, results: list[float], folder: Path) -> EarlyStopper:
    """Make a stopper that gets the given results, with a patience of two epochs.

    By default, each stopper has another file for the best model, so this one is in a folder of its own.
    """
    return EarlyStopper(
        model=loop.model,
        evaluator=cast(Any, _Evaluator(results)),
        training_triples_factory=FACTORY,
        evaluation_triples_factory=FACTORY,
        frequency=1,
        patience=2,
        best_model_path=Path(tempfile.mkdtemp(dir=folder)) / "best.pt",
    )


def test_best_epoch(tmp_path: Path) -> None:
    """Model, generator and sampler end as they were in the best epoch. So they do if a finished training is loaded."""
    loop, record = make_loop(hard_fraction=0.5), _Record()
    kwargs: dict[str, Any] = dict(checkpoint_directory=tmp_path, checkpoint_name="checkpoint.pt", num_epochs=10)
    stopper = make_stopper(loop, [0.1, 0.5, 0.4, 0.3, 0.2], tmp_path)
    train(loop, stopper=stopper, callbacks=record, **kwargs)
    assert list(record.states) == [1, 2, 3, 4]
    record.assert_epoch(loop, 2)
    loaded = make_loop(hard_fraction=0.5, seed=1, model_kwargs=dict(random_seed=0))
    assert len(train(loaded, stopper=make_stopper(loaded, [], tmp_path), **kwargs)) == 4
    record.assert_epoch(loaded, 2)


def test_best_epoch_before_a_resume(tmp_path: Path) -> None:
    """The best epoch is restored even if training was interrupted after it."""
    kwargs: dict[str, Any] = dict(
        checkpoint_directory=tmp_path, checkpoint_name="checkpoint.pt", checkpoint_frequency=0, num_epochs=10
    )

    class Interrupt(TrainingCallback):
        def on_batch(self, epoch: int, batch: Any, batch_loss: float, **kwargs: Any) -> None:
            if epoch == 4:
                raise KeyboardInterrupt

    loop, record = make_loop(hard_fraction=0.5), _Record()
    with pytest.raises(KeyboardInterrupt):
        train(loop, stopper=make_stopper(loop, [0.1, 0.5, 0.4], tmp_path), callbacks=[record, Interrupt()], **kwargs)
    loop = make_loop(hard_fraction=0.5)
    train(loop, stopper=make_stopper(loop, [0.3], tmp_path), callbacks=record, **kwargs)
    assert list(record.states) == [1, 2, 3, 4]
    record.assert_epoch(loop, 2)
    # the finished training can be loaded, too
    loop = make_loop(hard_fraction=0.5)
    assert len(train(loop, stopper=make_stopper(loop, [], tmp_path), **kwargs)) == 4
    record.assert_epoch(loop, 2)
