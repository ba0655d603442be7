"""Tests for checkpoints, and for what goes on from them."""

import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from pykeen.losses import SoftplusLoss
from pykeen.models import TransE
from pykeen.sampling import BernoulliNegativeSampler
from pykeen.training import SLCWATrainingLoop
from pykeen.training.callbacks import TrainingCallback
from pykeen.training.training_loop import CheckpointMismatchError

from pykeen_dhns.diffusion.schedule import cosine
from pykeen_dhns.training.checkpoint import describe_changes

from ..helpers import fresh
from ..helpers.generators import LinearGenerator
from ..helpers.loops import FACTORY, assert_same, make_loop, train

# PyKEEN's way to call schedulers
pytestmark = pytest.mark.filterwarnings("ignore:The epoch parameter in:UserWarning")


def checkpoints(folder: Path) -> dict[str, Any]:
    """Return arguments that save a checkpoint after each epoch."""
    return dict(checkpoint_directory=folder, checkpoint_name="checkpoint.pt", checkpoint_frequency=0)


@pytest.mark.parametrize(
    ("kwargs", "train_kwargs"),
    [
        (dict(lr_scheduler="ExponentialLR", lr_scheduler_kwargs=dict(gamma=0.9)), {}),
        (dict(hard_fraction=0.5, num_negs_per_pos=8, filtered=True), {}),
        (dict(generator=LinearGenerator, optimizer="adagrad"), {}),
        (dict(generator="none", negative_sampler="bernoulli", optimizer="adamw"), {}),
        (dict(num_shared_negs=10, num_negs_per_pos=None, shared_negs_from_batch=0.5), {}),
        # which automatic memory optimisation replaces
        ({}, dict(sub_batch_size=100)),
        (dict(automatic_memory_optimization=False), dict(sub_batch_size=100)),
    ],
    ids=str,
)
def test_resume(tmp_path: Path, kwargs: dict[str, Any], train_kwargs: dict[str, Any]) -> None:
    """A resumed training ends like one that was not interrupted, bit for bit."""
    for num_epochs in (2, 3):
        resumed = make_loop(**kwargs)
        train(resumed, num_epochs=num_epochs, **checkpoints(tmp_path), **train_kwargs)
    expected = make_loop(**kwargs)
    train(expected, num_epochs=3, **train_kwargs)
    assert_same(resumed, expected)


def test_chosen_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed training has the sub-batches that automatic memory optimisation chose in the beginning."""
    monkeypatch.setattr(SLCWATrainingLoop, "sub_batch_and_slice", lambda *_, **__: (64, None))
    train(make_loop(), num_epochs=1, **checkpoints(tmp_path))
    expected = make_loop()
    train(expected, num_epochs=2)
    monkeypatch.delattr(SLCWATrainingLoop, "sub_batch_and_slice")
    resumed = make_loop()
    train(resumed, num_epochs=2, **checkpoints(tmp_path))
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


@pytest.fixture(name="saved", scope="module")
def _saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a checkpoint."""
    folder = tmp_path_factory.mktemp("checkpoints")
    train(make_loop(**SAVED), num_epochs=1, **checkpoints(folder))
    return folder


SAVED: dict[str, Any] = dict(
    lr_scheduler="ExponentialLR",
    lr_scheduler_kwargs=dict(gamma=0.9),
    loss_weighter="relation",
    loss_weighter_kwargs=dict(weights=torch.ones(FACTORY.num_relations)),
    model_kwargs=dict(loss="softplus"),
)


