"""Tests for checkpoints, and for what goes on from them."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from pykeen.training.callbacks import TrainingCallback
from pykeen.training.training_loop import CheckpointMismatchError

from ..helpers import fresh
from ..helpers.generators import LinearGenerator
from ..helpers.loops import assert_same, make_loop, train


def checkpoints(folder: Path) -> dict[str, Any]:
    """Return arguments that save a checkpoint after each epoch."""
    return dict(checkpoint_directory=folder, checkpoint_name="checkpoint.pt", checkpoint_frequency=0)


@pytest.mark.filterwarnings("ignore:The epoch parameter in:UserWarning")
@pytest.mark.parametrize(
    "kwargs",
    [
        dict(lr_scheduler="ExponentialLR", lr_scheduler_kwargs=dict(gamma=0.9)),
        dict(hard_fraction=0.5, num_negs_per_pos=8, filtered=True),
        dict(generator=LinearGenerator, optimizer="adagrad"),
        dict(generator="none", negative_sampler="bernoulli"),
        dict(num_shared_negs=10, num_negs_per_pos=None, shared_negs_from_batch=0.5),
    ],
    ids=str,
)
def test_resume(tmp_path: Path, kwargs: dict[str, Any]) -> None:
    """A resumed training ends like one that was not interrupted, to the bit."""
    for num_epochs in (2, 3):
        resumed = make_loop(**kwargs)
        train(resumed, num_epochs=num_epochs, **checkpoints(tmp_path))
    expected = make_loop(**kwargs)
    train(expected, num_epochs=3)
    assert_same(resumed, expected)


def test_checkpoint_is_never_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If writing a checkpoint fails, the last one is still there, and nothing else."""
    kwargs = checkpoints(tmp_path)
    train(make_loop(), num_epochs=1, **kwargs)
    path = tmp_path / "checkpoint.pt"
    before = path.read_bytes()

    def fail(_: Any, f: Any, **__: Any) -> None:
        f.write(b"half")
        raise OSError("no space left")

    with monkeypatch.context() as context:
        context.setattr(torch, "save", fail)
        with pytest.raises(OSError, match="no space left"):
            train(make_loop(), num_epochs=2, **kwargs)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before
    assert len(train(make_loop(), num_epochs=2, **kwargs)) == 2


def test_checkpoint_of_another_setup(tmp_path: Path) -> None:
    """A checkpoint of a loop with other settings is refused."""
    kwargs = dict(num_epochs=1, **checkpoints(tmp_path))
    train(make_loop(), **kwargs)
    others: list[dict[str, Any]] = [
        *(dict(num_timesteps=50), dict(levels=[0.5]), dict(reverse="ddpm"), dict(schedule="cosine")),
        *(dict(generator="noise"), dict(adaptive_margin=False), dict(optimizer_kwargs=dict(lr=0.1))),
    ]
    for other in others:
        with pytest.raises(CheckpointMismatchError):
            train(make_loop(**other), **kwargs)
    assert list(tmp_path.iterdir()) == [tmp_path / "checkpoint.pt"]
    # the same setup, with nothing left to do
    train(make_loop(), **kwargs)


def test_checkpoint_on_failure(tmp_path: Path) -> None:
    """If training fails, it writes a checkpoint, and can go on from there."""

    class Fail(TrainingCallback):
        def on_batch(self, epoch: int, batch: Any, batch_loss: float, **kwargs: Any) -> None:
            if epoch == 2:
                raise RuntimeError("the plug was pulled")

    with pytest.raises(RuntimeError, match="plug"):
        train(make_loop(), num_epochs=3, callbacks=Fail(), checkpoint_directory=tmp_path, checkpoint_on_failure=True)
    (path,) = tmp_path.iterdir()
    loop = make_loop()
    assert len(train(loop, num_epochs=3, checkpoint_directory=tmp_path, checkpoint_name=path.name)) == 3


SCRIPT = """
import os, signal, sys, torch
from pykeen.models import TuckER
from pykeen.training.callbacks import TrainingCallback
from tests.helpers.loops import make_loop, state, train

class Kill(TrainingCallback):
    batches = 0
    def on_batch(self, epoch, batch, batch_loss, **kwargs):
        self.batches += 1
        if epoch == 2 and self.batches % 7 == 4:
            os.kill(os.getpid(), signal.SIGKILL)

folder, kill, target = sys.argv[1:]
loop = make_loop(TuckER, hard_fraction=0.5)
losses = train(
    loop, num_epochs=3, checkpoint_directory=folder, checkpoint_name="checkpoint.pt", checkpoint_frequency=0,
    callbacks=Kill() if kill == "kill" else None,
)
torch.save(dict(losses=losses, state=state(loop)), target)
"""


@pytest.mark.slow
def test_killed_and_resumed(tmp_path: Path) -> None:
    """A process that is killed in the middle of an epoch can be resumed by another one, to the bit."""

    def run(name: str, kill: str, code: int, target: str) -> None:
        process = fresh.run(SCRIPT, tmp_path, tmp_path / name, kill, tmp_path / target, path=fresh.ROOT)
        assert process.returncode == code, process.stderr

    run("killed", "kill", -signal.SIGKILL, "never")
    assert (tmp_path / "killed" / "checkpoint.pt").is_file()
    assert not (tmp_path / "never").exists()
    run("killed", "resume", 0, "resumed.pt")
    run("uninterrupted", "never", 0, "expected.pt")
    resumed, expected = (torch.load(tmp_path / name, weights_only=True) for name in ("resumed.pt", "expected.pt"))
    assert resumed["losses"] == expected["losses"]
    assert len(resumed["losses"]) == 3
    assert resumed["state"].keys() == expected["state"].keys()
    assert any(key.startswith("generator's") for key in expected["state"])
    for key, value in expected["state"].items():
        assert value.equal(resumed["state"][key]), key
