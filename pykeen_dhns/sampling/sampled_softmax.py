"""The loss of the shadow, with its gradient in closed form."""

from typing import Any

import torch
from torch import Tensor

__all__ = ["sampled_softmax_loss"]


class SampledSoftmax(torch.autograd.Function):
    """The cross-entropy of the target among candidates.

    The logits, one for each query and candidate, are the bulk of the sampler's work. Automatic differentiation would
    copy them several times; here they are overwritten by their own gradient.
    """

    # docstr-coverage: inherited
    @staticmethod
    def forward(ctx: Any, queries: Tensor, targets: Tensor, candidates: Tensor, excluded: Tensor) -> Tensor:
        target_logits = (queries * targets).sum(dim=-1, keepdim=True)
        logits = (queries @ candidates.t()).masked_fill_(excluded, float("-inf"))
        maximum = torch.maximum(target_logits, logits.amax(dim=-1, keepdim=True))
        weights = logits.sub_(maximum).exp_()
        target_weights = target_logits.sub(maximum).exp_()
        total = weights.sum(dim=-1, keepdim=True).add_(target_weights)
        loss = (total.log() + maximum - target_logits).mean()
        # the gradients of the mean by the logits
        weights.div_(total.mul_(len(queries)))
        target_weights.div_(total).sub_(1 / len(queries))
        ctx.save_for_backward(
            (weights @ candidates).addcmul_(target_weights, targets),
            target_weights * queries,
            weights.t() @ queries,
        )
        return loss

    # docstr-coverage: inherited
    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        (grad,) = grad_outputs
        return *(grad * gradient for gradient in ctx.saved_tensors), None


def sampled_softmax_loss(queries: Tensor, targets: Tensor, candidates: Tensor, excluded: Tensor) -> Tensor:
    """Compute the cross-entropy of each query's target, by a softmax over it and the candidates.

    :param queries: shape: (num_queries, dim) the queries
    :param targets: shape: (num_queries, dim) their targets. The logits are dot products.
    :param candidates: shape: (num_candidates, dim) the candidates, the same for all queries
    :param excluded: shape: (num_queries, num_candidates) which candidates a query leaves out

    :returns: shape: () the mean over the queries. It can be differentiated once.
    """
    loss: Tensor = SampledSoftmax.apply(queries, targets, candidates, excluded)
    return loss
