"""Seeds that depend on what random numbers are for, and on nothing that was drawn before.

Lightning gives all processes the same seed, so they would draw the same negatives and the same noise, each for other
triples. And its checkpoints do not contain random states. With a seed of its own for each step, processes differ, and a
resumed run draws what it would have drawn otherwise.
"""

import enum

import numpy

__all__ = ["Purpose", "derive_seed"]


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
    :param *numbers: what else it depends on, e.g., the epoch, the step, the process

    :returns: the seed, as PyTorch wants it
    """
    (state,) = numpy.random.SeedSequence((seed, purpose, *numbers)).generate_state(1, numpy.uint64)
    return int(state) >> 1
