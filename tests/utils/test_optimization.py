"""Tests for modules with an optimiser of their own."""

import io
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from pykeen_dhns.utils.optimization import SelfOptimizedModule, find_tensors

#: With steps that are counted and moments, with steps only, with a momentum, and without any state
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "Adam": torch.optim.Adam,
    "Adagrad": torch.optim.Adagrad,
    "momentum": partial(torch.optim.SGD, momentum=0.9),
    "SGD": torch.optim.SGD,
}
each = pytest.mark.parametrize("optimizer", OPTIMIZERS)


class Line(SelfOptimizedModule):
    """A linear layer which fits zeros."""

    def __init__(self, optimizer: str) -> None:
        """Initialize the module."""
        super().__init__()
        self.layer = nn.Linear(2, 1)
        self.set_optimizer(OPTIMIZERS[optimizer](self.parameters(), lr=0.01))

    def step(self) -> float:
        """Take a step, and return the loss before."""
        parameter = next(self.parameters())
        loss = self.layer(torch.ones(3, 2).to(parameter)).square().mean()
        self.optimize(loss)
        return float(loss.detach())


@each
def test_state_is_allocated_and_neutral(optimizer: str) -> None:
    """Allocating the state changes neither parameters nor later steps."""
    torch.manual_seed(0)
    line = Line(optimizer)
    assert bool(line.optimizer_tensors()) == (optimizer != "SGD")
    torch.manual_seed(0)
    reference = nn.Linear(2, 1)
    other = OPTIMIZERS[optimizer](reference.parameters(), lr=0.01)
    for _ in range(3):
        line.step()
        other.zero_grad()
        reference(torch.ones(3, 2)).square().mean().backward()
        other.step()
        torch.testing.assert_close(line.layer.weight, reference.weight)


@each
def test_state_dict(optimizer: str) -> None:
    """The state can be saved without pickled code, and loaded in place."""
    line, other = Line(optimizer), Line(optimizer)
    line.step()
    buffer = io.BytesIO()
    torch.save(line.state_dict(), buffer)
    buffer.seek(0)
    tensors = other.optimizer_tensors()
    other.load_state_dict(torch.load(buffer, weights_only=True))
    assert all(a is b for a, b in zip(tensors, other.optimizer_tensors(), strict=True))
    assert [line.step() for _ in range(3)] == [other.step() for _ in range(3)]


@each
def test_follows_dtype(optimizer: str) -> None:
    """After a change of dtype, training goes on, and steps are still counted exactly."""
    line = Line(optimizer)
    line.step()
    line.double()
    assert line.step() > line.step()
    assert line.optimizer is not None
    for state in line.optimizer.state.values():
        assert int(state.pop("step", 3)) == 3
        assert {value.dtype for value in state.values() if torch.is_tensor(value)} <= {torch.float64}


def test_no_optimizer() -> None:
    """Without an optimiser, there is no state, and the error says what is missing."""
    module = SelfOptimizedModule()
    assert not module.optimizer_tensors()
    module.load_state_dict(module.state_dict())
    with pytest.raises(ValueError, match="SelfOptimizedModule has no optimiser: call set_optimizer"):
        module.optimize(torch.ones(()))


def test_find_tensors() -> None:
    """Optimisers are found at any depth."""
    module = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(Line("Adagrad")))
    # the batch norm has two parameters and three buffers, and Adagrad keeps two tensors for each of two parameters
    assert len(find_tensors(module)) == 2 + 3 + 2 + 4
