"""Modules with an optimiser of their own."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.sparse import check_sparse_tensor_invariants
from typing_extensions import override

__all__ = ["SelfOptimizedModule", "find_tensors", "use_sparse_gradients"]


class SelfOptimizedModule(nn.Module):
    """A module with an optimiser of its own.

    The optimiser's state belongs to the module: it is part of its state dict, follows it to other devices and dtypes,
    and can be shared with other processes.
    """

    #: The optimiser. None, if there is nothing to learn.
    optimizer: Optimizer | None = None

    def set_optimizer(self, optimizer: Optimizer) -> None:
        """Set the optimiser, and allocate its state at once.

        Most of PyTorch's optimisers create their state at the first step. In the worker process of a data loader this
        is too late: the state could not be shared and would be lost with the process.

        :param optimizer: the optimiser of (some of) this module's parameters
        """
        # Adagrad has its state already. Gradients of all entities would take as much memory again.
        if not optimizer.state:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    parameter.grad = torch.zeros_like(parameter)
            optimizer.step()
            optimizer.zero_grad()
        for state in optimizer.state.values():
            # not all optimisers count their steps
            if "step" in state:
                state["step"].zero_()
        self.optimizer = optimizer

    def optimize(self, loss: Tensor) -> None:
        """Take one step of the optimiser.

        :param loss: shape: (), the loss to minimize

        :raises ValueError: if the module has no optimiser
        """
        optimizer = self.optimizer
        if optimizer is None:
            raise ValueError(
                f"{type(self).__name__} has no optimiser: call set_optimizer at the end of its constructor."
            )
        optimizer.zero_grad()
        # PyTorch warns if nobody has chosen whether to check sparse gradients
        with check_sparse_tensor_invariants(enable=check_sparse_tensor_invariants.is_enabled()):
            loss.backward()
            optimizer.step()
        optimizer.zero_grad()

    def optimizer_tensors(self) -> list[Tensor]:
        """Return the tensors of the optimiser's state."""
        return [value for state in self._states.values() for value in state.values() if torch.is_tensor(value)]

    @property
    def _states(self) -> Mapping[Tensor, dict[str, Any]]:
        """Return what the optimiser keeps of each parameter."""
        return {} if self.optimizer is None else self.optimizer.state

    def _apply(self, *args: Any, **kwargs: Any) -> "SelfOptimizedModule":
        super()._apply(*args, **kwargs)
        for parameter, state in self._states.items():
            # The step counter keeps its device and dtype: half precision could not count beyond 2,048.
            tensors = {key: value for key, value in state.items() if torch.is_tensor(value) and key != "step"}
            state.update({key: value.to(parameter) for key, value in tensors.items()})
        return self

    @override
    def get_extra_state(self) -> dict[str, Any]:
        return {} if self.optimizer is None else self.optimizer.state_dict()

    @override
    def set_extra_state(self, state: dict[str, Any]) -> None:
        if self.optimizer is None:
            return
        # copied in place, since the tensors may be shared with other processes
        own = self.optimizer.state_dict()["state"]
        for index, values in state["state"].items():
            for key, value in values.items():
                if torch.is_tensor(value):
                    own[index][key].copy_(value)


def find_tensors(module: nn.Module) -> list[Tensor]:
    """Find all that a module has learned.

    :param module: the module

    :returns: the parameters and buffers, and the states of optimisers within it
    """
    parts = [part for part in module.modules() if isinstance(part, SelfOptimizedModule)]
    return [*module.parameters(), *module.buffers(), *(x for part in parts for x in part.optimizer_tensors())]


def use_sparse_gradients(module: nn.Module) -> None:
    """Let the embeddings of a module have sparse gradients, so that the cost of a step does not grow with their number.

    :param module: the module
    """
    for part in module.modules():
        if isinstance(part, nn.Embedding):
            part.sparse = True
    if not check_sparse_tensor_invariants.is_enabled():
        # that is how it is, but PyTorch warns if nobody says so
        check_sparse_tensor_invariants.disable()
