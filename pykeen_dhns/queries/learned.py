"""The query for interactions without a closed form."""

import torch
from torch import Tensor, nn
from typing_extensions import override

from .base import Query
from .layout import Representations, VectorLayout

__all__ = ["LearnedQuery"]


class LearnedQuery(Query):
    """A linear map of entity and relation, one per side.

    Its parameters are trained together with the diffusion model.
    """

    def __init__(self, head: VectorLayout, relation: VectorLayout, tail: VectorLayout) -> None:
        """Initialize the query.

        :param head: the layout of head representations
        :param relation: the layout of relation representations
        :param tail: the layout of tail representations
        """
        super().__init__()
        self.head_layout = head
        self.relation_layout = relation
        self.tail_layout = tail
        self.tail_layer = nn.Linear(head.dim + relation.dim, tail.dim)
        self.head_layer = nn.Linear(tail.dim + relation.dim, head.dim)

    def _apply_layer(self, layer: nn.Linear, entity: Tensor, relation: Representations) -> Tensor:
        # some interactions have no relation representations
        if self.relation_layout.dim:
            vector = self.relation_layout.flatten(relation)
            entity = torch.cat([entity, vector.expand(*entity.shape[:-1], -1)], dim=-1)
        # in half precision, the layer is still of single precision, as the generator that trains it
        query: Tensor = layer(entity.to(layer.weight.dtype))
        return query.to(entity.dtype)

    @override
    def tail(self, head: Representations, relation: Representations) -> Representations:
        vector = self._apply_layer(self.tail_layer, self.head_layout.flatten(head), relation)
        return self.tail_layout.unflatten(vector)

    @override
    def head(self, tail: Representations, relation: Representations) -> Representations:
        vector = self._apply_layer(self.head_layer, self.tail_layout.flatten(tail), relation)
        return self.head_layout.unflatten(vector)
