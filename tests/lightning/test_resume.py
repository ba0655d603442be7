"""Tests for runs that are resumed from Lightning's checkpoints."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from .small import SHARED, Record, assert_same, fit, make_module, state
from ..helpers import fresh
from ..helpers.generators import NoisyLinearGenerator

# the callback that saves is not needed any more
pytestmark = pytest.mark.filterwarnings("ignore:Be aware that when using .ckpt_path:UserWarning")

#: Trains for 4 epochs of 7 batches, saves after each 3 steps, and is killed in the 5th batch of the 3rd epoch
SCRIPT = """
import os
import signal
import sys
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint
from tests.lightning.small import fit, make_module

class Kill(Callback):
    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == (2, 4):
            os.kill(os.getpid(), signal.SIGKILL)

folder, model, hard_fraction = sys.argv[1:]
checkpoint = ModelCheckpoint(folder, filename="{step}", every_n_train_steps=3, save_top_k=-1)
module = make_module(model=model, hard_fraction=float(hard_fraction))
fit(module, max_epochs=4, callbacks=[checkpoint, Kill()])
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
@pytest.mark.parametrize(("model", "hard_fraction"), [("RotatE", 0.0), ("TuckER", 0.5)])
def test_killed_and_resumed(tmp_path: Path, model: str, hard_fraction: float) -> None:
    """A run that is killed in an epoch, and resumed from a checkpoint in it, ends like one that was not."""
    process = fresh.run(SCRIPT, tmp_path, tmp_path, model, hard_fraction, path=fresh.ROOT)
    assert process.returncode == -signal.SIGKILL, process.stderr
    # the 18th step is the 4th of the 3rd epoch
    assert {path.name for path in tmp_path.iterdir()} == {f"step={step}.ckpt" for step in range(3, 19, 3)}

    record, expected = Record(), Record()
    resumed = make_module(seed=1, model=model, hard_fraction=hard_fraction)
    fit(resumed, max_epochs=4, ckpt_path=tmp_path / "step=18.ckpt", callbacks=[record])
    uninterrupted = make_module(model=model, hard_fraction=hard_fraction)
    fit(uninterrupted, max_epochs=4, callbacks=[expected])
    assert_same(state(resumed), state(uninterrupted))
    assert torch.stack(record.steps).equal(torch.stack(expected.steps[18:]))
    # that of the epoch that was interrupted is the loss of what was left of it
    assert record.losses[-1].equal(expected.losses[-1])


@pytest.mark.slow
@pytest.mark.parametrize("when", ["epoch", "validation", "train_epoch_end"])
def test_end_of_an_epoch(when: str, tmp_path: Path) -> None:
    """The same holds for checkpoints at the end of an epoch, wherever Lightning saves them."""
    kwargs: dict[str, Any] = dict(limit_val_batches=0 if when == "epoch" else 1.0)
    saves = ModelCheckpoint(
        tmp_path,
        filename="{epoch}",
        save_top_k=-1,
        save_on_train_epoch_end=None if when == "epoch" else when == "train_epoch_end",
    )
    expected = make_module(hard_fraction=0.5)
    trainer = fit(expected, max_epochs=4, callbacks=[saves], **kwargs)
    for epoch in range(3):
        record = Record()
        resumed = make_module(seed=1, hard_fraction=0.5)
        other = fit(resumed, 4, ckpt_path=tmp_path / f"epoch={epoch}.ckpt", callbacks=[record], **kwargs)
        assert_same(state(resumed), state(expected))
        assert len(record.steps) == 7 * (3 - epoch)
        assert other.callback_metrics["train_loss"].equal(trainer.callback_metrics["train_loss"])
        if when != "epoch":
            assert other.callback_metrics["val_loss"].equal(trainer.callback_metrics["val_loss"])


@pytest.mark.parametrize(
    "arguments",
    [*(dict(generator=x) for x in ("diffheg", "noise", "none", NoisyLinearGenerator)), SHARED],
    ids=str,
)
def test_accumulated_gradients(arguments: dict[str, Any], tmp_path: Path) -> None:
    """The same holds for any negatives, where gradients of several batches are added up, clipped, or less precise."""
    kwargs: dict[str, Any] = dict(accumulate_grad_batches=2, precision="bf16-mixed", gradient_clip_val=0.1)
    saves = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=3, save_top_k=-1)
    expected, resumed = (make_module(seed=seed, **arguments) for seed in range(2))
    fit(expected, max_epochs=2, callbacks=[saves], **kwargs)
    fit(resumed, max_epochs=2, ckpt_path=tmp_path / "step=6.ckpt", **kwargs)
    assert_same(state(resumed), state(expected))


def test_seed_is_saved(tmp_path: Path) -> None:
    """A run goes on with the seed it began with, and so does an evaluation."""
    first = make_module(random_seed=7)
    trainer = fit(first, max_epochs=1)
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    second = make_module(seed=3)
    assert second.seed == 3
    fit(second, max_epochs=2, ckpt_path=tmp_path / "x.ckpt")
    assert second.seed == 7


@pytest.mark.parametrize(
    ("name", "value", "change"),
    [
        ("num_shared_negs", 8, "num_shared_negs was 0, and is 8 now"),
        ("num_negs_per_pos", 8, "num_negs_per_pos was 4, and is 8 now"),
        ("batch_size", 128, "batch_size was 256, and is 128 now"),
        ("model", "TransE", "model.class was 'RotatE', and is 'TransE' now"),
        ("optimizer", "sgd", "optimizer was None, and is 'sgd' now"),
    ],
)
def test_changed_arguments(name: str, value: Any, change: str, checkpoint: Path) -> None:
    """A training is not resumed with other arguments. The message names them, old and new."""
    kwargs: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=change):
        fit(make_module(**kwargs), max_epochs=2, ckpt_path=checkpoint)


@pytest.fixture(name="checkpoint", scope="module")
def _checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint of one epoch."""
    path = tmp_path_factory.mktemp("checkpoints") / "x.ckpt"
    fit(make_module(), max_epochs=1).save_checkpoint(path)
    return path


def test_weights_only(tmp_path: Path) -> None:
    """A checkpoint can be loaded without running code from it, and into a module of its own."""
    # numbers of NumPy could not be loaded
    numbers: dict[str, Any] = dict(random_seed=np.int64(0), generator_learning_rate=np.float64(0.002))
    first = make_module(hard_fraction=0.5, **numbers)
    fit(first, max_epochs=1).save_checkpoint(tmp_path / "x.ckpt")
    torch.load(tmp_path / "x.ckpt", weights_only=True)
    kwargs: dict[str, Any] = dict(
        dataset="nations", model="RotatE", model_kwargs=dict(embedding_dim=6, loss="nssa"), num_timesteps=20
    )
    kwargs |= dict(num_negs_per_pos=4, hard_fraction=0.5, batch_size=128)
    second = type(first).load_from_checkpoint(tmp_path / "x.ckpt", **kwargs)
    for (name, a), b in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        if torch.is_tensor(a):
            assert a.equal(b), name
    sampler, other = (x.instances.negative_sampler for x in (first, second))
    assert all(a.equal(b) for a, b in zip(sampler.parameters(), other.parameters(), strict=True))
    # another training may begin with it
    fit(second, max_epochs=1)
