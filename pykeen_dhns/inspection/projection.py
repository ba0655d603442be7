"""True, uniform, and generated entities in two dimensions."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from .labels import Labels
from .settings import Target
from .sources import Source

__all__ = ["Panel", "Projection", "project"]

#: At most how many points of each kind to draw
MAX_POINTS = 300

Points = np.ndarray[Any, np.dtype[np.float64]]


@dataclasses.dataclass
class Panel:
    """What is generated at a level, for a modality."""

    level: str
    #: shape: (n, 2) what is generated
    generated: Points
    #: shape: (m, 2) the entities which became negatives, if they do
    chosen: Points


@dataclasses.dataclass
class Projection:
    """A modality in two dimensions: the principal components of the entities' embeddings, at unit scale."""

    relation: str
    target: Target
    modality: str
    #: The share of the variance that each dimension explains
    explained: Sequence[float]
    #: shape: (n, 2) the entities that are the relation's tails (or heads)
    true: Points
    #: shape: (m, 2) entities that were drawn uniformly
    uniform: Points
    panels: Sequence[Panel]


def project(
    source: Source, labels: Labels, *, target: Target, relation: int | None = None, max_points: int = MAX_POINTS
) -> list[Projection]:
    """Project what is generated for one relation, next to true and uniform entities.

    All relations at once would be one cloud: what is generated for a relation should be near to its own entities.

    :param source: what generates
    :param labels: the labels
    :param target: the side
    :param relation: the relation. Defaults to the most frequent one.
    :param max_points: at most how many points of each kind to draw

    :returns: a projection for each modality that exists
    """
    relations = source.triples[:, 1]
    relation = int(relations.mode().values) if relation is None else relation
    rows = (relations == relation).nonzero().squeeze(dim=-1)
    triples = source.triples[rows[torch.randperm(len(rows))[:max_points]]]
    samples, usable = source.generate(triples, target)
    chosen = source.choose(triples, target, 1)
    embeddings, exists = source.embed(target)
    true = triples[:, 0 if target == "head" else 2].unique()
    uniform = torch.randperm(source.num_entities)[:max_points]
    projections = []
    for j, modality in enumerate(source.modalities):
        own_true, own_uniform = (index[exists[j, index]] for index in (true, uniform))
        if not len(own_true) or not usable[j].any():
            continue
        points = _Points(embeddings[j], torch.cat([own_true, own_uniform]).unique())
        panels = [
            Panel(
                level=level,
                generated=points(samples[i, j, usable[j]]),
                chosen=points(embeddings[j, chosen[i].flatten()] if chosen is not None else embeddings[j, :0]),
            )
            for i, level in enumerate(source.level_names())
        ]
        projections.append(
            Projection(
                relation=labels.relation(relation),
                target=target,
                modality=modality,
                explained=points.explained,
                true=points(embeddings[j, own_true]),
                uniform=points(embeddings[j, own_uniform]),
                panels=panels,
            )
        )
    return projections


class _Points:
    """The two principal components of some entities' embeddings."""

    def __init__(self, embeddings: Tensor, entities: Tensor) -> None:
        data = embeddings[entities].double().numpy()
        # of fewer than two dimensions, or entities, there are no two components
        self.pca = PCA(n_components=min(2, *data.shape), svd_solver="full").fit(data)
        self.explained = [float(share) for share in self.pca.explained_variance_ratio_]

    def __call__(self, x: Tensor) -> Points:
        if not len(x):
            return np.zeros((0, 2))
        points: Points = self.pca.transform(x.double().numpy())
        return np.pad(points, [(0, 0), (0, 2 - points.shape[1])])
