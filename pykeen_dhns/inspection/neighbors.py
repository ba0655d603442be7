"""What is generated, compared with entities: neighbours of a few triples, and how well it fits on the whole."""

import dataclasses
import math
import statistics
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from .labels import Labels
from .settings import Target
from .sources import Source

__all__ = ["Example", "Neighbor", "Neighborhood", "Resemblance", "compare_to_entities", "find_neighbors"]

#: How many similarities to compute at once
MAX_CELLS = 2**23


@dataclasses.dataclass
class Neighbor:
    """An entity near to a generated embedding."""

    label: str
    #: How near: the cosine of both embeddings, at unit scale. Distances would prefer entities near to the mean, and dot
    #: products those with large embeddings, whatever was generated.
    similarity: float
    #: Whether it is the entity that is missing
    is_true: bool
    #: Whether it is another known answer
    is_known: bool


@dataclasses.dataclass
class Neighborhood:
    """The entities near to what is generated for a triple at a level, for a modality."""

    level: str
    modality: str
    #: The nearest entities. None, if there is nothing to generate from.
    neighbors: Sequence[Neighbor] | None
    #: The rank of the missing entity among all, other known answers left out. None, if it does not have this modality.
    rank: int | None
    #: The entities which became negatives, if they do
    chosen: Sequence[str] = ()


@dataclasses.dataclass
class Example:
    """A triple, one side of which is generated."""

    head: str
    relation: str
    tail: str
    target: Target
    neighborhoods: Sequence[Neighborhood]

    def __str__(self) -> str:
        return f"{self.head} — {self.relation} — {self.tail}"


@dataclasses.dataclass
class Resemblance:
    """How well what is generated at a level, for a modality, fits to entities."""

    level: str
    modality: str
    num_triples: int
    num_entities: int
    #: The median rank of the missing entity among all, other known answers left out
    median_rank: float
    #: How often the nearest entity is a known answer
    nearest_is_known: float
    #: The number of different entities that are nearest to anything generated, as a share of the number of triples
    distinct: float
    #: The spread of what is generated, where that of entities' embeddings is 1
    spread: float


@dataclasses.dataclass
class _Compared:
    """Generated embeddings of a few triples, compared with all entities."""

    triples: Tensor
    #: shape: (num_levels, num_modalities, n, num_entities), minus infinity for entities without the modality
    similarity: Tensor
    #: shape: (num_modalities, n) for which there is something to generate from
    usable: Tensor
    #: shape: (num_modalities, n) whose missing entity has the modality
    has_true: Tensor
    #: shape: (n, num_entities) which entities are known answers
    known: Tensor
    #: shape: (n,) the missing entities
    true: Tensor
    #: shape: (num_levels, num_modalities, n) the mean square of each generated embedding
    power: Tensor

    def ranks(self) -> Tensor:
        """Rank the missing entities, shape: (num_levels, num_modalities, n)."""
        index = self.true.view(1, 1, -1, 1).expand(*self.similarity.shape[:-1], 1)
        above = self.similarity > self.similarity.gather(-1, index)
        return 1 + (above & ~self.known).sum(dim=-1)


def _compare(source: Source, triples: Tensor, target: Target) -> Iterator[_Compared]:
    embeddings, exists = source.embed(target)
    directions = functional.normalize(embeddings, dim=-1)
    size = max(1, MAX_CELLS // (len(source.levels) * embeddings.shape[0] * source.num_entities))
    for part in triples.split(size):
        samples, usable = source.generate(part, target)
        similarity = functional.normalize(samples, dim=-1) @ directions.transpose(-2, -1)
        true = part[:, 0 if target == "head" else 2]
        yield _Compared(
            triples=part,
            similarity=similarity.masked_fill(~exists.unsqueeze(dim=1), -torch.inf),
            usable=usable,
            has_true=exists[:, true],
            known=source.known_answers(part, target),
            true=true,
            power=samples.square().mean(dim=-1),
        )


def find_neighbors(
    source: Source, triples: Tensor, labels: Labels, *, target: Target, num_neighbors: int
) -> list[Example]:
    """Find the entities nearest to what is generated for triples.

    :param source: what generates
    :param triples: shape: (n, 3) the triples
    :param labels: the labels
    :param target: the side to generate
    :param num_neighbors: how many entities to find

    :returns: an example for each triple
    """
    chosen = source.choose(triples, target, num_neighbors)
    examples: list[Example] = []
    for batch in _compare(source, triples, target):
        for row, (head, relation, tail) in enumerate(batch.triples.tolist()):
            neighborhoods = _find_of_row(source, batch, row, labels, num_neighbors)
            if chosen is not None:
                for i, entities in enumerate(chosen[:, len(examples)].tolist()):
                    for neighborhood in neighborhoods[i]:
                        neighborhood.chosen = [labels.entity(index) for index in entities]
            examples.append(
                Example(
                    head=labels.entity(head),
                    relation=labels.relation(relation),
                    tail=labels.entity(tail),
                    target=target,
                    neighborhoods=[each for of_level in neighborhoods for each in of_level],
                )
            )
    return examples


def _find_of_row(
    source: Source, batch: _Compared, row: int, labels: Labels, num_neighbors: int
) -> list[list[Neighborhood]]:
    """Find the neighbours of a single triple, by level and modality."""
    values, indices = batch.similarity[:, :, row].topk(min(num_neighbors, source.num_entities), dim=-1)
    ranks, true = batch.ranks()[:, :, row], int(batch.true[row])
    return [
        [
            Neighborhood(
                level=level,
                modality=modality,
                neighbors=[
                    Neighbor(
                        label=labels.entity(index),
                        similarity=value,
                        is_true=index == true,
                        is_known=index != true and bool(batch.known[row, index]),
                    )
                    for index, value in zip(indices[i, j].tolist(), values[i, j].tolist(), strict=True)
                    if value > -math.inf
                ]
                if batch.usable[j, row]
                else None,
                rank=int(ranks[i, j]) if batch.usable[j, row] and batch.has_true[j, row] else None,
            )
            for j, modality in enumerate(source.modalities)
        ]
        for i, level in enumerate(source.level_names())
    ]


def compare_to_entities(source: Source, triples: Tensor, *, target: Target) -> list[Resemblance]:
    """Compare what is generated for triples with all entities.

    :param source: what generates
    :param triples: shape: (n, 3) the triples
    :param target: the side to generate

    :returns: a row for each level and modality
    """
    parts = []
    for batch in _compare(source, triples, target):
        nearest = batch.similarity.argmax(dim=-1)
        is_known = batch.known[torch.arange(len(batch.triples)), nearest]
        parts.append((batch.ranks(), nearest, is_known, batch.power, batch.usable, batch.usable & batch.has_true))
    # in all of them, the triples are the last dimension
    ranks, nearest, is_known, power, usable, rated = (
        torch.cat(tensors, dim=-1) for tensors in zip(*parts, strict=True)
    )
    return [
        Resemblance(
            level=level,
            modality=modality,
            num_triples=int(usable[j].sum()),
            num_entities=source.num_entities,
            median_rank=statistics.median(ranks[i, j, rated[j]].tolist()),
            nearest_is_known=is_known[i, j, usable[j]].float().mean().item(),
            distinct=len(nearest[i, j, usable[j]].unique()) / int(usable[j].sum()),
            spread=power[i, j, usable[j]].mean().sqrt().item(),
        )
        for i, level in enumerate(source.level_names())
        for j, modality in enumerate(source.modalities)
        if rated[j].any()
    ]
