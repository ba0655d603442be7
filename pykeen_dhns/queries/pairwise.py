"""Score every query of a batch with every candidate."""

import math
from typing import Any

import torch
from pykeen.nn.modules import ClampedInteraction, MonotonicAffineTransformationInteraction
from pykeen.utils import get_batchnorm_modules, unpack_singletons
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .base import AnyInteraction, Query, Side
from .layout import Representations

__all__ = ["score_candidates"]

#: The largest number of elements of an intermediate tensor, if scores are broadcast
MAX_ELEMENTS = 2**24


def score_candidates(
    interaction: AnyInteraction,
    query: Query,
    known: Representations,
    relations: Representations,
    candidates: Representations,
    missing: Side,
) -> Tensor:
    """Score triples in which one side is each of several candidates.

    The scores are those of the interaction, up to rounding errors. Where the query says how, they come from a matrix
    product, else from the interaction itself.

    :param interaction: the interaction
    :param query: its query
    :param known: shape: `(batch_size, *shape_i)` the entities that are not missing
    :param relations: shape: `(batch_size, *shape_i)` the relations
    :param candidates: shape: `(num_candidates, *shape_i)` the candidates, the same for all queries
    :param missing: the side of the candidates

    :returns: shape: (batch_size, num_candidates) the scores
    """
    if isinstance(interaction, ClampedInteraction):
        scores = score_candidates(interaction.base, query, known, relations, candidates, missing)
        low, high = interaction.clamp_score or (None, None)
        return scores if low is high is None else scores.clamp(min=low, max=high)
    if isinstance(interaction, MonotonicAffineTransformationInteraction):
        scores = score_candidates(interaction.base, query, known, relations, candidates, missing)
        return interaction.log_scale.exp() * scores + interaction.bias
    result = query.score(interaction, known, relations, candidates, missing)
    return _broadcast(interaction, known, relations, candidates, missing) if result is None else result


def _broadcast(
    interaction: AnyInteraction,
    known: Representations,
    relations: Representations,
    candidates: Representations,
    missing: Side,
) -> Tensor:
    """Score by the interaction itself, with bounded memory.

    Candidates come in chunks. If there are several, what the interaction computes on its way to their scores is not
    kept, but computed again for the gradients.
    """
    sizes = (math.prod(part.shape[1:]) for part in (*known, *relations, *candidates))
    chunk_size = max(1, MAX_ELEMENTS // (len(known[0]) * max(sizes)))
    rest, r = ([part.unsqueeze(dim=1) for part in parts] for parts in (known, relations))

    def score(*parts: Tensor) -> Tensor:
        """Score a chunk, which has an argument for each representation, shape: (batch_size, chunk_size)."""
        chunk = [part.unsqueeze(dim=0) for part in parts]
        sides: Any = (chunk, r, rest) if missing == "head" else (rest, r, chunk)
        representations: Any = unpack_singletons(*map(tuple, sides))
        scores: Tensor = interaction(*representations)
        return scores

    chunks = list(zip(*(part.split(chunk_size) for part in candidates), strict=True))
    # batch normalisation would see a chunk twice
    again = len(chunks) > 1 and torch.is_grad_enabled() and not get_batchnorm_modules(interaction)
    scores = [checkpoint(score, *chunk, use_reentrant=False) if again else score(*chunk) for chunk in chunks]
    return torch.cat(scores, dim=1)
