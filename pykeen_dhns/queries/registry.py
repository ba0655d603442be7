"""Which query belongs to which of PyKEEN's interactions."""

from pykeen.nn.modules import (
    ClampedInteraction,
    ComplExInteraction,
    CPInteraction,
    DistMAInteraction,
    DistMultInteraction,
    HolEInteraction,
    MonotonicAffineTransformationInteraction,
    MuREInteraction,
    PairREInteraction,
    QuatEInteraction,
    RESCALInteraction,
    RotatEInteraction,
    SimplEInteraction,
    TransDInteraction,
    TransEInteraction,
    TransFInteraction,
    TransHInteraction,
    TransRInteraction,
    UMInteraction,
)

from .base import AnyInteraction, Query
from .elementwise import DirectionalQuery, HadamardQuery, PairedQuery, RotationQuery
from .layout import VectorLayout
from .learned import LearnedQuery
from .products import CircularQuery, MatrixQuery, QuaternionQuery
from .translations import (
    BiasedQuery,
    HyperplaneQuery,
    IdentityQuery,
    ProjectionQuery,
    SpaceQuery,
    SumQuery,
    TransFQuery,
    TranslationQuery,
)

__all__ = ["QUERIES", "make_query"]

#: The queries of interactions that have a closed form. Add those of your own interactions here.
QUERIES: dict[type[AnyInteraction], type[Query]] = {
    ComplExInteraction: HadamardQuery,
    CPInteraction: HadamardQuery,
    DistMAInteraction: SumQuery,
    DistMultInteraction: HadamardQuery,
    HolEInteraction: CircularQuery,
    MuREInteraction: BiasedQuery,
    PairREInteraction: PairedQuery,
    QuatEInteraction: QuaternionQuery,
    RESCALInteraction: MatrixQuery,
    RotatEInteraction: RotationQuery,
    SimplEInteraction: DirectionalQuery,
    TransDInteraction: ProjectionQuery,
    TransEInteraction: TranslationQuery,
    TransFInteraction: TransFQuery,
    TransHInteraction: HyperplaneQuery,
    TransRInteraction: SpaceQuery,
    UMInteraction: IdentityQuery,
}

#: Monotone transformations of another interaction's score. They have the query of that interaction.
WRAPPERS = (ClampedInteraction, MonotonicAffineTransformationInteraction)


def make_query(interaction: AnyInteraction, head: VectorLayout, relation: VectorLayout, tail: VectorLayout) -> Query:
    """Make the query of an interaction.

    :param interaction: the interaction
    :param head: the layout of head representations
    :param relation: the layout of relation representations
    :param tail: the layout of tail representations

    :returns: the closed form if there is one, else a learned query
    """
    while isinstance(interaction, WRAPPERS):
        interaction = interaction.base
    cls = QUERIES.get(type(interaction))
    # PyKEEN's complex interactions accept real representations, too. The closed forms do not fit those.
    if cls is None or (interaction.is_complex and not all((*head.is_complex, *relation.is_complex, *tail.is_complex))):
        return LearnedQuery(head=head, relation=relation, tail=tail)
    return cls()
