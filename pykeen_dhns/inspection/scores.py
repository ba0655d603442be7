"""How the model scores what is generated, level by level and relation by relation."""

import numpy as np
import pandas as pd
import torch
from pykeen.sampling import BasicNegativeSampler
from torch import Tensor

from .sources import Source

__all__ = ["collect_scores", "rate_relations", "summarize_scores"]

#: The number of triples to score at once
BATCH_SIZE = 512


def collect_scores(source: Source, triples: Tensor, num_uniform: int) -> pd.DataFrame:
    """Score triples, uniform negatives, and what is generated for both sides.

    :param source: what generates
    :param triples: shape: (n, 3) the triples
    :param num_uniform: the number of uniform negatives for each triple

    :returns: a row for each score: the ``relation``, the kind of ``triples`` (``positives``, ``uniform`` negatives, or
        the name of a level), the ``score``, and whether it is ``above`` that of the positive

    :raises ValueError: if the scores are not finite
    """
    frames = []
    for batch in triples.split(BATCH_SIZE):
        relations = [source.relations[i] for i in batch[:, 1].tolist()]
        positive = source.score(batch).unsqueeze(dim=-1)
        scores = {
            "positives": positive,
            "uniform": _score_uniform(source, batch, num_uniform),
            **dict(zip(source.levels, source.score_generated(batch), strict=True)),
        }
        frames += [
            pd.DataFrame(
                {
                    "relation": np.repeat(relations, values.shape[1]),
                    "triples": kind,
                    # NumPy does not have all floating point types.
                    "score": values.flatten().double().cpu().numpy(),
                    "above": (values > positive).flatten().cpu().numpy(),
                }
            )
            for kind, values in scores.items()
        ]
    frame = pd.concat(frames, ignore_index=True)
    is_finite = np.isfinite(frame["score"])
    if not is_finite[frame["triples"] != "uniform"].all():
        raise ValueError(
            "Scores are not finite: the training has diverged, so there is nothing to inspect. Try a smaller learning "
            "rate."
        )
    # Known triples are no negatives.
    return frame[is_finite]


def _score_uniform(source: Source, triples: Tensor, num: int) -> Tensor:
    """Score negatives that are drawn uniformly, shape: (n, num), NaN for known triples."""
    sampler = BasicNegativeSampler(
        mapped_triples=source.triples,
        num_entities=source.known.num_entities,
        num_relations=source.known.num_relations,
        num_negs_per_pos=num,
    )
    negatives = sampler.corrupt_batch(triples)
    scores = source.score(negatives)
    return scores.masked_fill(source.known.contains(negatives).to(scores.device), torch.nan)


def summarize_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Summarize scores.

    :param scores: the scores, cf. :func:`collect_scores`

    :returns: a row for each kind of ``triples``: ``mean`` and ``std`` of the scores, the ``gap`` between the mean and
        that of uniform negatives, in standard deviations of the latter, and the share of scores ``above`` the positive
    """
    groups = scores.groupby("triples", sort=False)
    summary = pd.DataFrame({"mean": groups["score"].mean(), "std": groups["score"].std(ddof=0)})
    # A relation may have no uniform negatives, if all of them are known triples.
    mean, std = summary.reindex(["uniform"]).iloc[0]
    summary["gap"] = (summary["mean"] - mean) / (std or np.nan)
    summary["above"] = groups["above"].mean()
    return summary.reset_index()


def rate_relations(scores: pd.DataFrame) -> pd.DataFrame:
    """Measure how hard the negatives of each relation are.

    :param scores: the scores, cf. :func:`collect_scores`

    :returns: a row for each relation, the most frequent one first: the number of ``triples``, the gap of ``positives``
        and of each level, relative to the uniform negatives of the relation, cf. :func:`summarize_scores`, and the
        share of scores ``above the positive`` for each level
    """
    summaries = [
        summarize_scores(part).assign(relation=relation).set_index(["relation", "triples"])
        for relation, part in scores.groupby("relation")
    ]
    table = pd.concat(summaries).unstack("triples")
    names = [name for name in scores["triples"].unique() if name != "uniform"]
    shares = table["above"][names[1:]].add_prefix("above the positive, ")
    table = table["gap"][names].join(shares).rename_axis(columns=None).reset_index()
    numbers = scores.loc[scores["triples"] == "positives", "relation"].value_counts()
    table.insert(1, "triples", table["relation"].map(numbers))
    return table.sort_values("triples", ascending=False, kind="stable", ignore_index=True)
