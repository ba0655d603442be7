"""Small modules, what is recorded of their training, and randomness that can be computed."""

from collections.abc import Sequence
from typing import Any

import torch
from pykeen.datasets import Nations
from pykeen.datasets.base import EagerDataset
from pykeen.sampling import NegativeSampler
from pykeen.typing import LongTensor
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor

from pykeen_dhns import DiffHEG
from pykeen_dhns.lightning import DHNSLitModule

NATIONS = Nations()
#: Each epoch's last batch is odd, whatever the number of triples in a batch
ODD = EagerDataset(
    training=NATIONS.training.clone_and_exchange_triples(NATIONS.training.mapped_triples[:-1]),
    testing=NATIONS.testing,
    validation=NATIONS.validation,
)
#: Negatives that a batch shares, and no others
SHARED: dict[str, Any] = dict(num_shared_negs=10, shared_negs_from_batch=0.5, filtered=True, num_negs_per_pos=None)


class ShiftedTails(NegativeSampler):
    """A sampler that draws nothing: its negatives depend on the positive only."""

    def corrupt_batch(self, positive_batch: LongTensor) -> LongTensor:
        """Shift the tails."""
        negatives = positive_batch.unsqueeze(dim=-2).repeat(1, self.num_negs_per_pos, 1)
        shift = positive_batch.sum(dim=-1, keepdim=True) + torch.arange(self.num_negs_per_pos)
        negatives[..., 2] = (negatives[..., 2] + 1 + shift % (self.num_entities - 1)) % self.num_entities
        return negatives


def draw_nothing(generator: DiffHEG) -> None:
    """Replace what a generator draws by something that depends on the embeddings only, row by row."""
    loss, generate = generator.loss, generator.generate

    def loss_of_embeddings(target: Tensor, condition: Tensor, **kwargs: Any) -> Tensor:
        noise = (7 * generator.to_real(target).detach()).cos()
        return loss(target, condition, t=torch.full(noise.shape[:-1], 10), noise=noise, **kwargs)

    def generate_from_condition(condition: Tensor) -> Tensor:
        return generate(condition, x_end=(5 * generator.to_real(condition)).sin())

    generator.loss = loss_of_embeddings  # type: ignore[method-assign]
    generator.generate = generate_from_condition  # type: ignore[method-assign, assignment]


def make_module(seed: int = 0, **kwargs: Any) -> DHNSLitModule:
    """Make a module with a small model."""
    torch.manual_seed(seed)
    defaults: dict[str, Any] = dict(
        dataset="nations",
        model="RotatE",
        model_kwargs=dict(embedding_dim=6, loss="nssa", random_seed=seed),
        batch_size=256,
        num_negs_per_pos=4,
        num_timesteps=20,
    )
    return DHNSLitModule(**(defaults | kwargs))


def make_trainer(max_epochs: int = 2, callbacks: Sequence[Callback] = (), **kwargs: Any) -> Trainer:
    """Make a trainer that writes nothing, unless it is told where to."""
    defaults: dict[str, Any] = dict(
        accelerator="cpu",
        devices=1,
        logger=False,
        callbacks=list(callbacks),
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
    )
    return Trainer(max_epochs=max_epochs, **(defaults | kwargs))


def fit(module: LightningModule, max_epochs: int = 2, ckpt_path: Any = None, **kwargs: Any) -> Trainer:
    """Train for a moment."""
    trainer = make_trainer(max_epochs, **kwargs)
    trainer.fit(module, ckpt_path=ckpt_path)
    return trainer


def state(module: DHNSLitModule) -> dict[str, Tensor]:
    """Return all that a module has learned: of the model, the generator, their optimisers, and the sampler."""
    tensors = {key: value for key, value in module.state_dict().items() if torch.is_tensor(value)}
    sampler = module.instances.negative_sampler
    tensors |= {f"sampler.{key}": value for key, value in sampler.state_dict().items() if torch.is_tensor(value)}
    optimizer: Any = module.optimizers(use_pl_optimizer=False)
    for i, values in enumerate(optimizer.state.values()):
        tensors |= {f"optimizer.{i}.{key}": value for key, value in values.items()}
    return {key: value.clone() for key, value in tensors.items()}


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    """Check that two states are the same, bit for bit."""
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert value.equal(second[key]), key


class Record(Callback):
    """Records what a process is trained on, and what becomes of it."""

    def __init__(self) -> None:
        """Initialize the callback."""
        #: for each epoch, the positives of each batch
        self.positives: dict[int, list[Tensor]] = {}
        #: for each epoch, its loss
        self.losses: list[Tensor] = []
        #: after each step, all parameters, and the generator's scales; and only the model's
        self.steps: list[Tensor] = []
        self.models: list[Tensor] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Record a step."""
        self.positives.setdefault(trainer.current_epoch, []).append(batch["positives"])
        values = [x for x in pl_module.state_dict().values() if torch.is_tensor(x)]
        self.steps.append(torch.cat([x.detach().flatten().float() for x in values]))
        model = pl_module.get_submodule("model")
        self.models.append(torch.cat([x.detach().flatten() for x in model.parameters()]))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record an epoch."""
        # after a resumption, there may have been nothing left to do
        if "train_loss" in trainer.callback_metrics:
            self.losses.append(trainer.callback_metrics["train_loss"].clone())

    def result(self) -> dict[str, Any]:
        """Return what was recorded."""
        return dict(
            positives=list(self.positives.values()),
            losses=torch.stack(self.losses),
            steps=torch.stack(self.steps),
            models=torch.stack(self.models),
        )
