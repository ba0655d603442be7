"""Share what modules learn with the worker processes of a data loader."""

import shutil
from pathlib import Path

from torch import nn

from ..utils.optimization import find_tensors

__all__ = ["share_memory"]

#: Where Linux keeps shared memory. Elsewhere, the operating system reports a lack of it itself.
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


def share_memory(module: nn.Module) -> bool:
    """Move parameters, buffers, and optimiser state to shared memory, if there is room.

    All processes then see updates in place, without locks. Two workers that update at the same time may undo a part of
    each other's step, as usual in this kind of training.

    :param module: the module to share

    :returns: whether everything is shared now
    """
    # what a worker process has received is shared already
    tensors = [tensor for tensor in find_tensors(module) if not tensor.is_shared()]
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    # With more than there is, this would not fail here, but kill the process (SIGBUS) at its first write.
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free < 2 * size:
        return False
    try:
        for tensor in tensors:
            tensor.detach().share_memory_()
    except (RuntimeError, OSError):
        return False
    return True
