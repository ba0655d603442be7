"""The negative sampler."""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from class_resolver import HintOrType, HintType, OptionalKwargs, ResolverKey, update_docstring_with_resolver_keys
from pykeen.sampling import NegativeSampler, negative_sampler_resolver
from pykeen.sampling.filtering import Filterer
from pykeen.typing import LongTensor, MappedTriples
from torch import Tensor
from torch.utils.data import get_worker_info

from .corruption import replace_known, replace_positives
from .diffusion import Reverse
from .diffusion.schedule import Schedule
from .generator import DiffHEG
from .known import KnownTriples
from .layout import ColumnLayout
from .selection import Selection, selection_resolver
from .shadow import ShadowEmbedding
from .sharing import share_memory
from .validation import check_fraction, check_ids, check_positive, check_positive_int

__all__ = ["DHNSNegativeSampler"]

logger = logging.getLogger(__name__)

#: The arguments that the base sampler gets from this one
RESERVED = ("mapped_triples", "num_entities", "num_relations", "num_negs_per_pos")


class DHNSNegativeSampler(NegativeSampler):
    r"""Diffusion-based hierarchical negative sampling, for any model, loss, and PyKEEN's own training loop.

    A share of the negatives is generated, the rest comes from another sampler. For the former:

    1. A small embedding model, the shadow, learns from the positives that pass through the sampler.
    2. A conditional diffusion model (:class:`pykeen_dhns.DiffHEG`) learns to generate the shadow's embedding of the
       missing entity from the known entity and the relation.
    3. Its reverse process is stopped at several levels: a late stop gives a hard negative, an early one an easy one.
    4. The generated embeddings are mapped to entities near to them, among a random pool of candidates.

    All of it is learned online, from scratch, and kept in the state dict.

    .. note::

        The paper scores generated embeddings directly. A sampler in PyKEEN's loop can only return entity IDs, and never
        sees the model: hence the shadow, and the mapping to entities.

    .. note::

        PyKEEN builds its samplers anew for each call of the training loop, and its checkpoints do not include them. A
        resumed run starts with a sampler that has not learned anything yet.
    """

    hpo_default: ClassVar[Mapping[str, Mapping[str, Any]]] = dict(
        num_negs_per_pos=dict(type=int, low=1, high=100, log=True),
        hard_fraction=dict(type=float, low=0.05, high=0.5),
        num_timesteps=dict(type="categorical", choices=[20, 50, 70, 100]),
        learning_rate=dict(type="categorical", choices=[2e-3, 5e-4, 1e-4]),
    )

    @update_docstring_with_resolver_keys(
        ResolverKey("base_sampler", "pykeen.sampling.negative_sampler_resolver"),
        ResolverKey("selection", "pykeen_dhns.selection.selection_resolver"),
    )
    def __init__(
        self,
        *,
        mapped_triples: MappedTriples,
        num_entities: int | None = None,
        num_relations: int | None = None,
        num_negs_per_pos: int | None = None,
        filtered: bool = False,
        filterer: HintOrType[Filterer] = None,
        filterer_kwargs: Mapping[str, Any] | None = None,
        base_sampler: HintType[NegativeSampler] = None,
        base_sampler_kwargs: OptionalKwargs = None,
        hard_fraction: float = 0.25,
        selection: HintOrType[Selection] = None,
        selection_kwargs: OptionalKwargs = None,
        num_candidates: int = 256,
        levels: Sequence[float] | None = None,
        num_timesteps: int = 50,
        schedule: HintType[Schedule] = None,
        reverse: Reverse = "ddim",
        learning_rate: float = 2e-3,
        embedding_dim: int = 32,
        shadow_learning_rate: float = 0.1,
    ) -> None:
        """Initialize the sampler.

        :param mapped_triples: the positive training triples
        """
        check_ids(mapped_triples, num_entities=num_entities, num_relations=num_relations)
        num_negs_per_pos = 1 if num_negs_per_pos is None else num_negs_per_pos
        check_positive_int("num_negs_per_pos", num_negs_per_pos)
        check_fraction("hard_fraction", hard_fraction)
        check_positive_int("num_candidates", num_candidates)
        check_positive_int("embedding_dim", embedding_dim, multiple_of=2)
        check_positive("learning_rate", learning_rate)
        check_positive("shadow_learning_rate", shadow_learning_rate)
        super().__init__(
            mapped_triples=mapped_triples,
            num_entities=num_entities,
            num_relations=num_relations,
            num_negs_per_pos=num_negs_per_pos,
            filtered=filtered,
            filterer=filterer,
            filterer_kwargs=filterer_kwargs,
        )
        self.num_candidates = num_candidates
        self.num_triples = len(mapped_triples)
        self.selection = selection_resolver.make(selection, pos_kwargs=selection_kwargs)
        # an own random state, derived from the seed: whether a sampler is built must not change what comes after it
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(torch.initial_seed() ^ 0x5D588B656C078965)
            self.generator = DiffHEG(
                dim=embedding_dim,
                num_timesteps=num_timesteps,
                schedule=schedule,
                reverse=reverse,
                levels=levels,
                learning_rate=learning_rate,
            )
            self.shadow = ShadowEmbedding(
                num_entities=self.num_entities,
                num_relations=self.num_relations,
                dim=embedding_dim,
                learning_rate=shadow_learning_rate,
            )
        self.layout = ColumnLayout.create(num_negs_per_pos, hard_fraction, num_levels=len(self.generator.levels))
        self.base_sampler = self._make_base_sampler(base_sampler, base_sampler_kwargs, mapped_triples)
        self.known = KnownTriples(mapped_triples, num_entities=self.num_entities, num_relations=self.num_relations)
        #: positives seen, negatives generated, and known triples among the latter, since the last report
        self.counts: Tensor
        self.register_buffer("counts", torch.zeros(3, dtype=torch.long), persistent=False)
        self.is_shared = share_memory(self.shadow, self.generator)

    def _make_base_sampler(
        self, base_sampler: HintType[NegativeSampler], kwargs: OptionalKwargs, mapped_triples: MappedTriples
    ) -> NegativeSampler | None:
        cls = negative_sampler_resolver.lookup(base_sampler)
        if issubclass(cls, DHNSNegativeSampler):
            raise ValueError(f"base_sampler={base_sampler!r} is this sampler itself: choose another one, e.g., 'basic'.")
        reserved = sorted(set(kwargs or {}).intersection(RESERVED))
        if reserved:
            raise ValueError(f"base_sampler_kwargs must not contain {reserved}: they are those of the dhns sampler.")
        # where generated columns are only partially occupied, the base sampler fills the remainder
        num_sampled = self.num_negs_per_pos if self.layout.occupancy < 1 else self.layout.num_sampled
        if not num_sampled:
            return None
        return negative_sampler_resolver.make(
            cls,
            pos_kwargs=kwargs,
            mapped_triples=mapped_triples,
            num_entities=self.num_entities,
            num_relations=self.num_relations,
            num_negs_per_pos=num_sampled,
        )

    # docstr-coverage: inherited
    def corrupt_batch(self, positive_batch: LongTensor) -> LongTensor:  # noqa: D102
        positives = positive_batch.reshape(-1, 3)
        parts = []
        if self.base_sampler is not None:
            sampled = self.base_sampler.corrupt_batch(positives)
            parts.append(replace_positives(sampled, positives, num_entities=self.num_entities))
        if self.layout.num_generated:
            # inference mode would make it impossible to learn
            with torch.inference_mode(mode=False):
                generated = self._generate(positives.clone())
            if self.layout.occupancy < 1:
                sampled = parts[0][:, self.layout.num_sampled :]
                keep = torch.rand(sampled.shape[:-1], device=sampled.device) < self.layout.occupancy
                generated = torch.where(keep.unsqueeze(dim=-1), generated, sampled)
                parts[0] = parts[0][:, : self.layout.num_sampled]
            parts.append(generated)
        negatives = torch.cat(parts, dim=1)
        return negatives.view(*positive_batch.shape[:-1], self.num_negs_per_pos, 3)

    def _candidates(self) -> Tensor:
        """Return the pool of candidates, shape: (num_candidates,)."""
        device = self.counts.device
        if self.num_entities <= self.num_candidates:
            return torch.arange(self.num_entities, device=device)
        return torch.randint(self.num_entities, size=(self.num_candidates,), device=device)

    @torch.enable_grad()
    def _learn(self, positives: Tensor, candidates: Tensor) -> None:
        """Update shadow and generator."""
        self.shadow.update(positives, candidates)
        targets, queries = self.shadow.targets(positives), self.shadow.queries(positives)
        self.generator.update(targets.unsqueeze(dim=0), queries.unsqueeze(dim=0))

    def _generate(self, positives: Tensor) -> Tensor:
        """Generate negatives.

        :param positives: shape: (batch_size, 3) the positive triples

        :returns: shape: (batch_size, num_generated, 3) the negatives
        """
        device, positives = positives.device, positives.to(self.counts.device)
        candidates = self._candidates()
        if self.training:
            self._learn(positives, candidates)
        with torch.no_grad():
            chosen, side = self._choose(positives, candidates)
        negatives = positives.unsqueeze(dim=1).repeat(1, self.layout.num_generated, 1)
        negatives.scatter_(-1, 2 * side.unsqueeze(dim=-1), chosen.unsqueeze(dim=-1))
        negatives, num_known = replace_known(negatives, positives, side=side, known=self.known)
        self._report(len(positives), chosen.numel(), num_known)
        return negatives.to(device)

    def _choose(self, positives: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Choose entities for the generated columns.

        A chain of the reverse process serves one column of each level, and alternates between the sides.

        :param positives: shape: (batch_size, 3) the positive triples
        :param candidates: shape: (num_candidates,) the candidates

        :returns: shape: (batch_size, num_generated) the entities, and the sides which they are for (0: head, 1: tail)
        """
        column_level = torch.as_tensor(self.layout.levels, device=positives.device)
        column_chain = torch.as_tensor(
            [self.layout.levels[:i].count(level) for i, level in enumerate(self.layout.levels)], device=positives.device
        )
        num_chains = int(column_chain.max()) + 1
        row = torch.arange(len(positives), device=positives.device).unsqueeze(dim=-1)
        # shape: (batch_size, num_chains)
        chain_side = (row + torch.arange(num_chains, device=positives.device)) % 2
        queries = self.shadow.queries(positives)[chain_side, row]
        entities = self.shadow.entity(candidates)
        samples = self.generator.generate(queries.unsqueeze(dim=0)).squeeze(dim=1)
        # shape: (num_generated, batch_size, dim)
        samples = samples[column_level, :, column_chain]
        # the negative squared distance, up to what is the same for all candidates
        similarity = torch.baddbmm(-entities.square().sum(dim=-1), samples, entities.t().expand(len(samples), -1, -1), alpha=2)
        # shape: (batch_size, num_chains, num_candidates)
        excess = queries @ entities.t() - (queries * self.shadow.targets(positives)[chain_side, row]).sum(-1, True)
        true = positives[:, ::2].gather(1, chain_side)
        excess = excess.masked_fill_(candidates == true.unsqueeze(dim=-1), float("inf"))
        admissible = self.selection.admits(excess).transpose(0, 1)[column_chain]
        return candidates[self.selection.choose(similarity, admissible)].t(), chain_side[:, column_chain]

    def _report(self, num_positives: int, num_generated: int, num_known: Tensor) -> None:
        """Count known triples among the generated ones, and log their rate once an epoch."""
        self.counts[0] += num_positives
        self.counts[1] += num_generated
        self.counts[2] += num_known
        if self.counts[0] >= self.num_triples:
            if logger.isEnabledFor(logging.DEBUG):
                logger.debug("...")
            self.counts.zero_()


if DHNSNegativeSampler not in negative_sampler_resolver.lookup_dict.values():
    negative_sampler_resolver.register(DHNSNegativeSampler)
