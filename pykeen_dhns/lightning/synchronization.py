"""What several processes learn together: the scales of embeddings, and the mean of what samplers learn."""

from collections.abc import Callable
from functools import partial

import torch
from pykeen.sampling import NegativeSampler
from pytorch_lightning.strategies import Strategy
from torch import Tensor

from ..diffusion import RunningScale
from ..sampling.sampler import DHNSNegativeSampler
from ..training.objective import JointObjective
from ..utils.optimization import find_tensors

__all__ = ["average_sampler", "share_batches"]


def share_batches(objective: JointObjective, strategy: Strategy | None) -> None:
    """Let the generator learn from what all processes observe: the scales of embeddings, and how many there are.

    :param objective: the objective
    :param strategy: connects the processes. None, if there are no others.
    """
    total: Callable[[Tensor], Tensor] | None = None
    if strategy is not None:
        total = partial(strategy.reduce, reduce_op="sum")
    objective.sum_over_processes = total
    for child in () if objective.generator is None else objective.generator.modules():
        if isinstance(child, RunningScale):
            child.sum_over_processes = total


@torch.no_grad()
def average_sampler(sampler: NegativeSampler, strategy: Strategy) -> None:
    """Replace what a sampler has learned by the mean over all processes, in place.

    :param sampler: the sampler
    :param strategy: connects the processes
    """
    if not isinstance(sampler, DHNSNegativeSampler) or not sampler.layout.num_generated:
        # it has not learned anything
        return
    tensors = [tensor for tensor in find_tensors(sampler) if tensor.is_floating_point()]
    # all at once, on the device that the processes communicate with
    everything = torch.cat([tensor.flatten() for tensor in tensors]).to(strategy.root_device)
    mean = strategy.reduce(everything, reduce_op="mean").to(tensors[0].device)
    for tensor, part in zip(tensors, mean.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))
