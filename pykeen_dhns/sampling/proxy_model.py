"""The shadow: a small embedding model that the sampler trains for itself."""

import torch
from torch import Tensor, nn

from .sampled_softmax import sampled_softmax_loss
from ..queries.elementwise import HadamardQuery
from ..utils.optimization import SelfOptimizedModule

__all__ = ["ShadowEmbedding"]


class ShadowEmbedding(SelfOptimizedModule):
    r"""A small ComplEx model, trained online by a sampled softmax over a pool of candidates.

    A negative sampler in PyKEEN's training loop never sees the model that is trained. What the diffusion model needs to
    know about the graph, it learns from this stand-in. Both directions of the bilinear form
    $\text{Re} \langle h, r, \bar{t} \rangle$ are the dot product of a query (the condition of the known entity and the
    relation) with an entity: scoring all candidates is a single matrix multiplication.
    """

    def __init__(self, num_entities: int, num_relations: int, *, dim: int = 32, learning_rate: float = 0.1) -> None:
        """Initialize the embeddings.

        :param num_entities: the number of entities
        :param num_relations: the number of relations
        :param dim: the number of real dimensions, half of that are complex ones, hence an even number
        :param learning_rate: the learning rate of the shadow's own Adagrad
        """
        super().__init__()
        self.dim = dim
        # sparse gradients: the cost of a step depends on the size of the batch, not on the size of the graph
        self.entity = nn.Embedding(num_entities, dim, sparse=True)
        self.relation = nn.Embedding(num_relations, dim, sparse=True)
        for embedding in (self.entity, self.relation):
            nn.init.normal_(embedding.weight, std=dim**-0.5)
        self.condition = HadamardQuery()
        self.set_optimizer(torch.optim.Adagrad(self.parameters(), lr=learning_rate))

    def queries(self, triples: Tensor) -> Tensor:
        """Compute the conditions of both sides.

        :param triples: shape: (batch_size, 3) the triples

        :returns: shape: (2, batch_size, dim) the conditions of the missing heads and of the missing tails
        """
        entities = torch.view_as_complex(self.entity(triples[:, ::2]).unflatten(-1, (-1, 2)))
        relations = torch.view_as_complex(self.relation(triples[:, 1]).unflatten(-1, (-1, 2)))
        head, tail = entities.unbind(dim=1)
        queries = torch.stack(
            [*self.condition.head((tail,), (relations,)), *self.condition.tail((head,), (relations,))]
        )
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
        excluded = candidates == triples[:, ::2].t().reshape(-1, 1)
        loss = sampled_softmax_loss(
            self.queries(triples).flatten(end_dim=1),
            self.targets(triples).flatten(end_dim=1),
            self.entity(candidates),
            excluded,
        )
        self.optimize(loss)
        return loss.detach()
