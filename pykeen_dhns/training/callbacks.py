"""What the training loop does before and after each batch, and after each epoch."""

from typing import TYPE_CHECKING, Any, cast

import torch
from pykeen.training.callbacks import TrainingCallback

if TYPE_CHECKING:
    from .loop import DHNSTrainingLoop

__all__ = ["GeneratorTrainingCallback"]


class GeneratorTrainingCallback(TrainingCallback):
    """Takes the steps of the generator's optimiser, and reports what happened in an epoch."""

    def __init__(self, only_size_probing: bool = False) -> None:
        """Initialize the callback.

        :param only_size_probing: whether only memory is probed, such that nothing is to be learned
        """
        super().__init__()
        self.only_size_probing = only_size_probing

    @property
    def loop(self) -> "DHNSTrainingLoop":
        """Return the training loop."""
        return cast("DHNSTrainingLoop", self.training_loop)

    # docstr-coverage: inherited
    def pre_batch(self, **kwargs: Any) -> None:  # noqa: D102
        optimizer = self.loop.generator_optimizer
        if optimizer is not None:
            optimizer.zero_grad(set_to_none=True)

    # docstr-coverage: inherited
    def post_batch(self, epoch: int, batch: Any, **kwargs: Any) -> None:  # noqa: D102
        optimizer = self.loop.generator_optimizer
        if optimizer is not None and not self.only_size_probing:
            optimizer.step()

    # docstr-coverage: inherited
    @torch.no_grad()
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:  # noqa: D102
        objective = self.loop.objective
        metrics = objective.statistics.pop()
        metrics |= {f"share_{name}": float(share) for name, share in objective.bound.shares().items()}
        self.result_tracker.log_metrics(metrics, step=epoch, prefix="dhns")
