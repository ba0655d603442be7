"""Several optimisers as one."""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

__all__ = ["JointOptimizer"]


class JointOptimizer(Optimizer):
    """Takes the steps of several optimisers, each of which has parameters of its own.

    The model and the generator have an optimiser each, but get their gradients from the same backward pass. To
    Lightning, they are one optimiser: then its loss scaling, its accumulation of gradients, and its count of steps are
    right, of which none would be with two. In particular, if a gradient overflows, neither of them takes a step.
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
        """Return what the optimisers remember of each of their parameters, which is shared, not copied."""
        return {key: value for optimizer in self.optimizers for key, value in optimizer.state.items()}

    @state.setter
    def state(self, value: Any) -> None:
        # the base class begins with an empty one
        pass

    # docstr-coverage: inherited
    def add_param_group(self, param_group: dict[str, Any]) -> None:  # noqa: D102
        if not self.optimizers:
            # the base class collects the groups that are already there
            super().add_param_group(param_group)
            return
        self.optimizers[0].add_param_group(param_group)
        self._link()

    # docstr-coverage: inherited
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override] # noqa: D102
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for optimizer in self.optimizers:
            optimizer.step()
        return loss

    # docstr-coverage: inherited
    def state_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    # docstr-coverage: inherited
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:  # noqa: D102
        for optimizer, state in zip(self.optimizers, state_dict["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self._link()
