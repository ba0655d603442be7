"""The abstract class of all queries."""

from abc import ABC, abstractmethod

from torch import nn

from .layout import Representations

__all__ = ["Query"]


class Query(nn.Module, ABC):
    r"""What an interaction compares with the candidates for a missing entity.

    The score of a candidate tail is its similarity to the query, $f(h, r, t) = \mathrm{sim}(\mathrm{query}(h, r), t)$,
    and likewise for heads. Where the score is a distance, the query is the point at which the distance vanishes. Where
    the score is an inner product, the query is the other factor, i.e., the gradient of the score.

    The paper calls it the condition $C(x_e, x_r)$ (Eq. 7-9), since the diffusion model is conditioned on it.
    """

    @abstractmethod
    def tail(self, head: Representations, relation: Representations) -> Representations:
        """Compute the query for a missing tail.

        :param head: shape: `(*batch_dims, *shape_i)` the head representations
        :param relation: shape: `(*batch_dims, *shape_i)`, or broadcastable to it, the relation representations

        :returns: shape: `(*batch_dims, *shape_i)` the query, one tensor for each representation of the tail
        """

    @abstractmethod
    def head(self, tail: Representations, relation: Representations) -> Representations:
        """Compute the query for a missing head.

        :param tail: shape: `(*batch_dims, *shape_i)` the tail representations
        :param relation: shape: `(*batch_dims, *shape_i)`, or broadcastable to it, the relation representations

        :returns: shape: `(*batch_dims, *shape_i)` the query, one tensor for each representation of the head
        """
