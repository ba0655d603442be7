"""Which condition belongs to which of PyKEEN's interactions."""

from typing import Any, TypeAlias

from pykeen.nn.modules import (
    ClampedInteraction,
    ComplExInteraction,
    CPInteraction,
    DistMultInteraction,
    HolEInteraction,
    Interaction,
    MonotonicAffineTransformationInteraction,
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
)

from .closed_forms import (
    CircularCondition,
    Condition,
    DirectionalCondition,
    HadamardCondition,
    HyperplaneCondition,
    LearnedCondition,
    MatrixCondition,
    PairedCondition,
    ProjectionCondition,
    QuaternionCondition,
    SpaceCondition,
    TransFCondition,
    TranslationCondition,
)
from .layout import PartsLayout

__all__ = ["CONDITIONS", "AnyInteraction", "make_condition"]

#: An interaction, whatever its representations are
AnyInteraction: TypeAlias = Interaction[Any, Any, Any]

#: The interactions for which there is a closed form. Those of your own can be added.
CONDITIONS: dict[type[AnyInteraction], type[Condition]] = {
    ComplExInteraction: HadamardCondition,
    CPInteraction: HadamardCondition,
    DistMultInteraction: HadamardCondition,
    HolEInteraction: CircularCondition,
    PairREInteraction: PairedCondition,
    QuatEInteraction: QuaternionCondition,
    RESCALInteraction: MatrixCondition,
    RotatEInteraction: HadamardCondition,
    SimplEInteraction: DirectionalCondition,
    TransDInteraction: ProjectionCondition,
    TransEInteraction: TranslationCondition,
    TransFInteraction: TransFCondition,
    TransHInteraction: HyperplaneCondition,
    TransRInteraction: SpaceCondition,
}

#: Monotone transformations of another interaction's score, which change nothing about where an entity is expected
WRAPPERS = (ClampedInteraction, MonotonicAffineTransformationInteraction)


def make_condition(
    interaction: AnyInteraction, head: PartsLayout, relation: PartsLayout, tail: PartsLayout
) -> Condition:
    """Make the condition for an interaction.

    :param interaction: the interaction
    :param head: the layout of head representations
    :param relation: the layout of relation representations
    :param tail: the layout of tail representations

    :returns: the closed form, if there is one, else a learned condition
    """
    while isinstance(interaction, WRAPPERS):
        interaction = interaction.base
    cls = CONDITIONS.get(type(interaction))
    # real representations are accepted by complex interactions, which view them as complex: these have no closed form
    if cls is None or (interaction.is_complex and not all((*head.is_complex, *relation.is_complex, *tail.is_complex))):
        return LearnedCondition(head=head, relation=relation, tail=tail)
    return cls()