@pytest.mark.parametrize(
    ("other", "change"),
    [
        (dict(num_timesteps=50), "num_timesteps was 20, and is 50 now"),
        (dict(num_negs_per_pos=8), "num_negs_per_pos was 4, and is 8 now"),
        (dict(hard_fraction=0.5), "hard_fraction was None, and is 0.5 now"),
        (dict(base_sampler=BernoulliNegativeSampler), "base_sampler was None, and is 'BernoulliNegativeSampler' now"),
        (dict(negative_sampler="basic"), "negative_sampler was None, and is 'basic' now"),
        (dict(levels=[0.5]), r"levels was None, and is \[0.5\] now"),
        (dict(schedule=cosine), "schedule was None, and is 'cosine' now"),
        (dict(generator=LinearGenerator), "generator was None, and is 'LinearGenerator' now"),
        (dict(generator_kwargs=dict(hidden_dim=8)), r"generator_kwargs was None, and is {'hidden_dim': 8} now"),
        (dict(adaptive_margin=False), "adaptive_margin was True, and is False now"),
        (dict(hardness_loss_kwargs=dict(margin=2)), r"hardness_loss_kwargs was None, and is {'margin': 2} now"),
        (dict(model_kwargs=dict(loss="mse")), "model.loss.class was 'SoftplusLoss', and is 'MSELoss.*' now"),
        (
            dict(model_kwargs=dict(loss=SoftplusLoss(reduction="sum"))),
            "model.loss.reduction was 'mean', and is 'sum' now",
        ),
        (dict(model=TransE), "model.class was 'RotatE', and is 'TransE' now"),
        (
            dict(model_kwargs=dict(loss="softplus", embedding_dim=8)),
            "embedding_dim was 12, and is 16 now",
        ),
        (dict(optimizer="sgd"), "optimizer.class was 'Adam', and is 'SGD' now"),
        (dict(optimizer_kwargs=dict(lr=0.1)), "optimizer.lr was 0.001, and is 0.1 now"),
        (dict(lr_scheduler_kwargs=dict(gamma=0.5)), "lr_scheduler.gamma was 0.9, and is 0.5 now"),
        (dict(lr_scheduler=None), "lr_scheduler was {.*}, and is None now"),
        (
            dict(loss_weighter_kwargs=dict(weights=2 * torch.ones(FACTORY.num_relations))),
            r"loss_weighter_kwargs.weights was \[1.0, .*\], and is \[2.0, .*\] now",
        ),
        (dict(loss_weighter=None), "loss_weighter was 'relation', and is None now"),
    ],
)
def test_checkpoint_of_another_training(saved: Path, other: dict[str, Any], change: str) -> None:
    """A checkpoint of a training with other arguments is refused. The message names them, old and new."""
    with pytest.raises(CheckpointMismatchError, match=change):
        train(make_loop(**(SAVED | other)), **checkpoints(saved))
    assert [path.name for path in saved.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize(
    ("kwargs", "change"),
    [
        (dict(hardness_weight=0.5), "model.loss.hardness_weight was 0.1, and is 0.5 now"),
        (dict(margin=3.0), "model.loss.margin was 9.0, and is 3.0 now"),
        (dict(margins=[1, 2, 3, 4]), r"explicit_margins was None, and is \[1.0, 2.0, 3.0, 4.0\] now"),
        (dict(weights=[1, 2, 3, 4]), r"explicit_weights was None, and is \[1.0, 2.0, 3.0, 4.0\] now"),
        (dict(base="infonce"), "model.loss.base.class was 'NSSALoss.*', and is 'InfoNCELoss.*' now"),
        (dict(base_kwargs=dict(adversarial_temperature=2.0)), "inverse_softmax_temperature was 1.0, and is 2.0 now"),
    ],
)
def test_changes_of_the_loss(kwargs: dict[str, Any], change: str) -> None:
    """Each argument of the loss counts."""
    old, new = (make_loop(model_kwargs=dict(loss="dhns", loss_kwargs=x)).checksum for x in ({}, kwargs))
    assert re.search(change, describe_changes(old, new))


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch_size", 128), ("label_smoothing", 0.1), ("drop_last", True), ("gradient_clipping_max_norm", 1.0)],
)
def test_checkpoint_with_other_arguments_of_train(saved: Path, name: str, value: Any) -> None:
    """So it is if PyKEEN's arguments of train have changed."""
    with pytest.raises(CheckpointMismatchError, match=rf"{name} was .*, and is {value} now\. Use"):
        train(make_loop(**SAVED), **{**checkpoints(saved), name: value})


def test_checkpoint_of_the_same_training(saved: Path) -> None:
    """The same arguments may be given in another way."""
    before = (saved / "checkpoint.pt").read_bytes()
    loop = make_loop(**SAVED, num_timesteps=None)
    assert len(train(loop, num_epochs=1, num_timesteps=20, sub_batch_size=8, num_workers=1, **checkpoints(saved))) == 1
    assert (saved / "checkpoint.pt").read_bytes() == before


def test_checkpoint_of_another_loop(tmp_path: Path) -> None:
    """A checkpoint of PyKEEN's own loop is refused."""
    kwargs: dict[str, Any] = dict(num_epochs=1, use_tqdm=False, **checkpoints(tmp_path))
    SLCWATrainingLoop(model=make_loop().model, triples_factory=FACTORY, optimizer="adam").train(FACTORY, **kwargs)
    with pytest.raises(CheckpointMismatchError, match="it was written by another training loop"):
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
    """A process that is killed in the middle of an epoch can be resumed by another one, bit for bit."""

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
