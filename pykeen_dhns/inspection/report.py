"""An inspection as a page."""

import csv
import io
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .neighbors import Example, Neighbor, Neighborhood
from ..comparison.markdown import MISSING, format_table

if TYPE_CHECKING:
    from .inspection import Inspection

__all__ = ["list_relations", "write_report"]

#: What generates, in words
GENERATORS = {
    "diffheg": "the diffusion model",
    "noise": "noise, the control: nothing that it generates should depend on the triple",
    "shadow": "the shadow's own guess, the control: the same at all levels",
}
#: A mean difference of two levels, in standard deviations of uniform negatives, that is next to nothing
SAME = 0.05


def write_report(inspection: "Inspection", *, plots: bool = False) -> str:
    """Write the report.

    :param inspection: what was found
    :param plots: whether to refer to the plots, which are in the same folder

    :returns: the report, in Markdown
    """
    sections = [
        _introduction(inspection),
        _examples(inspection),
        _resemblance(inspection),
        _scores(inspection, plots),
        _relations(inspection, plots),
        *([_projections(inspection)] if plots and inspection.projections else []),
    ]
    return "\n\n".join(sections) + "\n"


def _introduction(inspection: "Inspection") -> str:
    other = "head" if inspection.settings.target == "tail" else "tail"
    return (
        f"# What {inspection.title} makes for {inspection.model}\n\n"
        f"It is {GENERATORS.get(inspection.generator, inspection.generator)}. Levels: {', '.join(inspection.levels)}; "
        f"the smaller t, the later the denoising stopped, and the harder the negatives. "
        f"Modalities: {', '.join(inspection.modalities)}. Generated from: {other} and relation. "
        f"Entities: {inspection.num_entities:,}."
    )


def _examples(inspection: "Inspection") -> str:
    legend = (
        f"The entities nearest to what was generated for the missing {inspection.settings.target}, nearest first. "
        "**Bold** is the missing one, *italic* another known answer. The number is the cosine, where 1 is the same "
        "direction, and 0 has nothing in common. The rank is that of the missing entity among all, other known answers "
        "left out."
    )
    return "\n\n".join(["## Nearest entities", legend, *map(_example, inspection.examples)])


def _example(example: Example) -> str:
    becomes = any(neighborhood.chosen for neighborhood in example.neighborhoods)
    rows = [
        [
            neighborhood.level,
            neighborhood.modality,
            MISSING if neighborhood.rank is None else f"{neighborhood.rank:,}",
            _neighbors(neighborhood),
            *([", ".join(neighborhood.chosen)] if becomes else []),
        ]
        for neighborhood in example.neighborhoods
    ]
    header = ["level", "modality", "rank", "nearest entities", *(["become negatives"] if becomes else [])]
    missing = {"head": f"**{example.head}**", "tail": f"**{example.tail}**"}
    head, tail = (missing[x] if example.target == x else getattr(example, x) for x in ("head", "tail"))
    return f"### {head} — {example.relation} — {tail}\n\n{format_table(header, rows, num_text=len(header))}"


def _neighbors(neighborhood: Neighborhood) -> str:
    if neighborhood.neighbors is None:
        return "the known entity lacks this modality"
    return ", ".join(map(_neighbor, neighborhood.neighbors))


def _neighbor(neighbor: Neighbor) -> str:
    mark = "**" if neighbor.is_true else "*" if neighbor.is_known else ""
    return f"{mark}{neighbor.label}{mark} ({neighbor.similarity:.2f})"


def _resemblance(inspection: "Inspection") -> str:
    header = ["level", "modality", "median rank", "nearest is a known answer", "distinct nearest", "spread"]
    rows = [
        [
            row.level,
            row.modality,
            f"{row.median_rank:,.0f} of {row.num_entities:,}",
            f"{row.nearest_is_known:.1%}",
            f"{row.distinct:.1%}",
            f"{row.spread:.2f}",
        ]
        for row in inspection.resemblance
    ]
    number = max((row.num_triples for row in inspection.resemblance), default=0)
    return (
        "## Is it what is missing?\n\n"
        f"Over {number:,} training triples. Chance is a median rank of {inspection.num_entities // 2:,}. The spread is "
        "1 for entities: much less is all the same, much more is off the scale.\n\n"
        + format_table(header, rows, num_text=2)
    )


