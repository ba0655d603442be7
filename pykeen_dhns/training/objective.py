"""The loss of a batch: Algorithm 1, without the steps of the optimisers."""

import logging
from collections.abc import Callable
from typing import Any

import torch
from pykeen.losses import InfoNCELoss, Loss
from pykeen.models import Model
from pykeen.sampling import NegativeSampler
from pykeen.triples import CoreTriplesFactory
from pykeen.triples.instances import SLCWABatch
from pykeen.typing import InductiveMode
from torch import Tensor
from torch.optim import Optimizer

from .batch_scale import BatchScale
from .config import LoopConfig
from .generated import GeneratedNegatives, GeneratorRun
from .model_adapter import ModelAdapter
from .proposals import Proposals, propose
from .scoring import ScoredTriples, TripleScorer
from .shared_negatives import Pool, SharedNegatives, SharedScores
from .statistics import EpochStatistics, mean_score
from ..generators import EmbeddingGenerator
from ..losses import HardnessAdaptiveLoss
from ..losses.dense import process_dense
from ..queries.base import Query
from ..sampling.columns import ColumnLayout
from ..utils.optimization import use_sparse_gradients
from ..utils.random_state import seeded

__all__ = ["JointObjective"]

logger = logging.getLogger(__name__)

#: Combined with the seed, so that the generator's weights do not come from the same random numbers as the model's
SEED_OF_WEIGHTS = 0x3C6EF372FE94F82B


