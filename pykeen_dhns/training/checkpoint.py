"""Compare the arguments of a training with those in a checkpoint."""

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy
from pykeen.losses import Loss
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..diffusion import Levels
from ..utils.validation import show

__all__ = ["describe", "describe_changes"]


def describe(value: Any) -> Any:
    """Describe an argument by what JSON has, the same in each process.

    :param value: the value of the argument

    :returns: a number, a string, None, or a list or dictionary of these
    """
    if isinstance(value, Tensor | numpy.ndarray | numpy.generic):
        return value.tolist()
    if isinstance(value, Levels):
        return describe(value.fractions)
    if isinstance(value, Mapping):
        return {str(key): describe(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [describe(part) for part in value]
    if isinstance(value, nn.Module):
        return _describe_module(value)
    if isinstance(value, Optimizer):
        # not the current learning rate, as PyKEEN does: a scheduler changes it, and then no checkpoint would fit
        return {"class": type(value).__name__, **describe(value.defaults)}
    if isinstance(value, LRScheduler):
        arguments = inspect.signature(type(value)).parameters.keys() - {"last_epoch"}
        kept = {name: part for name, part in value.state_dict().items() if name in arguments}
        return {"class": type(value).__name__, **describe(kept)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    # functions and classes by their names, other objects by those of their classes
    return getattr(value, "__name__", type(value).__name__)


def _describe_module(module: nn.Module, *, in_loss: bool = False) -> dict[str, Any]:
    """Describe a module by its class, its attributes that its constructor has as arguments, and its parts."""
    # losses keep some arguments under other names
    in_loss = in_loss or isinstance(module, Loss)
    names = vars(module) if in_loss else inspect.signature(type(module)).parameters
    kept = {
        name: part
        for name, part in vars(module).items()
        if name in names and not name.startswith("_") and name != "training" and not hasattr(part, "tolist")
    }
    parts = {name: _describe_module(part, in_loss=in_loss) for name, part in module.named_children()}
    return {"class": type(module).__name__ if parts else str(module), **describe(kept), **parts}


def describe_changes(old: str, new: str) -> str:
    """Describe in what a checkpoint differs from a training loop.

    :param old: the checkpoint's checksum
    :param new: that of the loop

    :returns: the changes, one after the other
    """
    changes: list[str] = []
    # other loops have hashes
    if old.startswith("{"):
        changes.extend(_find_changes(json.loads(old), json.loads(new), name=""))
    return "; ".join(changes) or "it was written by another training loop, or by another version of this one"


def _find_changes(old: Any, new: Any, name: str) -> Iterator[str]:
    """Find what differs, and name it."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            yield from _find_changes(old.get(key), new.get(key), f"{name}.{key}" if name else key)
    elif old != new:
        yield f"{name} was {show(old)}, and is {show(new)} now"
