"""Everything that an inspection finds."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from .labels import Labels
from .neighbors import Example, Resemblance, compare_to_entities, find_neighbors
from .plots import plot_histograms, plot_projections, plot_relations, require_matplotlib
from .projection import Projection, project
from .relations import RelationHardness, rate_relations
from .report import list_relations, write_report
from .scores import Scores, collect_scores, make_histograms
from .settings import InspectionSettings
from .sources import Source
from ..utils.evaluation_mode import undisturbed

__all__ = ["Inspection", "inspect_source"]

#: How many triples to compare with all entities
MAX_COMPARED = 500


@dataclasses.dataclass
class Inspection:
    """What a run's generator makes, in numbers, names, and pictures."""

    #: What was inspected, in words
    title: str
    #: The model, by the name of its class
    model: str
    #: What generates: ``diffheg``, or a control
    generator: str
    #: The names of the levels, hardest first
    levels: Sequence[str]
    #: The names of the modalities
    modalities: Sequence[str]
    num_entities: int
    settings: InspectionSettings
    examples: Sequence[Example]
    resemblance: Sequence[Resemblance]
    scores: Scores
    relations: Sequence[RelationHardness]
    projections: Sequence[Projection]

    def to_markdown(self) -> str:
        """Write the report.

        :returns: the report, in Markdown
        """
        return write_report(self)

    def save(self, directory: str | Path, *, plots: bool = True) -> list[Path]:
        """Save the report, all relations, and the plots.

        :param directory: the folder, which is made, if need be
        :param plots: whether to draw

        :returns: the files: ``report.md``, ``relations.tsv``, and, with plots, ``scores.png``, ``projection.png``, and
            ``relations.png``

        :raises ImportError: if there is nothing to draw with
        """  # noqa: DOC502
        if plots:
            require_matplotlib()
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        report, relations = directory / "report.md", directory / "relations.tsv"
        report.write_text(write_report(self, plots=plots), encoding="utf8")
        relations.write_text(list_relations(self), encoding="utf8")
        files = [report, relations]
        if plots:
            files.append(plot_histograms(*make_histograms(self.scores), directory / "scores.png"))
            if self.projections:
                files.append(plot_projections(self.projections, directory / "projection.png"))
            shown = self.relations[: self.settings.num_relations]
            files.append(plot_relations(shown, self.levels, directory / "relations.png"))
        return files


def inspect_source(source: Source, settings: InspectionSettings) -> Inspection:
    """Inspect what generates negatives. Neither it nor the model changes.

    :param source: what generates
    :param settings: what to look at

    :returns: what was found
    """
    labels = Labels(source.training)
    relation = None if settings.relation is None else labels.find_relation(settings.relation)
    examples = labels.find_triples(settings.examples) if settings.examples else None
    with undisturbed(source.model, *source.modules, seed=settings.seed):
        triples = source.triples[torch.randperm(len(source.triples))]
        if examples is None:
            examples = _draw_examples(triples, relation, settings)
        scores = collect_scores(source, triples[: settings.max_triples], settings.num_uniform)
        return Inspection(
            title=source.title,
            model=type(source.model).__name__,
            generator=source.generator,
            levels=source.level_names(),
            modalities=source.modalities,
            num_entities=source.num_entities,
            settings=settings,
            examples=find_neighbors(
                source, examples, labels, target=settings.target, num_neighbors=settings.num_neighbors
            ),
            resemblance=compare_to_entities(source, triples[:MAX_COMPARED], target=settings.target),
            scores=scores,
            relations=rate_relations(scores, labels),
            projections=project(source, labels, target=settings.target, relation=relation),
        )


def _draw_examples(triples: Tensor, relation: int | None, settings: InspectionSettings) -> Tensor:
    chosen = triples if relation is None else triples[triples[:, 1] == relation]
    if not len(chosen):
        raise ValueError(f"There is no training triple with relation={settings.relation!r}, so nothing to show.")
    return chosen[: settings.num_examples]
