"""The negative sampler."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import torch
from class_resolver import Hint, HintOrType, HintType, OptionalKwargs, ResolverKey, update_docstring_with_resolver_keys
from pykeen.constants import TARGET_TO_INDEX
from pykeen.sampling import NegativeSampler, negative_sampler_resolver
from pykeen.sampling.filtering import Filterer, filterer_resolver
from pykeen.typing import LongTensor, MappedTriples, Target
from torch import Tensor
from typing_extensions import override

from .annealing import Annealing
from .base_sampler import make_base_sampler, resolve_corruption_scheme
from .columns import ColumnLayout
from .corruption import replace_known, replace_positives
from .defaults import default_base_sampler, default_guidance, is_dense, log_choices
from .entity_generator import EntityGenerator
from .known_triples import KnownTriples
from .proxy_model import ProxyModel
from .selection import Selection, selection_resolver
from .shared_memory import share_memory
from ..diffusion import Levels, Reverse, Schedule
from ..generators import EmbeddingGenerator, GeneratorConfig, generator_resolver
from ..utils.arguments import suggest_names
from ..utils.random_state import seeded
from ..utils.validation import (
    MAX_POOL_SIZE,
    check_bool,
    check_component,
    check_fraction,
    check_ids,
    check_integer,
    check_positive,
    check_size,
    check_type,
    show,
)

__all__ = ["DHNSNegativeSampler"]

#: Combined with the seed, so that weights and negatives do not come from the same random numbers
SEED_OF_WEIGHTS = 0x5D588B656C078965


class DHNSNegativeSampler(NegativeSampler):
    r"""Diffusion-based hierarchical negative sampling, for any model and loss in PyKEEN's own training loop.

    A share of the negatives is generated, the rest comes from another sampler (``base_sampler``). For the former:

    1. A small embedding model, the proxy model, learns from the positives that pass through the sampler.
    2. A conditional diffusion model (:class:`pykeen_dhns.DiffHEG`) learns to generate the proxy model's embedding of
       the missing entity from the known entity and the relation.
    3. Its reverse process stops at several levels: a late stop gives a hard negative, an early stop an easy one.
    4. On a dense graph, generated embeddings are turned towards the proxy model's own query (``guidance``).
    5. The embeddings are mapped to entities near to them, from a random pool of candidates. Known triples among the
       results are replaced.

    Everything is learned online, from scratch, and kept in the state dict. Little changes after five passes over the
    triples and 500 steps, so from then on the sampler learns from a random quarter of the batches. Columns with sampled
    negatives come first, then generated ones, level by level, hardest first.

    .. note::

        The paper scores generated embeddings directly. A sampler in PyKEEN's loop can only return entity IDs, and never
        sees the model. So it has a proxy model, and maps embeddings to entities.

    .. note::

        PyKEEN builds a new sampler for each call of the training loop, and its checkpoints do not include it. A
        resumed run goes on with a sampler that has not learned anything yet.
    """

    hpo_default: ClassVar[Mapping[str, Mapping[str, Any]]] = dict(
        num_negs_per_pos=dict(type=int, low=1, high=100, log=True),
        hard_fraction=dict(type=float, low=0.0, high=0.5),
        anneal_epochs=dict(type="categorical", choices=[None, 10, 30]),
        # more is better on dense graphs, and worse on sparse ones
        guidance=dict(type=float, low=0.0, high=1.0),
        # what matters most on one graph does harm on another
        base_sampler=dict(type="categorical", choices=["basic", "fastbernoulli"]),
        num_timesteps=dict(type="categorical", choices=[20, 50, 70, 100]),
        learning_rate=dict(type="categorical", choices=[2e-3, 5e-4, 1e-4]),
    )

    #: What generates negatives, and the triples that must not be among them. Both are as large as the graph, so they do
    #: not exist if nothing is generated.
    entity_generator: EntityGenerator
    known: KnownTriples

    @suggest_names
    # A loop may build its sampler within an evaluation, but tensors from inference mode cannot learn.
    @torch.inference_mode(mode=False)
    @update_docstring_with_resolver_keys(
        ResolverKey("base_sampler", "pykeen.sampling.negative_sampler_resolver"),
        ResolverKey("generator", "pykeen_dhns.generators.generator_resolver"),
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
        base_sampler: HintOrType[NegativeSampler] = None,
        base_sampler_kwargs: OptionalKwargs = None,
        corruption_scheme: Collection[Target] | None = None,
        hard_fraction: float = 0.125,
        anneal_epochs: int | None = None,
        generator: HintType[EmbeddingGenerator] = None,
        generator_kwargs: OptionalKwargs = None,
        guidance: float | None = None,
        selection: HintOrType[Selection] = None,
        selection_kwargs: OptionalKwargs = None,
        num_candidates: int = 1024,
        levels: Levels | Sequence[float] | None = None,
        num_timesteps: int = 50,
        schedule: Hint[Schedule] = None,
        reverse: Reverse = "short",
        learning_rate: float = 2e-3,
        embedding_dim: int = 32,
        proxy_learning_rate: float = 0.1,
    ) -> None:
        """Initialize the sampler.

        :param mapped_triples: shape: (num_triples, 3) the positive training triples
        :param num_entities: the number of entities. If None, will be inferred from the triples.
        :param num_relations: the number of relations. If None, will be inferred from the triples.
        :param num_negs_per_pos: the number of negatives per positive. Defaults to 1, as in all of PyKEEN's samplers.
        :param filtered: whether to mask negatives that are in the training data. Generated ones never are (except where
            every entity makes a known triple), so this is about sampled ones. Defaults to False, as in PyKEEN. With a
            loss weighter, PyKEEN 1.11.1's own loop fails on masks, unless the loss is ``dhns``.
        :param filterer: the filterer to use for it
        :param filterer_kwargs: additional keyword-based parameters for the filterer
        :param base_sampler: the sampler of the negatives that are not generated, by class or name, or an instance with
            the right number of negatives. The default depends on the graph: ``fastbernoulli``, which draws the same as
            ``bernoulli``, if there are at least four triples per entity (a triple and its inverse count as one), else
            ``basic``, PyKEEN's own default. If nothing is generated, or a single side corrupted, it is ``basic``.
        :param base_sampler_kwargs: additional keyword-based parameters for the base sampler, which must be named then,
            unless nothing is generated
        :param corruption_scheme: the sides to corrupt, ``head`` or ``tail`` or both, as in PyKEEN's ``basic``. Defaults
            to that of the base sampler, if it has one, else to both.
        :param hard_fraction: the share of negatives that are generated, in [0, 1]. 0 leaves only the base sampler. A
            share of less than one column (small ``num_negs_per_pos``) is reached on average over the rows. Defaults
            to an eighth. Try more on a dense graph.
        :param anneal_epochs: over how many passes over the triples the ``hard_fraction`` decreases linearly to 0, one
            step after each pass. Afterwards, negatives and their cost are those of the base sampler. The number of
            generated columns is rounded in each pass as without it. If None, the share is constant.
        :param generator: the generator of embeddings, by class or name: ``diffheg``, the diffusion model; or, as
            controls for any claim about it, ``noise`` of the same scale, or ``query`` (also ``shadow``), the proxy
            model's own query, the same at all levels
        :param generator_kwargs: additional keyword-based parameters for the generator
        :param guidance: how far to turn generated embeddings towards the proxy model's own query, in [0, 1]: from
            entities that resemble a true answer to those that the proxy model finds most plausible. The latter were
            better on a dense graph, and worse than random ones on a sparse one. So the default is 0.5 on a dense graph
            (as for ``base_sampler``), and 0 on a sparse one and for controls.
        :param selection: the strategy to choose among the candidates near a generated embedding, by class or name:
            ``nearest``, ``band``, ``uniform`` (a control), or ``semihard``, the default, which alone lost nowhere
        :param selection_kwargs: additional keyword-based parameters for the strategy
        :param num_candidates: the size of the pool of candidates, drawn anew for each batch. A larger pool has harder
            negatives to choose from, but costs time.
        :param levels: the hardness levels, as fractions in (0, 1] of the time steps. Defaults to the paper's.
        :param num_timesteps: the number of time steps $T$, at least 2. The default is the middle of what the paper
            chooses from. With the short grid, it does not change the cost.
        :param schedule: the noise schedule, by function or name: ``linear`` (scaled to ``num_timesteps``), the default,
            ``cosine``, or ``unscaled``
        :param reverse: the reverse process: ``short``, a short grid of time steps, the default since it takes a
            fraction of the time, or ``ddpm``, all time steps
        :param learning_rate: the learning rate of the diffusion model. The default is the largest one of the paper,
            since here it has to learn within the first epochs.
        :param embedding_dim: the real dimension of the proxy model, an even number. The proxy model only has to tell
            which entities are plausible. The default is small, which keeps the sampler fast. More makes harder
            negatives.
        :param proxy_learning_rate: the learning rate of the proxy model. The default is large, as usual for Adagrad,
            since the proxy model has to be ahead of the model.

        :raises TypeError: if one of the arguments has a wrong type; the message says what is allowed
        :raises ValueError: if one of the arguments is out of its range, or does not fit to another
        """  # noqa: DOC502
        num_negs_per_pos = 1 if num_negs_per_pos is None else num_negs_per_pos
        check_ids(mapped_triples, num_entities=num_entities, num_relations=num_relations)
        mapped_triples = mapped_triples.long()
        check_size("num_negs_per_pos", num_negs_per_pos)
        check_bool("filtered", filtered)
        check_component("filterer", filterer, filterer_kwargs, filterer_resolver)
        check_component("base_sampler", base_sampler, base_sampler_kwargs, negative_sampler_resolver)
        check_component("generator", generator, generator_kwargs, generator_resolver)
        check_component("selection", selection, selection_kwargs, selection_resolver)
        check_fraction("hard_fraction", hard_fraction)
        if anneal_epochs is not None:
            check_integer("anneal_epochs", anneal_epochs)
        if guidance is not None:
            check_fraction("guidance", guidance)
        check_size("num_candidates", num_candidates, maximum=MAX_POOL_SIZE)
        check_size("embedding_dim", embedding_dim, multiple_of=2)
        check_positive("learning_rate", learning_rate)
        check_positive("proxy_learning_rate", proxy_learning_rate)
        super().__init__(
            mapped_triples=mapped_triples,
            num_entities=num_entities,
            num_relations=num_relations,
            num_negs_per_pos=num_negs_per_pos,
            filtered=filtered,
            filterer=filterer,
            filterer_kwargs=filterer_kwargs,
        )
        config = GeneratorConfig(
            generator=generator,
            generator_kwargs=generator_kwargs,
            num_timesteps=num_timesteps,
            schedule=schedule,
            reverse=reverse,
            levels=levels,
            learning_rate=learning_rate,
        )
        chosen = selection_resolver.make(selection, pos_kwargs=selection_kwargs)
        # A separate random state, so that constructing a sampler does not change later draws.
        with seeded(torch.initial_seed() ^ SEED_OF_WEIGHTS):
            made = config.make_generator(dim=embedding_dim)
            self.layout = ColumnLayout.create(num_negs_per_pos, hard_fraction, levels=made.levels)
            generates = self.layout.num_generated > 0
            self.annealing = None
            if anneal_epochs is not None and generates:
                self.annealing = Annealing(self.layout, hard_fraction, anneal_epochs, len(mapped_triples))
            dense = generates and is_dense(mapped_triples, self.num_entities, self.num_relations)
            # It needs much memory for a moment, and the generator keeps much, so it comes first.
            self._make_base_sampler(base_sampler, base_sampler_kwargs, corruption_scheme, mapped_triples, dense=dense)
            if generates:
                self.known = KnownTriples(mapped_triples, self.num_entities, self.num_relations)
                if guidance is None:
                    guidance = default_guidance(learns=made.optimizer is not None, dense=dense)
                self._make_entity_generator(made, chosen, num_candidates, guidance, proxy_learning_rate)
        #: The base sampler, the guidance, the share, and the levels, given or by default
        self.choices = log_choices(self)

    def _make_entity_generator(
        self,
        generator: EmbeddingGenerator,
        selection: Selection,
        num_candidates: int,
        guidance: float,
        learning_rate: float,
    ) -> None:
        """Make what generates negatives, with a proxy model."""
        proxy_model = ProxyModel(self.num_entities, self.num_relations, dim=generator.dim, learning_rate=learning_rate)
        self.entity_generator = EntityGenerator(proxy_model, generator, selection, num_candidates, guidance)
        share_memory(self.entity_generator)

    def _make_base_sampler(
        self,
        base_sampler: HintOrType[NegativeSampler],
        kwargs: OptionalKwargs,
        scheme: Collection[Target] | None,
        mapped_triples: Tensor,
        *,
        dense: bool,
    ) -> None:
        """Find out which sides are corrupted, and make what samples the negatives that are not generated."""
        scheme = resolve_corruption_scheme(scheme, base_sampler, kwargs, generates=self.layout.num_generated > 0)
        #: The columns of a triple that negatives differ in, 0 for head, 2 for tail
        self.corrupted_columns = tuple(TARGET_TO_INDEX[side] for side in ("head", "tail") if side in scheme) or (0, 2)
        if base_sampler is None and self.layout.num_generated:
            base_sampler = default_base_sampler(kwargs, dense=dense and len(self.corrupted_columns) > 1)
        if issubclass(negative_sampler_resolver.lookup(base_sampler), DHNSNegativeSampler):
            message = f"base_sampler={show(base_sampler)} is this sampler itself. Choose another one, e.g., 'basic'."
            raise ValueError(message)  # noqa: TRY004
        is_varying = self.layout.occupancy < 1 or self.annealing is not None
        self.base_sampler = make_base_sampler(
            base_sampler,
            kwargs,
            scheme,
            mapped_triples=mapped_triples,
            num_entities=self.num_entities,
            num_relations=self.num_relations,
            # It fills generated columns, too, where they are not generated in all rows, or become fewer.
            num_negs_per_pos=self.num_negs_per_pos if is_varying else self.layout.num_sampled,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        # a copy, or a sampler from a file: its tensors are not in shared memory yet
        super().__setstate__(state)
        if self.layout.num_generated:
            share_memory(self.entity_generator)

    @override
    def corrupt_batch(self, positive_batch: LongTensor) -> LongTensor:
        check_type("positive_batch", positive_batch, Tensor, "a tensor of triples")
        if positive_batch.shape[-1:] != (3,):
            raise ValueError(f"positive_batch has shape {tuple(positive_batch.shape)}: it must be (*batch_dims, 3).")
        # base samplers need exactly one batch dimension
        positives = positive_batch.reshape(-1, 3)
        if not len(positives):
            return positives.new_empty(*positive_batch.shape[:-1], self.num_negs_per_pos, 3)
        check_ids(positives, self.num_entities, self.num_relations, name="positive_batch")
        positives = positives.long()
        layout = self.layout
        if self.annealing is not None:
            layout = self.annealing.next_layout(len(positives), count=self.training)
        negatives = positives.new_empty(len(positives), 0, 3)
        if self.base_sampler is not None:
            # PyKEEN's samplers have tensors on the CPU, which do not move with the module
            negatives = self.base_sampler.corrupt_batch(positives.cpu()).to(positives.device)
            negatives = replace_positives(negatives, positives, self.corrupted_columns, self.num_entities)
        if layout.num_generated:
            # learning is impossible in inference mode, and with tensors that were created in it
            with torch.inference_mode(mode=False):
                generated, _ = self.generate(positives.clone(), layout, self.corrupted_columns)
            negatives = layout.fill(negatives, generated)
        return negatives.view(*positive_batch.shape[:-1], self.num_negs_per_pos, 3)

    def generate(
        self, positives: Tensor, layout: ColumnLayout, corrupted_columns: Sequence[int] = (0, 2)
    ) -> tuple[Tensor, Tensor]:
        """Generate negatives for positives. In training mode, learn from them first, later only from some.

        :param positives: shape: (batch_size, 3) the positive triples
        :param layout: the layout of the columns. Only the generated ones are made.
        :param corrupted_columns: which columns to corrupt, 0 for head, 2 for tail

        :returns: shape: (batch_size, num_generated, 3) the negatives, and (batch_size, num_generated) their corrupted
            columns, 0 for head, 2 for tail
        """
        device, positives = positives.device, positives.to(self.known.answers.device)
        candidates = self.entity_generator.draw_candidates(positives)
        if self.training and self.entity_generator.should_learn(len(positives), self.known.num_triples):
            self.entity_generator.learn(positives, candidates)
        entities, columns = self.entity_generator.generate(positives, candidates, layout, corrupted_columns)
        negatives = positives.unsqueeze(dim=1).repeat(1, layout.num_generated, 1)
        negatives.scatter_(-1, columns.unsqueeze(dim=-1), entities.unsqueeze(dim=-1))
        negatives = replace_known(negatives, positives, columns, known=self.known)
        return negatives.to(device), columns.to(device)


if DHNSNegativeSampler not in negative_sampler_resolver.lookup_dict.values():
    negative_sampler_resolver.register(DHNSNegativeSampler)
