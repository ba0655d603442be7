"""The proxy model: a small embedding model that the sampler trains for itself."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from ..queries.elementwise import HadamardQuery
from ..utils.occurrences import find_occurrences
from ..utils.optimization import SelfOptimizedModule

__all__ = ["ProxyModel", "sampled_softmax_loss"]


class ProxyModel(SelfOptimizedModule):
    r"""A small ComplEx model, trained online by a sampled softmax over a pool of candidates.

    A negative sampler in PyKEEN's training loop never sees the model that is trained. What the generator needs to know
    about the graph, it learns from this model instead. From either end, the bilinear form
    $\text{Re} \langle h, r, \bar{t} \rangle$ is the dot product of a query (from the known entity and the relation)
    with an entity, so scoring all candidates is a single matrix multiplication.
    """

    def __init__(self, num_entities: int, num_relations: int, *, dim: int = 32, learning_rate: float = 0.1) -> None:
        """Initialize the embeddings.

        :param num_entities: the number of entities
        :param num_relations: the number of relations
        :param dim: the number of real dimensions. Two of them make a complex one, so it is even.
        :param learning_rate: the learning rate of the model's own Adagrad
        """
        super().__init__()
        self.dim = dim
        # sparse gradients: the cost of a step depends on the size of the batch, not on the size of the graph
        self.entity = nn.Embedding(num_entities, dim, sparse=True)
        self.relation = nn.Embedding(num_relations, dim, sparse=True)
        for embedding in (self.entity, self.relation):
            nn.init.normal_(embedding.weight, std=dim**-0.5)
        self.query = HadamardQuery()
        self.set_optimizer(torch.optim.Adagrad(self.parameters(), lr=learning_rate))

    @property
    def num_steps(self) -> int:
        """Return how often the model has learned."""
        return int(self._states[self.entity.weight]["step"])

    def queries(self, triples: Tensor) -> Tensor:
        """Compute the queries of both sides.

        :param triples: shape: (batch_size, 3) the triples

        :returns: shape: (2, batch_size, dim) the queries for the missing heads and for the missing tails
        """
        entities = torch.view_as_complex(self.entity(triples[:, ::2]).unflatten(-1, (-1, 2)))
        relations = torch.view_as_complex(self.relation(triples[:, 1]).unflatten(-1, (-1, 2)))
        head, tail = entities.unbind(dim=1)
        queries = torch.stack([*self.query.head((tail,), (relations,)), *self.query.tail((head,), (relations,))])
        return torch.view_as_real(queries).flatten(start_dim=-2)

    def targets(self, triples: Tensor) -> Tensor:
        """Look up the entities that answer the queries.

        :param triples: shape: (batch_size, 3) the triples

        :returns: shape: (2, batch_size, dim) the embeddings of the heads and of the tails
        """
        targets: Tensor = self.entity(triples[:, ::2].t())
        return targets

    def update(self, triples: Tensor, candidates: Tensor) -> Tensor:
        """Learn to tell triples from corruptions: one step of the optimiser.

        :param triples: shape: (batch_size, 3) the triples
        :param candidates: shape: (num_candidates,) the entities to corrupt the triples with

        :returns: shape: () the loss before the step, detached
        """
        # a candidate that happens to be the true entity is no corruption
        excluded = find_occurrences(triples[:, ::2].t().flatten(), candidates)
        loss = sampled_softmax_loss(
            self.queries(triples).flatten(end_dim=1),
            self.targets(triples).flatten(end_dim=1),
            self.entity(candidates),
            excluded,
        )
        self.optimize(loss)
        return loss.detach()


class _SampledSoftmax(torch.autograd.Function):
    """The cross-entropy of the target among candidates, with its gradient in closed form.

    Most of the sampler's work is the logits, one for each query and candidate. Automatic differentiation would copy
    them several times. Here, they are overwritten by their own gradient.
    """

    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, targets: Tensor, candidates: Tensor, excluded: tuple[Tensor, Tensor]
    ) -> Tensor:
        target_logits = (queries * targets).sum(dim=-1, keepdim=True)
        logits = queries @ candidates.t()
        logits[excluded] = float("-inf")
        maximum = torch.maximum(target_logits, logits.amax(dim=-1, keepdim=True))
        # where the result underflows, exp takes more than ten times as long as exp2
        weights = logits.sub_(maximum).mul_(1 / math.log(2)).exp2_()
        target_weights = target_logits.sub(maximum).exp_()
        total = weights.sum(dim=-1, keepdim=True).add_(target_weights)
        loss = (total.log() + maximum - target_logits).mean()
        # from here on, these are the gradients of the mean by the logits
        weights.div_(total.mul_(len(queries)))
        target_weights.div_(total).sub_(1 / len(queries))
        ctx.save_for_backward(
            (weights @ candidates).addcmul_(target_weights, targets),
            target_weights * queries,
            weights.t() @ queries,
        )
        return loss

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        (grad,) = grad_outputs
        return *(grad * gradient for gradient in ctx.saved_tensors), None


def sampled_softmax_loss(
    queries: Tensor, targets: Tensor, candidates: Tensor, excluded: tuple[Tensor, Tensor]
) -> Tensor:
    """Compute the cross-entropy of each query's target, by a softmax over it and the candidates.

    :param queries: shape: (num_queries, dim) the queries
    :param targets: shape: (num_queries, dim) their targets. The logits are dot products.
    :param candidates: shape: (num_candidates, dim) the candidates, the same for all queries
    :param excluded: shape: (num_excluded,), twice: queries, and the candidates that they leave out, by their positions

    :returns: shape: () the mean over the queries. It can be differentiated once.
    """
    loss: Tensor = _SampledSoftmax.apply(queries, targets, candidates, excluded)
    return loss
