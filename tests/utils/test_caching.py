"""Tests of what is computed once for each tensor."""

import weakref

import pytest
import torch
from torch import Tensor

from pykeen_dhns.utils.caching import cached_by_tensor

CALLS: list[int] = []


@cached_by_tensor
def multiply(tensor: Tensor, factor: int) -> Tensor:
    """Multiply a tensor by a number, and note it."""
    CALLS.append(factor)
    return tensor * factor


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()


def test_once() -> None:
    """The result is computed once for a tensor, anew for other arguments, and for an equal tensor."""
    tensor = torch.ones(3)
    assert multiply(tensor, 2) is multiply(tensor, 2)
    assert multiply(tensor, 3).equal(3 * tensor)
    multiply(tensor.clone(), 3)
    assert CALLS == [2, 3, 3]


def test_changed_in_place() -> None:
    """A tensor that was changed is another one."""
    tensor = torch.ones(3)
    multiply(tensor, 2)
    tensor += 1
    assert multiply(tensor, 2).equal(torch.full((3,), 4.0))


def test_inference_mode() -> None:
    """What was computed in inference mode can be used outside of it."""
    with torch.inference_mode():
        result = multiply(torch.ones(3), 2)
    assert not result.is_inference()


def test_forgotten() -> None:
    """The result goes with the tensor."""
    tensor = torch.ones(3)
    result = weakref.ref(multiply(tensor, 2))
    assert result() is not None
    del tensor
    assert result() is None
