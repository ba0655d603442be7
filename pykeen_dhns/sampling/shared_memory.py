"""Share what modules learn with the worker processes of a data loader."""

import mmap

import torch
from torch import nn

from ..utils.optimization import find_tensors

__all__ = ["share_memory"]

#: Tensors begin at multiples of this number of bytes
ALIGNMENT = 64


@torch.inference_mode(mode=False)
def share_memory(module: nn.Module) -> None:
    """Move parameters, buffers, and optimiser state to memory that processes share with those that they fork.

    All processes then see updates in place, without locks. Two workers that update at the same time may undo a part of
    each other's step, as usual in this kind of training.

    The memory has no name and no file descriptor, unlike that of PyTorch: these run out if many samplers are kept, and
    containers often limit what there is of it. Processes that are spawned rather than forked get the tensors in
    PyTorch's shared memory when they start, without our help.

    :param module: the module to share
    """
    # what a spawned process has received is shared already
    tensors = [tensor for tensor in find_tensors(module) if tensor.numel() and not tensor.is_shared()]
    if not tensors:
        return
    sizes = [-(-tensor.numel() * tensor.element_size() // ALIGNMENT) * ALIGNMENT for tensor in tensors]
    memory, offset = mmap.mmap(-1, sum(sizes)), 0
    for tensor, size in zip(tensors, sizes, strict=True):
        shared = torch.frombuffer(memory, dtype=tensor.dtype, count=tensor.numel(), offset=offset)
        tensor.data = shared.view(tensor.shape).copy_(tensor.detach())
        offset += size
