"""What an inspection measures: nearest entities, scores, and a projection.

Each measure is a data frame, whose columns are described at :class:`pykeen_dhns.inspection.Inspection`. Triples have
shape (n, 3).
"""

import numpy as np
import pandas as pd
import torch
from pykeen.constants import TARGET_TO_INDEX
from pykeen.sampling import BasicNegativeSampler
from sklearn.decomposition import PCA
from torch import Tensor
from torch.nn import functional

from .sources import Source, Target

__all__ = [
    "collect_scores",
    "find_neighbors",
    "list_negatives",
    "project",
    "rate_relations",
    "summarize_neighbors",
    "summarize_scores",
]

#: The number of cosines to compute at once
MAX_CELLS = 2**23
#: The number of triples to score at once
BATCH_SIZE = 512
#: The largest number of points of each kind in a projection
MAX_POINTS = 300


def find_neighbors(source: Source, triples: Tensor, *, target: Target, num: int) -> pd.DataFrame:
    """Find the entities nearest to what is generated for triples.

    The measure is the cosine at unit scale. Distances would prefer entities near the mean, and dot products would
    prefer entities with large embeddings, whatever was generated.
    """
    directions = functional.normalize(source.embed(target), dim=-1).transpose(-2, -1)
    frames = []
    for batch in triples.split(max(1, MAX_CELLS // (len(source.levels) * directions[:, 0].numel()))):
        samples = source.generate(batch, target)
        cosine = (functional.normalize(samples, dim=-1) @ directions).nan_to_num(nan=-torch.inf)
        # triples come first, then levels, modalities, and entities
        cosine = cosine.permute(2, 0, 1, 3)
        missing, is_answer = batch[:, TARGET_TO_INDEX[target]], source.find_answers(batch, target)
        own = cosine.gather(-1, missing.view(-1, 1, 1, 1).expand(*cosine.shape[:-1], 1))
        above = (cosine > own) & ~is_answer[:, None, None]
        rank = (1 + above.sum(dim=-1)).double().masked_fill(own.squeeze(dim=-1).isinf(), torch.nan)
        cosines, entities = cosine.topk(min(num, len(source.entities)))
        row, level, modality, place = cosines.isfinite().nonzero(as_tuple=True)
        entity = entities[row, level, modality, place]
        kind = np.where(entity == missing[row], "missing", np.where(is_answer[row, entity], "known", "other"))
        columns = {
            "level": [source.levels[i] for i in level.tolist()],
            "modality": [source.modalities[i] for i in modality.tolist()],
            "rank": rank[row, level, modality].numpy(),
            "square": samples.square().mean(dim=-1)[level, modality, row].double().numpy(),
            "entity": [source.entities[i] for i in entity.tolist()],
            "cosine": cosines[row, level, modality, place].double().numpy(),
            "kind": kind,
        }
        frames.append(pd.DataFrame(source.label_triples(batch[row]) | columns))
    return pd.concat(frames, ignore_index=True)


def summarize_neighbors(nearest: pd.DataFrame) -> pd.DataFrame:
    """Measure how well what is generated fits the missing entities, from their nearest entities."""
    nearest = nearest.assign(is_known=nearest["kind"] != "other")
    groups = nearest.groupby(["level", "modality"], sort=False)
    columns = {
        "triples": groups.size(),
        "median rank": groups["rank"].median(),
        "nearest is a known answer": groups["is_known"].mean(),
        "distinct nearest": groups["entity"].nunique() / groups.size(),
        "spread": groups["square"].mean() ** 0.5,
    }
    return pd.DataFrame(columns).reset_index()


def list_negatives(source: Source, triples: Tensor, *, target: Target, num: int) -> pd.DataFrame | None:
    """List entities that become negatives for triples."""
    negatives = source.sample_negatives(triples, target, num)
    if negatives is None:
        return None
    level, row, _ = torch.ones_like(negatives).nonzero(as_tuple=True)
    columns = {
        "level": [source.levels[i] for i in level.tolist()],
        "entity": [source.entities[i] for i in negatives.flatten().tolist()],
    }
    return pd.DataFrame(source.label_triples(triples[row]) | columns)


def collect_scores(source: Source, triples: Tensor, num_uniform: int) -> pd.DataFrame:
    """Score triples, uniform negatives for each of them, and what is generated for both sides."""
    sampler = BasicNegativeSampler(
        mapped_triples=source.triples,
        num_entities=source.known.num_entities,
        num_relations=source.known.num_relations,
        num_negs_per_pos=num_uniform,
    )
    frames = []
    for batch in triples.split(BATCH_SIZE):
        relations = source.label_triples(batch)["relation"]
        negatives = sampler.corrupt_batch(batch)
        positive, uniform = source.score(batch).unsqueeze(dim=-1), source.score(negatives)
        scores = {
            "positives": positive,
            # Known triples are no negatives.
            "uniform": uniform.masked_fill(source.known.contains(negatives).to(uniform.device), torch.nan),
            **dict(zip(source.levels, source.score_generated(batch), strict=True)),
        }
        for kind, values in scores.items():
            columns = {
                "relation": np.repeat(relations, values.shape[1]),
                "triples": kind,
                # NumPy does not have all floating point types.
                "score": values.flatten().double().cpu().numpy(),
                "above": (values > positive).flatten().cpu().numpy(),
            }
            frames.append(pd.DataFrame(columns))
    frame = pd.concat(frames, ignore_index=True)
    is_finite = np.isfinite(frame["score"])
    if not is_finite[frame["triples"] != "uniform"].all():
        raise ValueError(
            "Scores are not finite: the training has diverged, so there is nothing to inspect. Try a smaller learning "
            "rate."
        )
    return frame[is_finite]


def summarize_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Summarize scores."""
    groups = scores.groupby("triples", sort=False)
    summary = pd.DataFrame({"mean": groups["score"].mean(), "std": groups["score"].std(ddof=0)})
    # A relation may have no uniform negatives, if all of them are known triples.
    mean, std = summary.reindex(["uniform"]).iloc[0]
    summary["gap"] = (summary["mean"] - mean) / (std or np.nan)
    summary["above"] = groups["above"].mean()
    return summary.reset_index()


def rate_relations(scores: pd.DataFrame) -> pd.DataFrame:
    """Measure how hard the negatives of each relation are, from scores."""
    summaries = {name: summarize_scores(part).set_index("triples") for name, part in scores.groupby("relation")}
    table = pd.concat(summaries, names=["relation"]).unstack("triples")
    names = [name for name in scores["triples"].unique() if name != "uniform"]
    table = table["gap"][names].rename_axis(columns=None).reset_index()
    numbers = scores.loc[scores["triples"] == "positives", "relation"].value_counts()
    table.insert(1, "triples", table["relation"].map(numbers))
    return table.sort_values("triples", ascending=False, kind="stable", ignore_index=True)


def project(source: Source, *, target: Target, relation: int | None = None) -> pd.DataFrame:
    """Project what is generated for one relation, by default the most frequent one, next to true and uniform entities.

    The two dimensions are the principal components of the entities' embeddings, for each modality.
    """
    relations = source.triples[:, 1]
    relation = int(relations.mode().values) if relation is None else relation
    triples = source.triples[relations == relation]
    triples = triples[torch.randperm(len(triples))[:MAX_POINTS]]
    true = triples[:, TARGET_TO_INDEX[target]].unique()
    uniform = torch.randperm(len(source.entities))[:MAX_POINTS]
    samples, embeddings = source.generate(triples, target), source.embed(target)
    frames = []
    for j, modality in enumerate(source.modalities):
        points = {("true", ""): embeddings[j, true], ("uniform", ""): embeddings[j, uniform]}
        for i, level in enumerate(source.levels):
            points["generated", level] = samples[i, j]
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
        # A single entity has no variance.
        explained = pca.explained_variance_ratio_.sum() if len(entities) > 1 else 1.0
        frames.append(frame.assign(modality=modality, x=x, y=y, explained=explained))
    return pd.concat(frames, ignore_index=True).assign(relation=source.relations[relation])