def _scores(inspection: "Inspection", plots: bool) -> str:
    rows = inspection.scores.rows()
    table = format_table(
        ["triples", "mean score", "std", "gap to uniform [std]", "above the positive"],
        [
            [
                row["name"],
                f"{row['mean']:.3f}",
                f"{row['std']:.3f}",
                f"{row['gap']:+.2f}",
                MISSING if row["name"] == "positives" else f"{row['above']:.1%}",
            ]
            for row in rows
        ],
    )
    legend = (
        f"Scores of {len(inspection.scores.triples):,} training triples, of uniform negatives that are no known "
        "triples, and of what is generated, for both sides."
    )
    if len(inspection.modalities) > 1:
        legend += (
            " By modality: the same if an entity were nothing but this modality, also for positives, which is the best "
            "that can be generated for it."
        )
    parts = [
        "## What the model thinks of it",
        legend,
        table,
        *_remarks(inspection),
        *(["![distributions of scores](scores.png)"] if plots else []),
    ]
    return "\n\n".join(parts)


def _remarks(inspection: "Inspection") -> Iterator[str]:
    by_name = {row["name"]: row for row in inspection.scores.rows()}
    gaps = [by_name[level]["gap"] for level in inspection.levels]
    if gaps[0] > by_name["positives"]["gap"]:
        yield (
            "The hardest level scores above the positives, on average: to the model, it is better than what is true. "
            "A lower weight, or a larger margin, may help."
        )
    if len(gaps) > 1 and max(gaps) - min(gaps) < SAME:
        yield "All levels score alike: the levels do not differ in hardness."
    elif any(harder < easier - SAME for harder, easier in itertools.pairwise(gaps)):
        yield "The levels are out of order: a harder one scores below an easier one."
    if max(gaps) < SAME:
        yield "Nothing that is generated is harder than uniform negatives."
    for modality in inspection.modalities:
        true = by_name.get(f"positives, {modality}")
        if true is not None and true["gap"] < 0:
            yield (
                f"True entities, by their modality {modality} alone, score below uniform ones: what is generated for "
                "it cannot be hard, and pulls the joint score of all modalities down."
            )


def _relations(inspection: "Inspection", plots: bool) -> str:
    shown = inspection.relations[: inspection.settings.num_relations]
    left = len(inspection.relations) - len(shown)
    rest = f" {left} rarer relations are in relations.tsv." if left and plots else ""
    header = ["relation", "triples", "positives", *inspection.levels, "hardest above the positive"]
    rows = [
        [
            relation.label,
            f"{relation.num_triples:,}",
            *map(_number, (relation.positive, *relation.gaps)),
            f"{relation.above[0]:.1%}",
        ]
        for relation in shown
    ]
    parts = [
        "## Hardness by relation",
        "Mean scores, in standard deviations of the relation's own uniform negatives, above their mean." + rest,
        format_table(header, rows),
        *(["![hardness by relation](relations.png)"] if plots else []),
    ]
    return "\n\n".join(parts)


def _number(value: float) -> str:
    return f"{value:+.2f}" if math.isfinite(value) else MISSING


def _projections(inspection: "Inspection") -> str:
    first = inspection.projections[0]
    return (
        "## In two dimensions\n\n"
        f"What is generated for the {first.target}s of the relation {first.relation}, next to its true ones, and to "
        "uniformly drawn entities: the two principal components of the entities' embeddings, at unit scale. It makes "
        f"sense, if what is generated is where the true ones are, and spreads with t.\n\n"
        "![true, uniform, and generated entities](projection.png)"
    )


def list_relations(inspection: "Inspection") -> str:
    """List all relations, as tab-separated values.

    :param inspection: what was found

    :returns: the table
    """
    header: Sequence[str] = [
        "relation",
        "triples",
        "positives",
        *inspection.levels,
        *(f"above the positive, {level}" for level in inspection.levels),
    ]
    rows = [
        [relation.label, str(relation.num_triples), *map(str, (relation.positive, *relation.gaps, *relation.above))]
        for relation in inspection.relations
    ]
    file = io.StringIO()
    csv.writer(file, dialect="excel-tab", lineterminator="\n").writerows([header, *rows])
    return file.getvalue()
