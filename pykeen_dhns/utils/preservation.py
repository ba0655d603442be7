"""Leave everything as it was."""

import contextlib
import random
from collections.abc import Iterator

import numpy
import torch
from torch import Tensor, nn

__all__ = ["preserve_modules", "preserve_random_state"]


@contextlib.contextmanager
def preserve_random_state() -> Iterator[None]:
    """Restore all random states afterwards: those of Python, NumPy, and PyTorch, on all devices in use."""
    python_state, numpy_state = random.getstate(), numpy.random.get_state()  # noqa: NPY002
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() and torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(python_state)
            numpy.random.set_state(numpy_state)  # noqa: NPY002


def _clone(module: nn.Module) -> list[tuple[Tensor, Tensor]]:
    # on the CPU: this happens when memory on the device is what is being probed
    return [(x, x.detach().to(device="cpu", copy=True)) for x in (*module.parameters(), *module.buffers())]


@contextlib.contextmanager
def preserve_modules(*modules: nn.Module) -> Iterator[None]:
    """Restore the values of all parameters and buffers, and the training mode, afterwards.

    :param modules: the modules
    """  # noqa: DOC103
    copies = [pair for module in modules for pair in _clone(module)]
    modes = [(part, part.training) for module in modules for part in module.modules()]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, copy in copies:
                tensor.copy_(copy)
        for part, mode in modes:
            part.training = mode
