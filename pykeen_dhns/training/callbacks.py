"""What the training loop does before and after each batch, and after each epoch."""

from typing import Any

import torch
from pykeen.training.callbacks import TrainingCallback
from typing_extensions import override

from .objective import JointObjective

__all__ = ["GeneratorTrainingCallback"]


class GeneratorTrainingCallback(TrainingCallback):
    """Takes the steps of the generator's optimiser, and reports what happened in an epoch."""

    def __init__(self, objective: JointObjective, *, learns: bool = True) -> None:
        """Initialize the callback.

        :param objective: the objective, with the generator
        :param learns: whether to take steps
        """
        super().__init__()
        self.objective = objective
        self.learns = learns

    @override
    def pre_batch(self, **kwargs: Any) -> None:
        if self.objective.generator_optimizer is not None:
            self.objective.generator_optimizer.zero_grad(set_to_none=True)

    @override
    def post_batch(self, epoch: int, batch: Any, **kwargs: Any) -> None:
        if self.learns and self.objective.generator_optimizer is not None:
            self.objective.generator_optimizer.step()

    @override
    @torch.no_grad()
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        metrics = self.objective.statistics.pop()
        metrics |= {f"share_{name}": float(share) for name, share in self.objective.adapter.shares().items()}
        self.result_tracker.log_metrics(metrics, step=epoch, prefix="dhns")
