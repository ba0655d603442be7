"""What the training loop does before and after each batch, and after each epoch."""

from typing import Any

from pykeen.training.callbacks import (
    GradientAbsClippingTrainingCallback,
    GradientNormClippingTrainingCallback,
    MultiTrainingCallback,
    TrainingCallback,
)
from typing_extensions import override

from .objective import JointObjective

__all__ = ["GeneratorTrainingCallback", "take_callbacks"]


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
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        self.result_tracker.log_metrics(self.objective.pop_metrics(), step=epoch, prefix="dhns")


def take_callbacks(kwargs: dict[str, Any]) -> list[TrainingCallback]:
    """Take what makes callbacks out of the arguments of PyKEEN's loop.

    PyKEEN 1.11.1 makes callbacks for clipping itself, but forgets to tell them which loop they belong to.

    :param kwargs: the arguments, which are changed in place

    :returns: the callbacks
    """
    names = ("max_norm", "norm_type", "max_abs_value")
    max_norm, norm_type, max_abs_value = (kwargs.pop(f"gradient_clipping_{name}", None) for name in names)
    callbacks: list[TrainingCallback] = []
    if max_norm is not None:
        callbacks.append(GradientNormClippingTrainingCallback(max_norm=max_norm, norm_type=norm_type))
    if max_abs_value is not None:
        callbacks.append(GradientAbsClippingTrainingCallback(clip_value=max_abs_value))
    given = MultiTrainingCallback(kwargs.pop("callbacks", None), callbacks_kwargs=kwargs.pop("callbacks_kwargs", None))
    return [*callbacks, given]
