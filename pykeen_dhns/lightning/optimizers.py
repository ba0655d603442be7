"""Several optimisers as one."""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from typing_extensions import override

__all__ = ["JointOptimizer"]


class JointOptimizer(Optimizer):
    """Takes the steps of several optimisers, each with its own parameters.

    Model and generator have an optimiser each, but get their gradients from the same backward pass. Lightning's loss
    scaling, accumulation of gradients, and count of steps are right for one optimiser only, so this makes one of both.
    In particular, if a gradient overflows, neither of them takes a step.
    """

    def __init__(self, *optimizers: Optimizer) -> None:
        """Initialize the optimiser.

        :param optimizers: the optimisers. Their groups of parameters are shared, not copied.
        """  # noqa: DOC103
        self.optimizers: tuple[Optimizer, ...] = ()
        super().__init__([group for optimizer in optimizers for group in optimizer.param_groups], defaults={})
        self.optimizers = optimizers
        self._link()

    def _link(self) -> None:
        self.param_groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]

    @property  # type: ignore[override]
    def state(self) -> dict[Any, Any]:
        """Return the states of all parameters. They are shared, not copied."""
        return {key: value for optimizer in self.optimizers for key, value in optimizer.state.items()}

    @state.setter
    def state(self, value: Any) -> None:
        # the base class begins with an empty one
        pass

    @override
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if not self.optimizers:
            # the base class collects the groups that are already there
            super().add_param_group(param_group)
            return
        self.optimizers[0].add_param_group(param_group)
        self._link()

    @override
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for optimizer in self.optimizers:
            optimizer.step()
        return loss

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for optimizer, state in zip(self.optimizers, state_dict["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self._link()
