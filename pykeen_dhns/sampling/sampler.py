"""The negative sampler."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, get_args

import torch
from class_resolver import Hint, HintOrType, HintType, OptionalKwargs, ResolverKey, update_docstring_with_resolver_keys
from pykeen.sampling import BernoulliNegativeSampler, NegativeSampler, negative_sampler_resolver
from pykeen.sampling.filtering import Filterer
from pykeen.typing import LongTensor, MappedTriples
from torch import Tensor
from torch.utils.data import get_worker_info

from .columns import ColumnLayout, announce
from .corruption import replace_known, replace_positives
from .defaults import is_dense
from .entity_generator import EmbeddingGenerator, EntityGenerator
from .known_triples import KnownTriples
from .proxy_model import ShadowEmbedding
from .selection import Selection, selection_resolver
from .shared_memory import share_memory
from ..diffusion import Reverse
from ..diffusion.levels import DEFAULT_LEVELS
from ..diffusion.schedule import Schedule
from ..generators.diffheg import DiffHEG
from ..utils.validation import check_choice, check_fraction, check_ids, check_positive, check_positive_int

__all__ = ["DHNSNegativeSampler"]

logger = logging.getLogger(__name__)

#: The arguments which the base sampler gets from this one, and those of filtering, which is done here
RESERVED = (
    *("mapped_triples", "num_entities", "num_relations", "num_negs_per_pos"),
    *("filtered", "filterer", "filterer_kwargs"),
)


class DHNSNegativeSampler(NegativeSampler):
    r"""Diffusion-based hierarchical negative sampling, for any model and loss in PyKEEN's own training loop.

    A share of the negatives is generated, the rest comes from another sampler (``base_sampler``). For the former:

    1. A small embedding model, the shadow, learns from the positives that pass through the sampler.
    2. A conditional diffusion model (:class:`pykeen_dhns.DiffHEG`) learns to generate the shadow's embedding of the
       missing entity from the known entity and the relation.
    3. Its reverse process is stopped at several levels: a late stop gives a hard negative, an early stop an easy one.
    4. Where the graph is dense, what is generated is turned towards the shadow's own guess (``guidance``).
    5. The generated embeddings are mapped to entities near to them, out of a random pool of candidates. Known triples
       among the results are replaced.

    All of it is learned online, from scratch, and kept in the state dict. Columns with sampled negatives come first,
    then generated ones, level by level, hardest first.

    .. note::

        The paper scores generated embeddings directly. A sampler in PyKEEN's loop can only return entity IDs, and never
        sees the model: hence the shadow, and the mapping to entities.

    .. note::

        PyKEEN builds its samplers anew for each call of the training loop, and its checkpoints do not include them. A
        resumed run goes on with a sampler that has not learned anything yet.
    """

    hpo_default: ClassVar[Mapping[str, Mapping[str, Any]]] = dict(
        num_negs_per_pos=dict(type=int, low=1, high=100, log=True),
        hard_fraction=dict(type=float, low=0.0, high=0.5),
        # more is better on dense graphs, and worse on sparse ones
        guidance=dict(type=float, low=0.0, high=1.0),
        # what matters most on one graph does harm on another
        base_sampler=dict(type="categorical", choices=["basic", "bernoulli"]),
        num_timesteps=dict(type="categorical", choices=[20, 50, 70, 100]),
        learning_rate=dict(type="categorical", choices=[2e-3, 5e-4, 1e-4]),
    )

    # a loop may build its sampler within an evaluation, but what it learns with cannot be made in inference mode
    @torch.inference_mode(mode=False)
    @update_docstring_with_resolver_keys(
        ResolverKey("base_sampler", "pykeen.sampling.negative_sampler_resolver"),
        ResolverKey("selection", "pykeen_dhns.sampling.selection.selection_resolver"),
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
        hard_fraction: float = 0.125,
        generator: EmbeddingGenerator = "diffheg",
        guidance: float | None = None,
        selection: HintOrType[Selection] = None,
        selection_kwargs: OptionalKwargs = None,
        num_candidates: int = 1024,
        levels: Sequence[float] | None = None,
        num_timesteps: int = 50,
        schedule: Hint[Schedule] = None,
        reverse: Reverse = "short",
        learning_rate: float = 2e-3,
        embedding_dim: int = 32,
        shadow_learning_rate: float = 0.1,
    ) -> None:
        """Initialize the sampler.

        :param mapped_triples: shape: (num_triples, 3) the positive training triples
        :param num_entities: the number of entities. If None, will be inferred from the triples.
        :param num_relations: the number of relations. If None, will be inferred from the triples.
        :param num_negs_per_pos: the number of negatives per positive. Defaults to 1, as in all of PyKEEN's samplers.
        :param filtered: whether to mask negatives that are in the training data. Generated ones never are (except where
            every entity makes a known triple), so this is about sampled ones. Defaults to False, as in PyKEEN.
        :param filterer: the filterer to use for it
        :param filterer_kwargs: additional keyword-based parameters for the filterer
        :param base_sampler: the sampler of the negatives that are not generated, by class or name. The default depends
            on the graph, as what gains most on a dense one does harm on a sparse one (``docs/findings.md``):
            ``bernoulli`` if there are four triples per entity or more (a triple and its inverse count as one), else
            ``basic``, PyKEEN's own default; and ``basic``, if nothing is generated, such that this is what it is
            without this sampler.
        :param base_sampler_kwargs: additional keyword-based parameters for the base sampler, which must be named then,
            unless nothing is generated
        :param hard_fraction: the share of negatives that are generated, in [0, 1]. 0 leaves only the base sampler. Less
            than one column (small ``num_negs_per_pos``) is reached on average over the rows. The default is a share
            that did no harm on a sparse graph; dense ones may profit from more (``docs/findings.md``).
        :param generator: what generates embeddings: ``diffheg``, the diffusion model; or, as controls for any claim
            about it, ``noise`` of the same scale, i.e., candidates that are chosen at random among those which the
            selection admits, or ``shadow``, the shadow's own guess, the same at all levels
        :param guidance: how far to turn what is generated towards the shadow's own guess, in [0, 1]: from entities that
            resemble a true answer to those which the shadow takes for the most plausible ones. The latter were better
            on a dense graph, and worse than random ones on a sparse one. Hence the default: 0.5 if there are four
            triples per entity or more, else 0, and 0 for the controls. It follows from what was measured on five graphs
            (``docs/findings.md``).
        :param selection: the strategy to choose among the candidates near a generated embedding, by class or name:
            ``nearest``, ``band``, or ``semihard``. The latter is the default, as the only one that lost nowhere.
        :param selection_kwargs: additional keyword-based parameters for the strategy
        :param num_candidates: the size of the pool of candidates, drawn anew for each batch. A larger pool has harder
            negatives to choose from, but costs time. The default is what the time allows.
        :param levels: the hardness levels, as fractions in (0, 1] of the time steps. Defaults to the paper's.
        :param num_timesteps: the number of time steps $T$, at least 2. The default is the middle of what the paper
            chooses from; with the short grid, it does not change the cost.
        :param schedule: the noise schedule, by function or name: ``linear`` (scaled to ``num_timesteps``), the default,
            ``cosine``, or ``unscaled``
        :param reverse: the reverse process: ``short``, a short grid of time steps, the default since it takes a
            fraction of the time, or ``ddpm``, all time steps
        :param learning_rate: the learning rate of the diffusion model. The default is the largest one of the paper,
            since here it has to learn within the first epochs.
        :param embedding_dim: the real dimension of the shadow, an even number. The shadow only has to tell which
            entities are plausible: the default is small, which keeps the sampler fast. More makes harder negatives.
        :param shadow_learning_rate: the learning rate of the shadow. The default is large, as usual for Adagrad, since
            the shadow has to be ahead of the model.

        :raises ValueError: if one of the arguments is out of its range; the message names it, its value, and the range
        """  # noqa: DOC502
        check_ids(mapped_triples, num_entities=num_entities, num_relations=num_relations)
        num_negs_per_pos = 1 if num_negs_per_pos is None else num_negs_per_pos
        check_positive_int("num_negs_per_pos", num_negs_per_pos)
        check_fraction("hard_fraction", hard_fraction)
        check_choice("generator", generator, get_args(EmbeddingGenerator))
        if guidance is not None:
            check_fraction("guidance", guidance)
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
        self.num_triples = len(mapped_triples)
        self.known = KnownTriples(mapped_triples, num_entities=self.num_entities, num_relations=self.num_relations)
        dense = is_dense(mapped_triples, self.known)
        # an own random state, derived from the seed: that a sampler is built must not change what comes after it
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(torch.initial_seed() ^ 0x5D588B656C078965)
            diffheg = DiffHEG(
                dim=embedding_dim,
                num_timesteps=num_timesteps,
                schedule=schedule,
                reverse=reverse,
                levels=levels,
                learning_rate=learning_rate,
            )
            shadow = ShadowEmbedding(
                num_entities=self.num_entities,
                num_relations=self.num_relations,
                dim=embedding_dim,
                learning_rate=shadow_learning_rate,
            )
        self.entity_generator = EntityGenerator(
            shadow=shadow,
            diffheg=diffheg,
            selection=selection_resolver.make(selection, pos_kwargs=selection_kwargs),
            num_candidates=num_candidates,
            generator=generator,
            guidance=_default_guidance(generator, dense=dense) if guidance is None else guidance,
        )
        self.layout = ColumnLayout.create(num_negs_per_pos, hard_fraction, num_levels=len(diffheg.levels))
        #: The levels of generated columns, as fractions of the time steps
        self.fractions = tuple(DEFAULT_LEVELS if levels is None else sorted(levels))
        announce(self, self.layout, self.fractions)
        if base_sampler is None and self.layout.num_generated:
            base_sampler = _default_base_sampler(base_sampler_kwargs, dense=dense)
        self.base_sampler = self._make_base_sampler(base_sampler, base_sampler_kwargs, mapped_triples)
        #: since the last report: positives seen, negatives generated, and known triples among the latter
        self.counts: Tensor
        self.register_buffer("counts", torch.zeros(3, dtype=torch.long), persistent=False)
        self.is_shared = share_memory(self.entity_generator, self.counts)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # a copy, or what was loaded from a file: its tensors are not in shared memory, as they were
        super().__setstate__(state)
        announce(self, self.layout, self.fractions)
        self.is_shared = share_memory(self.entity_generator, self.counts)

    def _make_base_sampler(
        self, base_sampler: HintType[NegativeSampler], kwargs: OptionalKwargs, mapped_triples: MappedTriples
    ) -> NegativeSampler | None:
        cls = negative_sampler_resolver.lookup(base_sampler)
        if issubclass(cls, DHNSNegativeSampler):
            message = f"base_sampler={base_sampler!r} is this sampler itself. Choose another one, e.g., 'basic'."
            raise ValueError(message)  # noqa: TRY004
        reserved = sorted(set(kwargs or {}).intersection(RESERVED))
        if reserved:
            raise ValueError(
                f"base_sampler_kwargs contains {reserved}, which are arguments of the dhns sampler itself. Give them "
                f"to it; allowed are those that the base sampler has in addition."
            )
        # where generated columns are only partially occupied, the base sampler fills the remainder
        num_sampled = self.layout.num_sampled if self.layout.occupancy == 1 else self.num_negs_per_pos
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
        # base samplers are not made for further batch dimensions
        positives = positive_batch.reshape(-1, 3)
        parts = []
        if self.base_sampler is not None:
            sampled = self.base_sampler.corrupt_batch(positives)
            parts.append(replace_positives(sampled, positives, num_entities=self.num_entities))
        if self.layout.num_generated:
            # learning is impossible in inference mode, and with tensors that were created in it
            with torch.inference_mode(mode=False):
                generated = self._generate(positives.clone())
            if self.layout.occupancy < 1:
                sampled, remainder = parts.pop().tensor_split([self.layout.num_sampled], dim=1)
                keep = torch.rand(generated.shape[:-1], device=generated.device) < self.layout.occupancy
                parts += [sampled, torch.where(keep.unsqueeze(dim=-1), generated, remainder)]
            else:
                parts.append(generated)
        return torch.cat(parts, dim=1).view(*positive_batch.shape[:-1], self.num_negs_per_pos, 3)

    def _generate(self, positives: Tensor) -> Tensor:
        """Learn from positives, then generate negatives for them.

        :param positives: shape: (batch_size, 3) the positive triples

        :returns: shape: (batch_size, num_generated, 3) the negatives
        """
        device, positives = positives.device, positives.to(self.counts.device)
        candidates = self.entity_generator.draw_candidates(positives)
        if self.training:
            self._warn_if_learning_is_lost()
            self.entity_generator.learn(positives, candidates)
        entities, columns = self.entity_generator.generate(positives, candidates, self.layout)
        negatives = positives.unsqueeze(dim=1).repeat(1, self.layout.num_generated, 1)
        negatives.scatter_(-1, columns.unsqueeze(dim=-1), entities.unsqueeze(dim=-1))
        negatives, num_known = replace_known(negatives, positives, columns, known=self.known)
        self._count(len(positives), entities.numel(), num_known)
        return negatives.to(device)

    def _warn_if_learning_is_lost(self) -> None:
        if self.is_shared or get_worker_info() is None:
            return
        logger.warning(
            "There is too little shared memory for the dhns sampler to learn in worker processes: what it learns is "
            "lost after each epoch. Use num_workers=0, a smaller embedding_dim, or make more shared memory available."
        )
        # once per worker
        self.is_shared = True

    def _count(self, num_positives: int, num_generated: int, num_known: int) -> None:
        """Count known triples among the generated ones, and log their rate once an epoch."""
        self.counts += torch.as_tensor([num_positives, num_generated, num_known], device=self.counts.device)
        if self.counts[0] >= self.num_triples:
            if logger.isEnabledFor(logging.DEBUG):
                _, num_generated, num_known = self.counts.tolist()
                logger.debug(
                    "Replaced %d of %d generated negatives (%.2f%%), since they are known triples.",
                    num_known,
                    num_generated,
                    100 * num_known / num_generated,
                )
            self.counts.zero_()


def _default_base_sampler(kwargs: OptionalKwargs, *, dense: bool) -> HintType[NegativeSampler]:
    if kwargs:
        raise ValueError(
            f"base_sampler_kwargs={dict(kwargs)!r} is given without base_sampler, whose default depends on the graph. "
            f"Name it, e.g., base_sampler='basic'."
        )
    return BernoulliNegativeSampler if dense else None


def _default_guidance(generator: EmbeddingGenerator, *, dense: bool) -> float:
    return 0.5 if dense and generator == "diffheg" else 0.0


if DHNSNegativeSampler not in negative_sampler_resolver.lookup_dict.values():
    negative_sampler_resolver.register(DHNSNegativeSampler)
