"""The report of an inspection: tables and plots, each below a sentence that says how to read it."""

import dataclasses
from os import PathLike
from pathlib import Path

import pandas as pd

from .measures import summarize_scores
from .plots import has_matplotlib, save_plots
from .sources import Source, Target
from ..utils.validation import check_bool, check_type

__all__ = ["Inspection"]

#: How the report marks an entity
MARKS = {"missing": "**", "known": "*", "other": ""}
#: The columns that identify a triple
TRIPLE = ["head", "relation", "tail"]


@dataclasses.dataclass
class Inspection:
    """What a run's generator makes, in tables and plots."""

    #: What was inspected: the generator, its model, and their levels and modalities
    source: Source
    #: The side of neighbors, ranks, and projection
    target: Target
    #: The nearest entities, nearest first: the triple (``head``, ``relation``, ``tail``), the ``level``, and the
    #: ``modality``; the ``rank`` of the missing entity among all that are no other known answers, and the mean
    #: ``square`` of what was generated; the ``entity``, its ``cosine``, and its ``kind``: the ``missing`` one, another
    #: ``known`` answer, or any ``other``. There are no rows where the known entity lacks the modality, and there is no
    #: rank where the missing entity does.
    neighbors: pd.DataFrame
    #: The entities that become negatives: the triple, the ``level``, and the ``entity``. None if negatives are
    #: embeddings.
    negatives: pd.DataFrame | None
    #: How near the missing entities are, for each ``level`` and ``modality``: the number of ``triples``, the ``median
    #: rank`` of the missing entity, how often the ``nearest is a known answer``, the number of ``distinct nearest``
    #: entities as a share of the triples, and the ``spread`` of what is generated, which is 1 for entities
    ranks: pd.DataFrame
    #: All scores: the ``relation``, the kind of ``triples`` (``positives``, ``uniform`` negatives, or the name of a
    #: level), the ``score``, and whether it is ``above`` that of the positive
    scores: pd.DataFrame
    #: All relations, the most frequent one first: the number of ``triples``, and the gap (cf. :attr:`score_summary`) of
    #: ``positives`` and of each level to the relation's uniform negatives
    relations: pd.DataFrame
    #: How many relations the report shows
    num_relations: int
    #: The points of the projection: the ``relation``, the ``modality``, the ``kind`` (``true`` and ``uniform``
    #: entities, and ``generated`` embeddings), the ``level`` (empty for ``true`` and ``uniform``), the coordinates
    #: ``x`` and ``y``, and the share of the entities' variance that both of them have ``explained``
    projection: pd.DataFrame

    @property
    def score_summary(self) -> pd.DataFrame:
        """Summarize the scores.

        :returns: for each kind of ``triples``: ``mean`` and ``std`` of the scores, the ``gap`` between the mean and
            that of uniform negatives, in standard deviations of the latter, and the share ``above`` the positive
        """
        return summarize_scores(self.scores)

    def to_markdown(self, *, plots: bool = False) -> str:
        """Write the report.

        :param plots: whether to show the plots, which :meth:`save` draws

        :returns: the report, in Markdown
        """
        check_bool("plots", plots)
        parts = [*self._introduction(), *self._neighbors(), *self._ranks(), *self._scores(plots), *self._relations()]
        if plots:
            text = (
                f"What is generated for the missing {self.target}s of a relation, next to the true ones and to "
                "uniformly drawn entities, in the two principal components of the entities' embeddings. It should lie "
                "among the true ones."
            )
            parts += ["## Projection", text, "![true, uniform, and generated entities](projection.png)"]
        return "\n\n".join(parts) + "\n"

    def save(self, directory: str | Path, *, plots: bool = True) -> list[Path]:
        """Save the report, all relations, and the plots.

        :param directory: the folder, which is made if there is none
        :param plots: whether to draw plots

        :returns: the files: ``report.md``, ``relations.tsv``, and, with plots, ``scores.png`` and ``projection.png``.
            Without matplotlib, there is a warning, and there are no plots.
        """
        check_type("directory", directory, (str, PathLike), "a folder")
        check_bool("plots", plots)
        plots = plots and has_matplotlib()
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        files = [directory / "report.md", directory / "relations.tsv"]
        files[0].write_text(self.to_markdown(plots=plots), encoding="utf8")
        self.relations.to_csv(files[1], sep="\t", index=False, na_rep="nan")
        if plots:
            files += save_plots(self, directory)
        return files

    def _introduction(self) -> list[str]:
        title = f"# What {self.source.title} makes for {type(self.source.model).__name__}"
        text = (
            f"The generator is a {type(self.source.generator).__name__}. Each level stops the denoising at a time step "
            "t. The smaller t, the less noise is left, and the harder are the negatives."
        )
        if not self.source.other_modalities:
            return [title, text]
        hint = (
            f"The model also has the modalities {', '.join(self.source.other_modalities)}, for which nothing is "
            "generated. To generate for each modality, train with training_loop_kwargs=dict(multimodal=True)."
        )
        return [title, text, hint]

    def _neighbors(self) -> list[str]:
        marks = self.neighbors["kind"].map(MARKS)
        text = marks + self.neighbors["entity"] + marks + self.neighbors["cosine"].map(" ({:.2f})".format)
        groups = self.neighbors.assign(text=text).groupby([*TRIPLE, "level", "modality"], sort=False)
        table = groups.agg(rank=("rank", "first"), text=("text", ", ".join)).reset_index()
        table = table.rename(columns={"text": "nearest entities"})
        if self.negatives is not None:
            entities = self.negatives.groupby([*TRIPLE, "level"], sort=False)["entity"].agg(", ".join)
            table = table.merge(entities.rename("become negatives").reset_index(), how="left")
        text = (
            f"The entities nearest to what was generated for the missing {self.target}, and the cosine of both "
            "embeddings. **Bold** is the missing entity, *italic* another known answer. The rank is that of the "
            "missing entity, among all that are no other known answers. There is no row for a modality that the known "
            "entity lacks."
        )
        parts = ["## Nearest entities", text]
        for labels, rows in table.groupby(TRIPLE, sort=False):
            marked = [f"**{x}**" if name == self.target else x for name, x in zip(TRIPLE, labels, strict=True)]
            parts += [f"### {' — '.join(marked)}", _to_table(rows.drop(columns=TRIPLE), rank="{:,.0f}")]
        return parts

    def _ranks(self) -> list[str]:
        text = (
            f"The same for more triples. There are {len(self.source.entities):,} entities. A generator that has "
            "learned nothing has a median rank near half of that. The spread is 1 for the embeddings of entities."
        )
        shares = dict.fromkeys(["nearest is a known answer", "distinct nearest"], "{:.1%}")
        formats = {"triples": "{:,}", "median rank": "{:,.1f}", **shares, "spread": "{:.2f}"}
        return ["## Ranks of the missing entities", text, _to_table(self.ranks, **formats)]

    def _scores(self, plots: bool) -> list[str]:
        text = (
            f"The model's scores of {self.relations['triples'].sum():,} training triples, of uniform negatives that "
            "are no known triples, and of what is generated for both sides. The gap is the distance from the mean of "
            "uniform negatives, in their standard deviations."
        )
        table = self.score_summary.rename(columns={"above": "above the positive"})
        formats = {"mean": "{:.3f}", "std": "{:.3f}", "gap": "{:+.2f}", "above the positive": "{:.1%}"}
        parts = ["## Scores", text, _to_table(table, **formats)]
        return [*parts, "![distributions of scores](scores.png)"] if plots else parts

    def _relations(self) -> list[str]:
        text = (
            "The gaps of the most frequent relations, each to its own uniform negatives. The file relations.tsv has "
            "all relations."
        )
        formats = {"triples": "{:,}", **dict.fromkeys(["positives", *self.source.levels], "{:+.2f}")}
        table = _to_table(self.relations.head(self.num_relations), **formats)
        return ["## Hardness by relation", text, table]


def _to_table(frame: pd.DataFrame, **formats: str) -> str:
    """Write a table in Markdown, with formats for the columns of numbers, and a dash for what is missing."""
    columns = {
        name: column.map(formats.get(str(name), "{}").format, na_action="ignore").fillna("-").str.replace("|", "\\|")
        for name, column in frame.items()
    }
    alignment = ["right" if name in formats else "left" for name in frame]
    # Labels may look like numbers, so no text is parsed.
    return str(pd.DataFrame(columns).to_markdown(index=False, disable_numparse=True, colalign=alignment))
