"""Several processes learn the same: shared scales, and the mean of what samplers learn."""

from collections.abc import Callable
from functools import partial

import torch
from pykeen.sampling import NegativeSampler
from pytorch_lightning.strategies import Strategy
from torch import Tensor, nn

from ..diffusion import RunningScale
from ..sampling.sampler import DHNSNegativeSampler
from ..utils.optimization import SelfOptimizedModule

__all__ = ["average_sampler", "share_scales"]


def share_scales(module: nn.Module | None, strategy: Strategy | None) -> None:
    """Let scales be those of what all processes observe.

    :param module: the generator, if there is any
    :param strategy: connects the processes. None, if there are no others.
    """
    total: Callable[[Tensor], Tensor] | None = None
    if strategy is not None:
        total = partial(strategy.reduce, reduce_op="sum")
    for child in () if module is None else module.modules():
        if isinstance(child, RunningScale):
            child.sum_over_processes = total


def _learned(sampler: NegativeSampler) -> list[Tensor]:
    """Return the floating point tensors that a sampler has learned."""
    if not isinstance(sampler, DHNSNegativeSampler) or not sampler.layout.num_generated:
        return []
    tensors = [*sampler.parameters(), *sampler.buffers()]
    for child in sampler.modules():
        if isinstance(child, SelfOptimizedModule):
            tensors += child.optimizer_tensors()
    return [tensor for tensor in tensors if tensor.is_floating_point()]


@torch.no_grad()
def average_sampler(sampler: NegativeSampler, strategy: Strategy) -> None:
    """Replace what a sampler has learned by the mean over all processes, in place.

    :param sampler: the sampler
    :param strategy: connects the processes
    """
    tensors = _learned(sampler)
    if not tensors:
        return
    # all at once, and on the device that the processes are connected by
    everything = torch.cat([tensor.flatten() for tensor in tensors]).to(strategy.root_device)
    mean = strategy.reduce(everything, reduce_op="mean").to(tensors[0].device)
    for tensor, part in zip(tensors, mean.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))
