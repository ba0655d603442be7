"""PyKEEN's Bernoulli sampler for large graphs."""

import torch
from pykeen.sampling import BernoulliNegativeSampler, NegativeSampler, negative_sampler_resolver
from pykeen.typing import MappedTriples
from torch import Tensor

from ..utils.arguments import argument_names, check_names
from ..utils.caching import cached_by_tensor

__all__ = ["FastBernoulliNegativeSampler"]


class FastBernoulliNegativeSampler(BernoulliNegativeSampler):
    """PyKEEN's ``bernoulli``, constructed in a fraction of the time.

    PyKEEN 1.11.1 sorts triples as rows, and then looks at all of them again for each relation. This sampler sorts
    integers, once for each side. It has the same probabilities, and with the same seed, it draws the same negatives.
    """

    def __init__(self, *, mapped_triples: MappedTriples, **kwargs: object) -> None:
        """Initialize the sampler.

        :param mapped_triples: shape: (num_triples, 3) the positive training triples
        :param kwargs: additional keyword-based arguments of :class:`pykeen.sampling.NegativeSampler`
        """  # noqa: DOC103
        check_names(type(self).__name__, kwargs, argument_names(type(self)))
        # not the constructor of PyKEEN's sampler, which computes the probabilities
        NegativeSampler.__init__(self, mapped_triples=mapped_triples, **kwargs)  # type: ignore[arg-type]
        probability = corrupt_head_probability(mapped_triples, self.num_entities, self.num_relations)
        # a copy, since other samplers of the same triples share it
        self.corrupt_head_probability = probability.clone()


@cached_by_tensor
def corrupt_head_probability(mapped_triples: Tensor, num_entities: int, num_relations: int) -> Tensor:
    """Compute for each relation the probability to corrupt the head, once for each tensor of triples.

    :param mapped_triples: shape: (num_triples, 3) the triples
    :param num_entities: the number of entities
    :param num_relations: the number of relations

    :returns: shape: (num_relations,) the probabilities. They are NaN for relations without triples, as in PyKEEN.
    """
    head, relation, tail = mapped_triples.long().unbind(dim=-1)
    num_triples = relation.bincount(minlength=num_relations)
    starts = torch.arange(num_relations + 1, device=relation.device) * num_entities
    # how many tails a head has on average, and how many heads a tail has
    tails_per_head, heads_per_tail = (
        num_triples / torch.searchsorted((relation * num_entities).add_(entity).unique(), starts).diff()
        for entity in (head, tail)
    )
    return tails_per_head / (tails_per_head + heads_per_tail)


if FastBernoulliNegativeSampler not in negative_sampler_resolver.lookup_dict.values():
    negative_sampler_resolver.register(FastBernoulliNegativeSampler)
