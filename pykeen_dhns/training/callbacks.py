"""What the training loop does before and after each batch, and after each epoch."""

from typing import TYPE_CHECKING, Any, cast

import torch
from pykeen.training.callbacks import TrainingCallback
from typing_extensions import override

if TYPE_CHECKING:
    from .loop import DHNSTrainingLoop

__all__ = ["GeneratorTrainingCallback"]


class GeneratorTrainingCallback(TrainingCallback):
    """Takes the steps of the generator's optimiser, and reports what happened in an epoch."""

    def __init__(self, only_size_probing: bool = False) -> None:
        """Initialize the callback.

        :param only_size_probing: whether only memory is probed, so that nothing is to be learned
        """
        super().__init__()
        self.only_size_probing = only_size_probing

    @property
    def loop(self) -> "DHNSTrainingLoop":
        """Return the training loop."""
        return cast("DHNSTrainingLoop", self.training_loop)

    @override
    def pre_batch(self, **kwargs: Any) -> None:
        optimizer = self.loop.generator_optimizer
        if optimizer is not None:
            optimizer.zero_grad(set_to_none=True)

    @override
    def post_batch(self, epoch: int, batch: Any, **kwargs: Any) -> None:
        optimizer = self.loop.generator_optimizer
        if optimizer is not None and not self.only_size_probing:
            optimizer.step()

    @override
    @torch.no_grad()
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        objective = self.loop.objective
        metrics = objective.statistics.pop()
        metrics |= {f"share_{name}": float(share) for name, share in objective.adapter.shares().items()}
        self.result_tracker.log_metrics(metrics, step=epoch, prefix="dhns")
