"""How the model scores what is generated, level by level."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .sources import Source

__all__ = ["Scores", "collect_scores", "make_histograms"]

#: The number of triples that are scored at once
BATCH_SIZE = 512
#: The number of bins of the histograms
NUM_BINS = 60


@dataclasses.dataclass
class Scores:
    """The model's scores of triples and of their negatives. NaN stands for what does not exist."""

    #: The names of the levels, hardest first
    levels: Sequence[str]
    #: The names of the modalities
    modalities: Sequence[str]
    #: shape: (n, 3) the triples
    triples: Tensor
    #: shape: (n,) their scores
    positive: Tensor
    #: shape: (n, num_uniform) those of uniform negatives which are no known triples
    uniform: Tensor
    #: shape: (num_levels, n, num_generated) those of what is generated
    generated: Tensor
    #: shape: (num_levels, num_modalities, n, num_generated) the same, by modality
    by_modality: Tensor
    #: shape: (num_modalities, n, num_sides) the scores of the triples with one modality of an entity in its place
    true_by_modality: Tensor

    def kinds(self) -> dict[str, Tensor]:
        """Name all kinds of triples.

        :returns: for each of them, shape: `(n, num)`, the scores: positives, uniform negatives, and each level's
        """
        levels = dict(zip(self.levels, self.generated, strict=True))
        return {"positives": self.positive.unsqueeze(dim=-1), "uniform": self.uniform, **levels}

    def rows(self) -> list[dict[str, Any]]:
        """Summarize each kind of triples, and each modality, if there are several.

        :returns: for each of them: its name, mean, and standard deviation, its gap to uniform negatives, in standard
            deviations of the latter, and how many are above the positive that they were made for
        """
        kinds = self.kinds()
        if len(self.modalities) > 1:
            kinds |= {
                f"positives, {modality}": scores
                for modality, scores in zip(self.modalities, self.true_by_modality, strict=True)
            }
            kinds |= {
                f"{level}, {modality}": scores
                for level, of_level in zip(self.levels, self.by_modality, strict=True)
                for modality, scores in zip(self.modalities, of_level, strict=True)
            }
        return [dict(name=name, **summarize(scores, self.positive, self.uniform)) for name, scores in kinds.items()]


def collect_scores(source: Source, triples: Tensor, num_uniform: int = 4) -> Scores:
    """Score triples, uniform negatives, and what is generated, for both sides.

    :param source: what generates
    :param triples: shape: (n, 3) the triples
    :param num_uniform: the number of uniform negatives for each triple

    :returns: the scores

    :raises ValueError: if they are not finite
    """
    batches = [
        (source.score_uniform(batch, num_uniform), source.score_generated(batch)) for batch in triples.split(BATCH_SIZE)
    ]
    if not all(scored.positive.isfinite().all() for _, scored in batches):
        raise ValueError("The model's scores are not finite: training has diverged, so there is nothing to see.")
    return Scores(
        levels=source.level_names(),
        modalities=source.modalities,
        triples=triples,
        positive=torch.cat([scored.positive for _, scored in batches]).cpu(),
        uniform=torch.cat([uniform for uniform, _ in batches]).cpu(),
        generated=torch.cat([scored.generated for _, scored in batches], dim=1).cpu(),
        by_modality=torch.cat([scored.by_modality for _, scored in batches], dim=2).cpu(),
        true_by_modality=torch.cat([scored.true_by_modality for _, scored in batches], dim=1).cpu(),
    )


def summarize(scores: Tensor, positive: Tensor, uniform: Tensor) -> dict[str, float]:
    """Summarize scores.

    :param scores: shape: (n, num) the scores, maybe with NaN
    :param positive: shape: (n,) the scores of the positives that they belong to
    :param uniform: shape: (n, num_uniform) the scores of uniform negatives, maybe with NaN

    :returns: mean, standard deviation, gap to uniform, and the share above the positive. NaN, where there is too little
        to tell.
    """
    exists = ~scores.isnan()
    (mean, std), (base_mean, base_std) = _describe(scores[exists]), _describe(uniform[~uniform.isnan()])
    above = (scores > positive.unsqueeze(dim=-1))[exists]
    return dict(
        mean=mean,
        std=std,
        gap=(mean - base_mean) / base_std if base_std else math.nan,
        above=above.float().mean().item(),
    )


def _describe(values: Tensor) -> tuple[float, float]:
    """Compute mean and standard deviation, NaN without any values."""
    if not len(values):
        return math.nan, math.nan
    return values.mean().item(), values.std(correction=0).item()


def make_histograms(scores: Scores) -> tuple[list[float], list[dict[str, Any]]]:
    """Count scores in bins, the same for all kinds of triples.

    :param scores: the scores

    :returns: the edges of the bins, and a row for each kind of triples
    """
    # half precision cannot be counted
    dtype = torch.promote_types(scores.positive.dtype, torch.float)
    kinds = {name: values[~values.isnan()].to(dtype) for name, values in scores.kinds().items()}
    everything = torch.cat(list(kinds.values()))
    edges = torch.linspace(everything.min().item(), everything.max().item(), NUM_BINS + 1, dtype=dtype)
    rows = [
        dict(name=name, mean=mean, std=std, counts=torch.histogram(values, edges)[0].long().tolist())
        for name, values in kinds.items()
        for mean, std in [_describe(values)]
    ]
    return edges.tolist(), rows
