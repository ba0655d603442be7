"""What to look at."""

import dataclasses
from collections.abc import Sequence
from typing import Literal, get_args

from ..utils.validation import check_choice, check_positive_int

__all__ = ["InspectionSettings", "Target"]

#: The side of a triple which is generated
Target = Literal["tail", "head"]


@dataclasses.dataclass(frozen=True)
class InspectionSettings:
    """What to look at, and how closely."""

    #: How many triples to show nearest entities for
    num_examples: int = 4
    #: Which ones: labels of head, relation, and tail. They replace those that are drawn at random.
    examples: Sequence[tuple[str, str, str]] = ()
    #: How many entities to show for each of them
    num_neighbors: int = 5
    #: Which side to show: in examples, comparisons to entities, and the projection. Scores are those of both.
    target: Target = "tail"
    #: The label of the relation for examples and projection. By default, examples are of any relation, and the
    #: projection is of the most frequent one.
    relation: str | None = None
    #: How many training triples to score, drawn at random
    max_triples: int = 2000
    #: The number of uniform negatives for each of them
    num_uniform: int = 4
    #: How many relations to show, most frequent ones first
    num_relations: int = 20
    #: What everything that is drawn depends on
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values.

        :raises ValueError: if one is out of range
        """  # noqa: DOC502
        check_choice("target", self.target, get_args(Target))
        for name in ("num_examples", "num_neighbors", "max_triples", "num_uniform", "num_relations"):
            check_positive_int(name, getattr(self, name))
