"""Random numbers that depend on a seed, and on what they are for, but on nothing that was drawn before.

Lightning gives all processes the same seed, with which they would draw the same negatives and the same noise, each for
other triples; and its checkpoints do not contain random states. Where each step has a seed of its own, processes
differ, and a run that is resumed draws what it would have drawn otherwise.
"""

import contextlib
import enum
from collections.abc import Iterator

import numpy
import torch

__all__ = ["Purpose", "derive_seed", "seeded"]


class Purpose(enum.IntEnum):
    """What random numbers are for. Each purpose has numbers of its own."""

    SAMPLER = 0
    ORDER = 1
    NEGATIVES = 2
    TRAINING = 3
    VALIDATION = 4


def derive_seed(seed: int, purpose: Purpose, *numbers: int) -> int:
    """Derive a seed.

    :param seed: the seed of the run
    :param purpose: what it is for
    :param *numbers: what else it is to depend on, e.g., the epoch, the step, the process

    :returns: the seed, as PyTorch wants it
    """
    (state,) = numpy.random.SeedSequence((seed, purpose, *numbers)).generate_state(1, numpy.uint64)
    return int(state) >> 1


@contextlib.contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Draw from a random state of its own, on the CPU, and on a GPU if there is one.

    :param seed: the seed
    :param device: the device on which to draw
    """
    device = torch.device("cpu") if device is None else device
    is_cuda = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if is_cuda else []):
        # not torch.manual_seed, which would seed all devices
        torch.default_generator.manual_seed(seed)
        if is_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
