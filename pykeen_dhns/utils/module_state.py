"""Use modules for a while, and leave them as they were."""

import contextlib
from collections.abc import Iterator

import torch
from pykeen.models import Model
from pykeen.nn.representation import Embedding
from torch import nn

from .random_state import preserve_random_state

__all__ = ["evaluation_mode", "preserve_modules"]


@contextlib.contextmanager
def _preserve_modes(*modules: nn.Module) -> Iterator[None]:
    modes = [(part, part.training) for module in modules for part in module.modules()]
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextlib.contextmanager
def preserve_modules(*modules: nn.Module) -> Iterator[None]:
    """Restore all parameters, buffers, and training modes afterwards.

    :param modules: the modules
    """  # noqa: DOC103
    tensors = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    # on the CPU, since the caller may be probing how much memory the device has
    copies = [tensor.detach().to(device="cpu", copy=True) for tensor in tensors]
    with _preserve_modes(*modules):
        try:
            yield
        finally:
            with torch.no_grad():
                for tensor, copy in zip(tensors, copies, strict=True):
                    tensor.copy_(copy)


@contextlib.contextmanager
def evaluation_mode(model: Model, *others: nn.Module, seed: int | None = None) -> Iterator[None]:
    """Evaluate without gradients. Training can go on afterwards as if nothing had happened.

    :param model: the model
    :param *others: other modules that take part
    :param seed: the seed of what is drawn meanwhile. If None, draws go on from the current random state.

    :yields: nothing
    """  # noqa: DOC103, DOC404
    with preserve_random_state(), torch.no_grad(), _preserve_modes(model, *others):
        if seed is not None:
            torch.manual_seed(seed)
        for module in (model, *others):
            module.eval()
        try:
            yield
        finally:
            for part in model.modules():
                # Representations that pass messages cache what they compute, here without gradients. This drops it.
                # Embeddings have no cache: they would apply their constraint once more, and change by a rounding.
                update = getattr(part, "post_parameter_update", None)
                if callable(update) and part is not model and not isinstance(part, Embedding):
                    update()
