"""Compare generated embeddings with those of all entities."""

import numpy as np
import pandas as pd
import torch
from pykeen.constants import TARGET_TO_INDEX
from torch import Tensor
from torch.nn import functional

from .sources import Source, Target

__all__ = ["find_neighbors", "list_negatives", "summarize_neighbors"]

#: The number of cosines to compute at once
MAX_CELLS = 2**23


def find_neighbors(source: Source, triples: Tensor, *, target: Target, num: int) -> pd.DataFrame:
    """Find the entities nearest to what is generated for triples.

    The measure is the cosine at unit scale. Distances would prefer entities near the mean, and dot products would
    prefer entities with large embeddings, whatever was generated.

    :param source: what generates
    :param triples: shape: (n, 3) the triples
    :param target: the side to generate
    :param num: the number of entities to find

    :returns: a row for each entity, nearest ones first: the triple (``head``, ``relation``, ``tail``), the ``level``,
        and the ``modality``; the ``rank`` of the missing entity among all that are no other known answers, and the
        mean ``square`` of what was generated; the ``entity``, its ``cosine``, and its ``kind``: it is the ``missing``
        one, another ``known`` answer, or any ``other``. There are no rows where the known entity lacks the modality,
        and there is no rank where the missing entity does.
    """
    directions = functional.normalize(source.embed(target), dim=-1).transpose(-2, -1)
    frames = []
    for batch in triples.split(max(1, MAX_CELLS // (len(source.levels) * directions[:, 0].numel()))):
        samples = source.generate(batch, target)
        cosine = (functional.normalize(samples, dim=-1) @ directions).nan_to_num(nan=-torch.inf)
        # triples come first, then levels, modalities, and entities
        cosine = cosine.permute(2, 0, 1, 3)
        missing, is_answer = batch[:, TARGET_TO_INDEX[target]], _find_answers(source, batch, target)
        own = cosine.gather(-1, missing.view(-1, 1, 1, 1).expand(*cosine.shape[:-1], 1))
        above = (cosine > own) & ~is_answer[:, None, None]
        rank = (1 + above.sum(dim=-1)).double().masked_fill(own.squeeze(dim=-1).isinf(), torch.nan)
        cosines, entities = cosine.topk(min(num, len(source.entities)))
        row, level, modality, place = cosines.isfinite().nonzero(as_tuple=True)
        entity = entities[row, level, modality, place]
        kind = np.where(entity == missing[row], "missing", np.where(is_answer[row, entity], "known", "other"))
        columns = {
            **_label_triples(source, batch[row]),
            "level": [source.levels[i] for i in level.tolist()],
            "modality": [source.modalities[i] for i in modality.tolist()],
            "rank": rank[row, level, modality].numpy(),
            "square": samples.square().mean(dim=-1)[level, modality, row].double().numpy(),
            "entity": [source.entities[i] for i in entity.tolist()],
            "cosine": cosines[row, level, modality, place].double().numpy(),
            "kind": kind,
        }
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def _label_triples(source: Source, triples: Tensor) -> dict[str, list[str]]:
    return {
        "head": [source.entities[i] for i in triples[:, 0].tolist()],
        "relation": [source.relations[i] for i in triples[:, 1].tolist()],
        "tail": [source.entities[i] for i in triples[:, 2].tolist()],
    }


def _find_answers(source: Source, triples: Tensor, target: Target) -> Tensor:
    """Find all entities that complete triples to known ones, shape: (n, num_entities)."""
    completions = triples.unsqueeze(dim=1).repeat(1, len(source.entities), 1)
    completions[..., TARGET_TO_INDEX[target]] = torch.arange(len(source.entities))
    return source.known.contains(completions)


def summarize_neighbors(nearest: pd.DataFrame) -> pd.DataFrame:
    """Measure how well what is generated fits the missing entities.

    :param nearest: the nearest entity for each of many triples, cf. :func:`find_neighbors`

    :returns: a row for each ``level`` and ``modality``: the number of ``triples``, the ``median rank`` of the missing
        entity, how often the ``nearest is a known answer``, the number of ``distinct nearest`` entities as a share of
        the triples, and the ``spread`` of what is generated, which is 1 for entities
    """
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
    """List entities that become negatives for triples.

    :param source: what generates
    :param triples: shape: (n, 3) the triples
    :param target: the side to generate
    :param num: the number of entities to list

    :returns: a row for each entity: the triple (``head``, ``relation``, ``tail``), the ``level``, and the ``entity``.
        None if negatives are embeddings.
    """
    negatives = source.sample_negatives(triples, target, num)
    if negatives is None:
        return None
    num_levels, num_triples, num = negatives.shape
    columns = {
        **_label_triples(source, triples.repeat_interleave(num, dim=0).repeat(num_levels, 1)),
        "level": np.repeat(source.levels, num_triples * num),
        "entity": [source.entities[i] for i in negatives.flatten().tolist()],
    }
    return pd.DataFrame(columns)
