"""Look at a model without changing it."""

import contextlib
from collections.abc import Iterator

import torch
from pykeen.models import Model
from pykeen.nn.representation import Embedding
from torch import nn

from .preservation import preserve_random_state

__all__ = ["undisturbed"]


@contextlib.contextmanager
def undisturbed(model: Model, *others: nn.Module, seed: int | None = None) -> Iterator[None]:
    """Evaluate, with a random state of its own. Afterwards, training could go on as if nothing had happened.

    :param model: the model
    :param *others: other modules that take part
    :param seed: what the random state is made of. If None, it is what it was, for what draws nothing.

    :yields: nothing
    """  # noqa: DOC103, DOC404
    modes = [(part, part.training) for module in (model, *others) for part in module.modules()]
    with preserve_random_state(), torch.no_grad():
        if seed is not None:
            torch.manual_seed(seed)
        for module in (model, *others):
            module.eval()
        try:
            yield
        finally:
            for part, mode in modes:
                part.training = mode
            for part in model.modules():
                # Representations that pass messages have cached what they computed here, without gradients, which this
                # drops. Embeddings have not: they would apply their constraint once more, and change by a rounding.
                update = getattr(part, "post_parameter_update", None)
                if callable(update) and part is not model and not isinstance(part, Embedding):
                    update()