class JointObjective:
    """Computes the loss of a batch, from which model and generator get their gradients.

    The generator's loss adds its gradient, but not its value. No gradient of it reaches the model, and none of the
    model's loss reaches the generator, so one backward pass serves both.
    """

    def __init__(self, model: Model, config: LoopConfig, *, mode: InductiveMode | None = None) -> None:
        """Initialize the objective.

        :param model: the model
        :param config: the arguments of the training
        :param mode: the inductive mode, or None
        """
        self.config = config
        if config.sparse_gradients:
            use_sparse_gradients(model)
        self.adapter = ModelAdapter(model, mode=mode, multimodal=config.multimodal)
        self.scorer = TripleScorer(self.adapter)
        self.criterion = config.make_criterion(model.loss)
        #: The layout of the sampler's columns. Without it, all columns are sampled.
        self.layout: ColumnLayout | None = None
        #: Draws the negatives that a batch shares, cf. :meth:`adopt_triples`
        self.shared: SharedNegatives | None = None
        self._triples_factory: CoreTriplesFactory | None = None
        self.statistics = EpochStatistics()
        #: Adds up a tensor over all processes that share a batch, if there are several
        self.sum_over_processes: Callable[[Tensor], Tensor] | None = None
        #: Computes the generator's conditions, and is a part of it
        self.query: Query
        self.generator: EmbeddingGenerator | None
        self.reset()
        if self.generator is None and config.num_shared_negs and model.loss is self.criterion:
            logger.warning(
                "With num_shared_negs, nothing is generated unless a generator is named, so loss='dhns' is only its "
                "base loss, %s. To generate negatives, too, pass generator='diffheg'.",
                type(self.criterion.base).__name__,
            )
        # margins and weights must fit the levels: say so now, not in the first batch
        if self.generator is not None and config.adaptive_training:
            self.criterion.level_margins(self.generator.levels)

    @property
    def generator_optimizer(self) -> Optimizer | None:
        """Return the generator's optimiser, None if it has nothing to learn."""
        return None if self.generator is None else self.generator.optimizer

    def reset(self) -> None:
        """Start with a generator that has not learned anything."""
        self.statistics.pop()
        # A separate random state, so that making a generator does not change later draws.
        with seeded(torch.initial_seed() ^ SEED_OF_WEIGHTS):
            self.query = self.adapter.make_query()
            self.generator = None
            if self.config.has_generator:
                self.generator = self.config.make_generator(
                    self.adapter.dim, num_groups=self.adapter.num_groups, condition=self.query
                )
        if self.generator is None or self.generator.optimizer is None:
            # nothing trains it, and processes that share a batch would wait for its gradients
            self.query.requires_grad_(requires_grad=False)

    def to_model(self) -> None:
        """Bring the generator to the device and precision of the model, and the loss to its device."""
        parameter = next(self.adapter.model.parameters())
        # Unless it is the model's own loss, it is no part of the model. Its precision follows that of the scores.
        self.criterion.to(device=parameter.device)
        if self.generator is not None:
            self.generator.to(device=parameter.device, dtype=parameter.real.dtype)
        if self.shared is not None:
            self.shared.to(device=parameter.device)

    @torch.no_grad()
    def pop_metrics(self) -> dict[str, float]:
        """Return what happened since the last call: mean losses and scores, and each modality's share."""
        shares = {f"share_{name}": float(share) for name, share in self.adapter.shares().items()}
        return self.statistics.pop() | shares

    def adopt_columns(self, sampler: NegativeSampler) -> None:
        """Take from a sampler which of its negatives are generated, and at which levels.

        With ``anneal_epochs``, this changes with each pass. So all of its negatives count as sampled.

        :param sampler: the sampler, which may be any
        """
        is_annealed = getattr(sampler, "annealing", None) is not None
        self.layout = None if is_annealed else getattr(sampler, "layout", None)

    def adopt_triples(self, triples_factory: CoreTriplesFactory) -> None:
        """Take the triples that are no negatives for a batch to share.

        :param triples_factory: the training triples
        """
        # a training adopts the same triples several times, to find out how much memory it needs
        if self.config.num_shared_negs and self._triples_factory is not triples_factory:
            self._triples_factory = triples_factory
            self.shared = SharedNegatives(
                triples_factory._add_inverse_triples_if_necessary(triples_factory.mapped_triples),
                num_entities=triples_factory.num_entities,
                num_relations=triples_factory.num_relations,
                num_negs=self.config.num_shared_negs,
                from_batch=self.config.shared_negs_from_batch,
                num_candidates=self.config.num_candidates if self.config.num_proposed_negs else 0,
                filtered=bool(self.config.filtered),
            ).to(self.adapter.model.device)

    def loss(
        self,
        batch: SLCWABatch,
        start: int,
        stop: int,
        label_smoothing: float = 0.0,
        *,
        num_processes: int = 1,
        total_size: int | None = None,
    ) -> Tensor:
        """Compute the loss of a sub-batch. Each sub-batch is a batch of its own, with negatives generated for it.

        :param batch: the batch, or this process's share of one
        :param start: the first row, inclusive
        :param stop: the last row, exclusive
        :param label_smoothing: the label smoothing, for sampled negatives
        :param num_processes: the number of processes that share a batch, and average their gradients
        :param total_size: the number of rows of all of their shares. If None, all shares are as large as this one.

        :returns: shape: () the loss, scaled so that its mean over the processes is that of the whole batch
        """
        size = len(batch["positives"])
        stop = min(stop, size)
        rows = slice(start, stop)
        scale = BatchScale(
            is_mean=self.criterion.reduction == "mean",
            num_rows=stop - start,
            size=size,
            num_processes=num_processes,
            total_size=total_size,
        )
        positives = batch["positives"][rows].to(self.adapter.model.device)
        run = None if self.generator is None else self._run_generator(positives)
        scored, shared = self._score(batch, rows, positives, run)
        generated = None
        if run is not None and not self.config.num_proposed_negs:
            generated = self._score_generated(run, scored)
        terms = self._compute_terms(batch, rows, scored, shared, generated, label_smoothing)
        loss: Tensor = terms["loss_kgc"]
        if "loss_hardness" in terms:
            num_chosen = len(generated.scores) if generated is not None else 0
            loss = loss + self.criterion.hardness_weight * scale.hardness(num_chosen) * terms["loss_hardness"]
        loss = scale.loss * loss + scale.share * self.adapter.model.collect_regularization_term()
        if torch.is_grad_enabled():
            if run is not None and run.loss is not None:
                weight = self.config.diffusion_weight
                own_loss = terms["loss_diffusion"] = run.loss
                factor = scale.generator(self._compute_learnable_part(batch["positives"], rows))
                loss = loss + factor * (weight * own_loss if weight else own_loss - own_loss.detach())
            self.statistics.add(terms, weight=scale.num_rows)
        return loss

    def _score(
        self, batch: SLCWABatch, rows: slice, on_device: Tensor, run: GeneratorRun | None
    ) -> tuple[ScoredTriples, SharedScores | None]:
        """Score positives, sampled negatives, and those that are shared or proposed."""
        masks = batch["masks"][rows] if "masks" in batch else None
        positives, negatives = batch["positives"][rows], batch["negatives"][rows]
        if self.shared is None:
            return self.scorer.score(positives, negatives, masks), None
        pool, proposals = self.shared.draw(on_device), None
        if run is not None and self.config.num_proposed_negs:
            proposals = self._propose(self.shared, on_device, pool, run)
            negatives, masks = proposals.append_to(positives, negatives, masks)
        scored = self.scorer.score(positives, negatives, masks, pool.shared)
        own = None if proposals is None else proposals.take_from(scored)
        shared = self.shared.score(self.adapter, self.query, scored, on_device, pool)
        if proposals is not None and own is not None:
            shared = proposals.add_to(shared, own, correction=self._correction)
        return scored, shared

    def _run_generator(self, positives: Tensor) -> GeneratorRun:
        """Learn from positives, and generate embeddings for them."""
        assert self.generator is not None
        rows = self._choose_rows(positives)
        batch = self.adapter.read(positives[rows], self.query, detach=not self.config.diffusion_weight)
        loss = None
        if torch.is_grad_enabled():
            self.generator.observe(batch.targets.detach(), batch.conditions.detach(), batch.learnable)
            loss = self.generator.loss(batch.targets, batch.conditions, mask=batch.learnable, detach=False)
        samples = self.generator.generate(batch.conditions.detach())
        return GeneratorRun(rows=rows, samples=samples, usable=batch.usable, loss=loss)

    def _propose(self, shared: SharedNegatives, positives: Tensor, pool: Pool, run: GeneratorRun) -> Proposals:
        """Draw negatives that are similar to what was generated."""
        assert self.generator is not None
        return propose(
            self.generator,
            run.samples,
            pool,
            self.adapter.read_entities(pool.candidates)[0],
            shared.find_negatives(positives, pool.candidates, filtered=True),
            num_negs=self.config.num_proposed_negs,
            sharpness=self.config.proposal_sharpness,
        )

    @property
    def _base_loss(self) -> Loss:
        """Return the loss of negatives that are not generated."""
        loss: Loss = self.adapter.model.loss
        return loss.base if isinstance(loss, HardnessAdaptiveLoss) else loss

    @property
    def _correction(self) -> float:
        """Return by what to multiply the logarithm of an expected count, before the loss divides by a temperature."""
        loss = self._base_loss
        # its name is that of the opposite
        temperature = loss.inverse_softmax_temperature if isinstance(loss, InfoNCELoss) else 1.0
        return self.config.proposal_correction * temperature

    def _score_generated(self, run: GeneratorRun, scored: ScoredTriples) -> GeneratedNegatives:
        """Score generated embeddings as negatives."""
        assert self.generator is not None
        heads, relations, tails = ([x[run.rows] for x in xs] for xs in (scored.heads, scored.relations, scored.tails))
        scores = self.adapter.score(run.samples, heads=heads, relations=relations, tails=tails)
        joint = self.adapter.joint_score(scores, run.usable).permute(2, 0, 1)
        return GeneratedNegatives(rows=run.rows, scores=joint, levels=self.generator.levels)

    def _compute_learnable_part(self, positives: Tensor, rows: slice) -> Tensor | None:
        """Compute a sub-batch's part of what the generator learns from. None if that is the part of the rows.

        The generator's loss is a mean over the modalities that exist, and a sub-batch, or a process, may have few.
        """
        counts = self.adapter.count_learnable(positives.to(self.adapter.model.device))
        if counts is None:
            return None
        total = counts.sum()
        if self.sum_over_processes is not None:
            total = self.sum_over_processes(total)
        return counts[rows].sum() / total.clamp(min=1)

    def _choose_rows(self, positives: Tensor) -> Tensor | slice:
        """Choose the rows that the generator learns from and generates for."""
        if self.config.generated_share == 1:
            return slice(None)
        num_rows = len(positives)
        num_chosen = max(1, round(self.config.generated_share * num_rows))
        return torch.randperm(num_rows, device=positives.device)[:num_chosen].sort().values

    def _compute_terms(
        self,
        batch: SLCWABatch,
        rows: slice,
        scored: ScoredTriples,
        shared: SharedScores | None,
        generated: GeneratedNegatives | None,
        label_smoothing: float,
    ) -> dict[str, Tensor]:
        """Compute the losses of all negatives, and the mean scores."""
        keys = ("masks", "pos_weights", "neg_weights")
        given: dict[str, Any] = {**batch}
        mask, pos_weights, neg_weights = (
            given[key][rows].to(self.adapter.model.device) if key in given else None for key in keys
        )
        num_entities = self.adapter.model._get_entity_len(mode=self.adapter.mode)
        arguments: dict[str, Any] = dict(label_smoothing=label_smoothing, num_entities=num_entities)
        terms = {"score_positive": scored.positive.mean(), "loss_kgc": scored.positive.new_zeros(())}
        if scored.negative.numel():
            terms["score_sampled"] = mean_score(scored.negative, mask)
        if shared is not None:
            terms["score_shared"] = mean_score(shared.scores.detach(), shared.mask)
            terms["loss_kgc"] = self._compute_shared_loss(scored.positive, shared, pos_weights, **arguments)
        negative, layout = scored.negative, self.layout or ColumnLayout(scored.negative.shape[1])
        if generated is not None:
            means = generated.scores.detach().mean(dim=(0, 2))
            # By number, not by time step: names are the same whatever the number of steps, so runs can be compared.
            terms |= {f"score_level_{number}": mean for number, mean in enumerate(means, start=1)}
            if self.config.adaptive_training:
                terms["loss_hardness"] = self.criterion.hardness_adaptive(
                    scored.positive[generated.rows],
                    generated.scores,
                    levels=generated.levels,
                    adaptive=self.config.adaptive_margin,
                )
            else:
                # generated negatives become sampled ones, which come first
                extra = generated.scores.flatten(start_dim=1)
                ones = torch.ones_like(extra)
                negative, layout = torch.cat([extra, negative], dim=1), layout.with_more_sampled(extra.shape[1])
                mask = None if mask is None else torch.cat([ones.bool(), mask], dim=1)
                neg_weights = None if neg_weights is None else torch.cat([ones, neg_weights.view(len(ones), -1)], dim=1)
        if negative.shape[1]:
            arguments |= dict(mask=mask, pos_weights=pos_weights, neg_weights=neg_weights)
            loss = self.adapter.model.loss
            if loss is self.criterion:
                sampled = self.criterion.process_columns(scored.positive, negative, layout, **arguments)
            else:
                sampled = process_dense(loss, scored.positive, negative, **arguments)
            terms["loss_kgc"] = terms["loss_kgc"] + sampled
        return terms

    def _compute_shared_loss(
        self, positive: Tensor, shared: SharedScores, pos_weights: Tensor | None, **kwargs: Any
    ) -> Tensor:
        """Compute the loss of shared negatives: the mean of that of corrupted heads, and that of corrupted tails."""
        loss, negative = self._base_loss, shared.scores.flatten(end_dim=1)
        if pos_weights is not None:
            # a negative has the weight of its positive
            pos_weights = pos_weights.view(-1, 1).repeat_interleave(2, dim=0)
            kwargs |= dict(pos_weights=pos_weights, neg_weights=pos_weights.expand_as(negative))
        result = process_dense(
            loss, positive.repeat_interleave(2, dim=0), negative, mask=shared.mask.flatten(end_dim=1), **kwargs
        )
        return result if loss.reduction == "mean" else result / 2
