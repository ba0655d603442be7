"""Modules which carry their own optimiser."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.sparse import check_sparse_tensor_invariants

__all__ = ["SelfOptimizedModule"]


class SelfOptimizedModule(nn.Module):
    """A module with an optimiser of its own.

    The optimiser's state belongs to the module: it is part of its state dict, follows it to other devices and dtypes,
    and can be shared with other processes.
    """

    optimizer: Optimizer

    def set_optimizer(self, optimizer: Optimizer) -> None:
        """Set the optimiser, and allocate its state at once.

        PyTorch's optimisers create their state at the first step. In the worker process of a data loader this is too
        late: the state could not be shared and would be lost with the process.

        :param optimizer: the optimiser of (some of) this module's parameters
        """
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        optimizer.zero_grad()
        for state in optimizer.state.values():
            state["step"].zero_()
        self.optimizer = optimizer

    def optimize(self, loss: Tensor) -> None:
        """Take one step of the optimiser.

        :param loss: shape: (), the loss to minimize
        """
        self.optimizer.zero_grad()
        # said explicitly, else PyTorch warns that nobody has chosen whether to check sparse gradients
        with check_sparse_tensor_invariants(enable=check_sparse_tensor_invariants.is_enabled()):
            loss.backward()
            self.optimizer.step()
        self.optimizer.zero_grad()

    def optimizer_tensors(self) -> list[Tensor]:
        """Return the tensors of the optimiser's state."""
        return [value for state in self.optimizer.state.values() for value in state.values() if torch.is_tensor(value)]

    def _apply(self, *args: Any, **kwargs: Any) -> "SelfOptimizedModule":
        super()._apply(*args, **kwargs)
        for parameter, state in self.optimizer.state.items():
            # the step counter stays where and what it is: half precision, e.g., could not count beyond 2,048
            moved = {key: value.to(parameter) for key, value in state.items() if key != "step"}
            state.update(moved)
        return self

    # docstr-coverage: inherited
    def get_extra_state(self) -> dict[str, Any]:  # noqa: D102
        return self.optimizer.state_dict()

    # docstr-coverage: inherited
    def set_extra_state(self, state: dict[str, Any]) -> None:  # noqa: D102
        # copied in place, since the tensors may be shared with other processes
        own = self.optimizer.state_dict()["state"]
        for index, values in state["state"].items():
            for key, value in values.items():
                own[index][key].copy_(value)
