"""Find out whether processes see each other's updates."""

import os
import warnings

import torch
from torch import nn

from pykeen_dhns.utils.optimization import find_tensors

__all__ = ["is_shared"]


@torch.no_grad()
def is_shared(module: nn.Module) -> bool:
    """Return whether a forked process changes all that a module has learned. The module stays as it is."""
    tensors = [tensor for tensor in find_tensors(module) if tensor.numel()]
    before = [tensor.clone() for tensor in tensors]
    with warnings.catch_warnings():
        # the forked process uses no threads
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        try:
            for tensor in tensors:
                tensor.add_(1)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    result = not any(map(torch.equal, tensors, before))
    for tensor, old in zip(tensors, before, strict=True):
        tensor.copy_(old)
    return result
