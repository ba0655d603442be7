"""True, uniform, and generated entities in two dimensions."""

import numpy as np
import pandas as pd
import torch
from pykeen.constants import TARGET_TO_INDEX
from sklearn.decomposition import PCA

from .sources import Source, Target

__all__ = ["project"]

#: The largest number of points of each kind
MAX_POINTS = 300


def project(source: Source, *, target: Target, relation: int | None = None) -> pd.DataFrame:
    """Project what is generated for one relation, next to true and uniform entities.

    The two dimensions are the principal components of the entities' embeddings, for each modality.

    :param source: what generates
    :param target: the side
    :param relation: the relation. Defaults to the most frequent one.

    :returns: a row for each point: the ``relation``, the ``modality``, its ``kind`` (``true`` and ``uniform`` entities,
        ``generated`` embeddings, and entities that become a ``negative``), the ``level`` (empty for ``true`` and
        ``uniform``), and the coordinates ``x`` and ``y``
    """
    relations = source.triples[:, 1]
    relation = int(relations.mode().values) if relation is None else relation
    rows = (relations == relation).nonzero().squeeze(dim=-1)
    triples = source.triples[rows[torch.randperm(len(rows))[:MAX_POINTS]]]
    true = triples[:, TARGET_TO_INDEX[target]].unique()
    uniform = torch.randperm(len(source.entities))[:MAX_POINTS]
    samples, embeddings = source.generate(triples, target), source.embed(target)
    negatives = source.sample_negatives(triples, target, 1)
    frames = []
    for j, modality in enumerate(source.modalities):
        points = {("true", ""): embeddings[j, true], ("uniform", ""): embeddings[j, uniform]}
        for i, level in enumerate(source.levels):
            points["generated", level] = samples[i, j]
            if negatives is not None:
                points["negative", level] = embeddings[j, negatives[i, :, 0]]
        vectors = torch.cat(list(points.values())).double().numpy()
        frame = pd.DataFrame([key for key, x in points.items() for _ in x], columns=["kind", "level"])
        # NaN stands for what lacks the modality.
        exists = np.isfinite(vectors).all(axis=-1)
        vectors, frame = vectors[exists], frame[exists]
        entities = np.unique(vectors[frame["level"] == ""], axis=0)
        if not len(entities):
            continue
        pca = PCA(n_components=min(2, *entities.shape), svd_solver="full").fit(entities)
        x, *others = pca.transform(vectors).T
        # With a single dimension, or a single entity, there is only one component.
        y = others[0] if others else 0.0
        frames.append(frame.assign(modality=modality, x=x, y=y))
    return pd.concat(frames, ignore_index=True).assign(relation=source.relations[relation])
