"""How hard the negatives of each relation are."""

import dataclasses
from collections.abc import Sequence

from .labels import Labels
from .scores import Scores, summarize

__all__ = ["RelationHardness", "rate_relations"]


@dataclasses.dataclass
class RelationHardness:
    """The hardness of a relation's negatives."""

    #: The label of the relation
    label: str
    #: The number of triples that were scored
    num_triples: int
    #: The mean score of its positives, in standard deviations of its uniform negatives, above these
    positive: float
    #: The same for each level, hardest first
    gaps: Sequence[float]
    #: For each level, which share scores above the positive
    above: Sequence[float]


def rate_relations(scores: Scores, labels: Labels) -> list[RelationHardness]:
    """Rate all relations that have at least one of the scored triples.

    :param scores: the scores
    :param labels: the labels

    :returns: the relations, those with most triples first
    """
    relations, counts = scores.triples[:, 1].unique(return_counts=True)
    result = []
    for i in counts.argsort(descending=True, stable=True).tolist():
        rows = scores.triples[:, 1] == relations[i]
        positive, uniform = scores.positive[rows], scores.uniform[rows]
        levels = [summarize(level[rows], positive, uniform) for level in scores.generated]
        result.append(
            RelationHardness(
                label=labels.relation(int(relations[i])),
                num_triples=int(counts[i]),
                positive=summarize(positive.unsqueeze(dim=-1), positive, uniform)["gap"],
                gaps=[level["gap"] for level in levels],
                above=[level["above"] for level in levels],
            )
        )
    return result
