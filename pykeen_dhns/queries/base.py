"""The abstract class of all queries."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from torch import Tensor, nn
from typing_extensions import override

from .layout import Representations
from .similarity import dot_product, negative_distance

if TYPE_CHECKING:
    # the sampler needs queries before PyKEEN can import this
    from pykeen.nn.modules import Interaction

__all__ = ["AnyInteraction", "DistanceQuery", "DotProductQuery", "Query", "Side"]

#: An interaction, whatever its representations are
AnyInteraction: TypeAlias = "Interaction[Any, Any, Any]"

#: The side of a triple that is missing
Side: TypeAlias = Literal["head", "tail"]


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

    def complete(self, known: Representations, relation: Representations, missing: Side) -> Representations:
        """Compute the query for either side.

        :param known: shape: `(*batch_dims, *shape_i)` the representations of the entity that is not missing
        :param relation: shape: `(*batch_dims, *shape_i)`, or broadcastable to it, the relation representations
        :param missing: the missing side

        :returns: shape: `(*batch_dims, *shape_i)` the query
        """
        return self.head(known, relation) if missing == "head" else self.tail(known, relation)

    def score(
        self,
        interaction: AnyInteraction,
        known: Representations,
        relations: Representations,
        candidates: Representations,
        missing: Side,
    ) -> Tensor | None:
        """Score each query with each candidate, without forming their triples.

        :param interaction: the interaction, with its arguments
        :param known: shape: `(batch_size, *shape_i)` the entities that are not missing
        :param relations: shape: `(batch_size, *shape_i)` the relations
        :param candidates: shape: `(num_candidates, *shape_i)` the candidates, the same for all queries
        :param missing: the side of the candidates

        :returns: shape: (batch_size, num_candidates) the scores, or None if there is no closed form
        """
        return None


class DotProductQuery(Query):
    """The query of an interaction whose score is the inner product of the query with the candidate.

    It may be plus something that does not depend on the candidate.
    """

    #: By what the inner product is multiplied
    factor = 1.0

    def offset(self, known: Representations, relation: Representations, missing: Side) -> Tensor | None:
        """Compute the part of the score that does not depend on the candidate.

        :param known: shape: `(batch_size, *shape_i)` the entities that are not missing
        :param relation: shape: `(batch_size, *shape_i)` the relations
        :param missing: the missing side

        :returns: shape: (batch_size, 1) the offset, or None if there is none
        """
        return None

    @override
    def score(
        self,
        interaction: AnyInteraction,
        known: Representations,
        relations: Representations,
        candidates: Representations,
        missing: Side,
    ) -> Tensor | None:
        scores = dot_product(self.complete(known, relations, missing), candidates)
        if self.factor != 1:
            scores = self.factor * scores
        offset = self.offset(known, relations, missing)
        return scores if offset is None else scores + offset


class DistanceQuery(Query):
    r"""The query of an interaction whose score is a negative distance, $-\|q - s \odot c\|_p$, to the candidate.

    For most, $q$ is the query and there is no $s$. Others implement :meth:`split`.
    """

    def split(self, known: Representations, relation: Representations, missing: Side) -> tuple[Tensor, Tensor | None]:
        """Compute what the distance compares.

        :param known: shape: `(batch_size, *shape_i)` the entities that are not missing
        :param relation: shape: `(batch_size, *shape_i)` the relations
        :param missing: the missing side

        :returns: shape: (batch_size, dim) $q$ and, unless it is one, $s$
        """
        (query,) = self.complete(known, relation, missing)
        return query, None

    def bias(self, known: Representations, candidates: Representations) -> Tensor | None:
        """Compute what entities add to the distance.

        :param known: shape: `(batch_size, *shape_i)` the entities that are not missing
        :param candidates: shape: `(num_candidates, *shape_i)` the candidates

        :returns: shape: (batch_size, num_candidates) the bias, or None if there is none
        """
        return None

    @override
    def score(
        self,
        interaction: AnyInteraction,
        known: Representations,
        relations: Representations,
        candidates: Representations,
        missing: Side,
    ) -> Tensor | None:
        p, power_norm = getattr(interaction, "p", 2), getattr(interaction, "power_norm", False)
        query, scale = self.split(known, relations, missing)
        if query.is_complex():
            # PyKEEN ignores these arguments of RotatE
            p, power_norm = 2, False
        if scale is not None and p != 2:
            # no matrix product, and more memory than the interaction needs for it
            return None
        scores = negative_distance(query, candidates[0], scale=scale, p=p, power_norm=power_norm)
        bias = self.bias(known, candidates)
        return scores if bias is None else scores + bias
