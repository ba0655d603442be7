"""What is computed from a tensor once, for all who have the same tensor."""

import functools
from collections.abc import Callable, MutableMapping
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

__all__ = ["cached_by_tensor"]

P = ParamSpec("P")
T = TypeVar("T")


def cached_by_tensor(function: Callable[Concatenate[Tensor, P], T]) -> Callable[Concatenate[Tensor, P], T]:
    """Let a function compute its result once for each tensor, and keep the result as long as the tensor lives.

    Only the latest result is kept for each tensor. A tensor that was changed in place counts as another one.

    :param function: the function of a tensor, and of further arguments that can be compared. Its result is shared, so
        nobody may change it. It must not refer to the tensor, which would keep both alive.

    :returns: the function, with a memory
    """
    results: MutableMapping[Tensor, tuple[Any, T]] = WeakTensorKeyDictionary()

    @functools.wraps(function)
    def wrapper(tensor: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # tensors from inference mode do not count their changes
        key = (args, kwargs, None if tensor.is_inference() else tensor._version)
        kept = results.get(tensor)
        if kept is None or kept[0] != key:
            # others may need the result outside of inference mode
            with torch.inference_mode(mode=False):
                kept = results[tensor] = key, function(tensor, *args, **kwargs)
        return kept[1]

    return wrapper
