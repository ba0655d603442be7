"""Random numbers that depend on a seed only, and code that leaves the global random state alone."""

import contextlib
import random
from collections.abc import Iterator

import numpy
import torch

__all__ = ["preserve_random_state", "seeded"]


@contextlib.contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Draw PyTorch's random numbers from a separate state, on the CPU, and on a GPU if there is one.

    :param seed: the seed of this state
    :param device: the device on which to draw
    """
    is_cuda = device is not None and device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if is_cuda else []):
        # not torch.manual_seed, which would seed all devices
        torch.default_generator.manual_seed(seed)
        if is_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


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
