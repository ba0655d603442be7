"""What the training loop adds to PyKEEN's checkpoints.

PyKEEN saves the states of model and optimiser, and nothing else can be added. So the states of generator and sampler
travel within that of the optimiser, by PyTorch's hooks for it: everything is serialised once.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from torch.optim import Optimizer

__all__ = ["attach", "detach"]

#: The key of what is added
KEY = "pykeen_dhns"


@contextlib.contextmanager
def attach(optimizer: Optimizer, state: Mapping[str, Any]) -> Iterator[None]:
    """Let the state dict of an optimiser have a further entry for a while.

    :param optimizer: the optimiser
    :param state: the entry
    """
    handle = optimizer.register_state_dict_post_hook(lambda _, states: {**states, KEY: dict(state)})
    try:
        yield
    finally:
        handle.remove()


@contextlib.contextmanager
def detach(optimizer: Optimizer) -> Iterator[dict[str, Any]]:
    """Take the further entry out of a state dict that the optimiser loads.

    :param optimizer: the optimiser

    :yields: a dictionary that the entry is put into
    """  # noqa: DOC404
    found: dict[str, Any] = {}

    def take(_: Optimizer, states: dict[str, Any]) -> dict[str, Any]:
        found.update(states.get(KEY, {}))
        return {key: value for key, value in states.items() if key != KEY}

    handle = optimizer.register_load_state_dict_pre_hook(take)
    try:
        yield found
    finally:
        handle.remove()
