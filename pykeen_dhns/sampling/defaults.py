"""Defaults of the sampler that depend on how dense the graph is.

What helps most on a dense graph does harm on a sparse one.
"""

import logging
from typing import TYPE_CHECKING, Any

import torch
from class_resolver import HintType, OptionalKwargs
from pykeen.sampling import NegativeSampler
from torch import Tensor

from .bernoulli import FastBernoulliNegativeSampler
from .known_triples import KnownTriples
from ..utils.caching import cached_by_tensor

if TYPE_CHECKING:
    from .sampler import DHNSNegativeSampler

__all__ = ["default_base_sampler", "default_guidance", "is_dense", "log_choices"]

logger = logging.getLogger(__name__)

#: A graph is dense if it has at least this many triples per entity
DENSE = 4


def is_dense(mapped_triples: Tensor, num_entities: int, num_relations: int) -> bool:
    """Decide whether a graph has many triples per entity.

    An inverse triple says nothing new, so a triple and its inverse count as one.

    :param mapped_triples: shape: (num_triples, 3) the training triples
    :param num_entities: the number of entities
    :param num_relations: the number of relations

    :returns: whether it is dense
    """
    num_triples, needed = len(mapped_triples), DENSE * num_entities
    # only look for inverses where it depends on them
    return num_triples >= needed and (
        num_triples >= 2 * needed or not _has_inverses(mapped_triples, num_entities, num_relations)
    )


@cached_by_tensor
def _has_inverses(mapped_triples: Tensor, num_entities: int, num_relations: int) -> bool:
    """Return whether the inverse of each triple is there, too."""
    # PyKEEN's instances add inverse triples without saying so. Their relations come in pairs.
    if num_relations % 2:
        return False
    known = KnownTriples(mapped_triples, num_entities, num_relations)
    # chunk by chunk, since the first one that is missing decides
    for chunk in mapped_triples.split(2**16):
        head, relation, tail = chunk.unbind(dim=-1)
        if not known.contains(torch.stack([tail, relation ^ 1, head], dim=-1)).all():
            return False
    return True


def default_base_sampler(kwargs: OptionalKwargs, *, dense: bool) -> HintType[NegativeSampler]:
    """Choose the sampler of the negatives that are not generated.

    :param kwargs: the keyword-based arguments that are given for it
    :param dense: whether the graph is dense

    :returns: the sampler's class, or None for PyKEEN's default

    :raises ValueError: if there are arguments, since they are meant for a certain sampler
    """
    if kwargs:
        raise ValueError(
            f"base_sampler_kwargs={dict(kwargs)!r} is given without base_sampler, whose default depends on the graph. "
            f"Name it, e.g., base_sampler='basic'."
        )
    return FastBernoulliNegativeSampler if dense else None


def default_guidance(*, learns: bool, dense: bool) -> float:
    """Choose how far to turn generated embeddings towards the query.

    :param learns: whether the generator learns. Controls are not guided.
    :param dense: whether the graph is dense

    :returns: the guidance, in [0, 1]
    """
    return 0.5 if dense and learns else 0.0


def log_choices(sampler: "DHNSNegativeSampler") -> dict[str, Any]:
    """Log what a sampler has chosen, whether it was given or is a default.

    :param sampler: the sampler

    :returns: the ``base_sampler``, the ``guidance``, the share of generated negatives (``hard_fraction``), and the
        ``levels`` that have a column
    """
    layout, generates = sampler.layout, sampler.layout.num_generated > 0
    choices = dict(
        base_sampler=type(sampler.base_sampler).__name__ if sampler.base_sampler is not None else None,
        guidance=sampler.entity_generator.guidance if generates else None,
        hard_fraction=layout.occupancy * layout.num_generated / layout.num_negs_per_pos,
        levels=[layout.levels.fractions[i] for i in sorted(set(layout.generated))],
    )
    # where nothing is generated, the rest says nothing
    shown = choices if generates else {"base_sampler": choices["base_sampler"]}
    logger.info("Negatives are from %s.", ", ".join(f"{name}={value}" for name, value in shown.items()))
    if generates and layout.occupancy < 1:
        logger.warning(
            "With num_negs_per_pos=%d, only a share of %.3g of the positives has a generated negative. Use 16 or more.",
            layout.num_negs_per_pos,
            layout.occupancy,
        )
    return choices
