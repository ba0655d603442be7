"""Tests for several optimisers as one."""

import copy

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, Optimizer

from pykeen_dhns.lightning import JointOptimizer


def make() -> tuple[nn.ParameterList, list[Optimizer]]:
    """Make two parameters with an optimiser each."""
    parameters = nn.ParameterList([torch.ones(2), torch.full((3,), 2.0)])
    return parameters, [Adam([parameters[0]], lr=0.1), Adagrad([parameters[1]], lr=0.5)]


def step(parameters: nn.ParameterList, *optimizers: Optimizer) -> None:
    """Take a step."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    torch.stack([p.square().sum() for p in parameters]).sum().backward()
    for optimizer in optimizers:
        optimizer.step()


def test_steps() -> None:
    """The steps are those of the optimisers, also after all state was saved and loaded."""
    expected, optimizers = make()
    for _ in range(4):
        step(expected, *optimizers)
    first, optimizers = make()
    joint = JointOptimizer(*optimizers)
    for _ in range(2):
        step(first, joint)
    second, optimizers = make()
    second.load_state_dict(first.state_dict())
    other = JointOptimizer(*optimizers)
    other.load_state_dict(copy.deepcopy(joint.state_dict()))
    for _ in range(2):
        step(second, other)
    for a, b in zip(expected, second, strict=True):
        assert a.equal(b)


def test_groups_and_state_are_shared() -> None:
    """Learning rates can be changed from outside, also after loading; and state is found by parameter."""
    parameters, optimizers = make()
    joint = JointOptimizer(*optimizers)
    step(parameters, joint)
    joint.load_state_dict(joint.state_dict())
    assert [group["lr"] for group in joint.param_groups] == [0.1, 0.5]
    for group in joint.param_groups:
        group["lr"] = 0.0
    before = [p.clone() for p in parameters]
    step(parameters, joint)
    assert all(a.equal(b) for a, b in zip(before, parameters, strict=True))
    assert list(joint.state) == list(parameters)
    assert joint.state[parameters[0]] is optimizers[0].state[parameters[0]]
    # which looking has not changed
    assert [len(optimizer.state) for optimizer in optimizers] == [1, 1]


def test_further_group() -> None:
    """Further parameters belong to the first optimiser."""
    parameters, optimizers = make()
    joint = JointOptimizer(*optimizers)
    parameters.append(torch.ones(1))
    joint.add_param_group(dict(params=[parameters[2]], lr=0.25))
    assert [group["lr"] for group in joint.param_groups] == [0.1, 0.25, 0.5]
    step(parameters, joint)
    assert parameters[2].item() == pytest.approx(0.75)


def test_closure_and_scheduler() -> None:
    """It works with a closure, and with a scheduler."""
    parameters = nn.ParameterList([torch.ones(2), torch.ones(2)])
    joint = JointOptimizer(*(SGD([p], lr=0.25) for p in parameters))
    scheduler = torch.optim.lr_scheduler.ExponentialLR(joint, gamma=0.5)

    def closure() -> float:
        joint.zero_grad()
        loss = torch.stack([p.square().sum() for p in parameters]).sum()
        loss.backward()
        return loss.item()

    assert joint.step(closure) == 4.0
    scheduler.step()
    assert [group["lr"] for group in joint.param_groups] == [0.125, 0.125]
    assert joint.step(closure) == 1.0


def test_shared_parameter() -> None:
    """A parameter cannot belong to two optimisers."""
    parameter = nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match="more than one parameter group"):
        JointOptimizer(SGD([parameter], lr=0.1), Adam([parameter]))
