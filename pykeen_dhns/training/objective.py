"""The loss of a batch: Algorithm 1, without the steps of the optimisers."""

import dataclasses
from typing import Any

import torch
from class_resolver import OptionalKwargs
from pykeen.models import Model
from pykeen.sampling import NegativeSampler
from pykeen.triples.instances import SLCWABatch
from pykeen.typing import InductiveMode
from torch import Tensor

from .batch_parts import BatchPart, PreparedBatch
from .model_adapter import BoundModel, Embeddings
from .scoring import ScoredTriples, TripleScorer
from .settings import GeneratorConfig, Switches
from ..generators.diffheg import DiffHEG
from ..generators.noise import GaussianNoise
from ..losses.hardness_adaptive import HardnessAdaptiveLoss
from ..queries.base import Query
from ..utils.epoch_statistics import EpochStatistics

__all__ = ["JointObjective"]


class JointObjective:
    """Computes the loss of a batch, of which the model and the generator get their gradients.

    The generator's loss adds its gradient, but not its value: no gradient of it reaches the model, and none of the
    model's loss reaches the generator, so a single backward pass serves both.
    """

    def __init__(
        self,
        model: Model,
        *,
        config: GeneratorConfig,
        switches: Switches,
        loss_kwargs: OptionalKwargs = None,
        mode: InductiveMode | None = None,
    ) -> None:
        """Initialize the objective.

        :param model: the model
        :param config: the arguments of the generator
        :param switches: what of the method to use
        :param loss_kwargs: keyword-based arguments of the hardness-adaptive loss, if the model has another one
        :param mode: the inductive mode, or None

        :raises ValueError: if there are arguments for a loss which the model already has
        """
        self.bound = BoundModel(model, mode=mode, multimodal=switches.multimodal)
        self.scorer = TripleScorer(self.bound.model, mode=mode)
        self.config = config
        self.switches = switches
        if isinstance(model.loss, HardnessAdaptiveLoss):
            if loss_kwargs:
                raise ValueError(
                    f"hardness_loss_kwargs={dict(loss_kwargs)} has no effect: the model's loss is a "
                    f"{type(model.loss).__name__} already. Pass them as loss_kwargs instead."
                )
            self.criterion = model.loss
        else:
            defaults = {"base": model.loss, "reduction": model.loss.reduction, "hard_fraction": 0.0}
            self.criterion = HardnessAdaptiveLoss(
                **{"margin": float(getattr(model.loss, "margin", None) or 0.0), **defaults, **(loss_kwargs or {})}
            )
        #: The levels of the sampler's columns, if the sampler generates some, too
        self.column_levels: Tensor | None = None
        #: What these levels are, as fractions of the time steps. None are those of the loss.
        self.column_fractions: tuple[float, ...] | None = None
        self.statistics = EpochStatistics()
        #: What tells the generator which embedding is missing
        self.condition: Query
        self.generator: DiffHEG | GaussianNoise | None = self._make_generator()
        self._prepared: PreparedBatch | None = None
        # at the door: margins and weights must fit the levels
        if self.generator is not None and switches.adaptive_training:
            self.criterion.level_margins(self.fractions)
            self.criterion.level_weights(self.fractions)

    def _make_generator(self) -> DiffHEG | GaussianNoise | None:
        if self.switches.generator == "none":
            return None
        # an own random state, derived from the seed: that a generator is made must not change what comes after it
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(torch.initial_seed() ^ 0x3C6EF372FE94F82B)
            self.condition = self.bound.make_condition()
            if self.switches.generator == "noise":
                return GaussianNoise(
                    self.bound.dim,
                    num_groups=self.bound.num_groups,
                    num_timesteps=self.config.num_timesteps,
                    levels=self.config.levels,
                )
            arguments = {field.name: getattr(self.config, field.name) for field in dataclasses.fields(self.config)}
            return DiffHEG(
                self.bound.dim,
                num_groups=self.bound.num_groups,
                condition=self.condition,
                **arguments,
            )

    def reset(self) -> None:
        """Start again with a generator that has not learned anything."""
        self.generator = self._make_generator()
        self.discard()

    def discard(self) -> None:
        """Forget what belongs to a batch, or an epoch, that is not to be completed."""
        self._prepared = None
        self.statistics.pop()

    def to_model(self) -> None:
        """Bring the generator to the device, and to the precision, of the model, and the loss to its device."""
        parameter = next(self.bound.model.parameters())
        # a part of the model only where it is the model's own loss. Its precision is none of the model's: it follows
        # that of the scores.
        self.criterion.to(device=parameter.device)
        if self.generator is not None:
            for module in (self.generator, self.condition):
                module.to(device=parameter.device, dtype=parameter.real.dtype)

    def adopt_columns(self, sampler: NegativeSampler) -> None:
        """Take from a sampler which of its negatives it generates, and at which levels.

        Without it, the loss would take its own arguments for those of the sampler.

        :param sampler: the sampler, which may be any
        """
        layout = getattr(sampler, "layout", None)
        self.column_levels = None if layout is None else layout.column_levels()
        has_levels = self.column_levels is not None and bool((self.column_levels >= 0).any())
        # explicit margins need not fit to levels that no column has
        self.column_fractions = getattr(sampler, "fractions", None) if has_levels else None

    @property
    def fractions(self) -> tuple[float, ...]:
        """Return the levels, as fractions of the number of time steps."""
        if self.generator is None:
            return ()
        return tuple(level / self.config.num_timesteps for level in self.generator.levels)

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
        """Compute the loss of a part of a batch.

        :param batch: the batch, or this process's share of one
        :param start: the first row, inclusive
        :param stop: the last row, exclusive
        :param label_smoothing: the label smoothing, for sampled negatives
        :param num_processes: the number of processes which share a batch, and average their gradients
        :param total_size: the number of rows of all of their shares. If None, all shares are as large as this one.

        :returns: shape: () the loss, scaled such that its mean over the processes is that of the whole batch
        """
        model = self.bound.model
        positives = batch["positives"].to(model.device)
        size = len(positives)
        stop = min(stop, size)
        # of a mean over rows, each process has as much as it has of the rows, whatever the reduction of the loss
        mean_factor = 1.0 if total_size is None else num_processes * size / total_size
        factor = mean_factor if self.criterion.reduction == "mean" else float(num_processes)
        masks = batch["masks"][start:stop] if "masks" in batch else None
        scored = self.scorer.score(batch["positives"][start:stop], batch["negatives"][start:stop], masks)
        part = generated = None
        if self.generator is not None:
            if start == 0 or self._prepared is None:
                self._prepared = self._prepare(positives)
            part = self._locate(start, stop, size)
            if len(part.rows):
                generated = self._score_generated(scored, part)
        loss, parts = self._combine(batch, scored, generated, part, start, stop, label_smoothing)
        loss = factor * loss + mean_factor * model.collect_regularization_term()
        if torch.is_grad_enabled():
            diffusion = self._diffusion_loss(positives, part) if part is not None and len(part.rows) else None
            if diffusion is not None:
                assert part is not None
                parts["loss_diffusion"] = diffusion
                # this is a mean over rows, whatever the reduction of the model's loss
                share = mean_factor * (part.factor("mean") if self.criterion.reduction == "mean" else part.share)
                weight = self.switches.diffusion_weight
                loss = loss + share * (weight * diffusion if weight else diffusion - diffusion.detach())
            self.statistics.add(parts, weight=stop - start)
        if stop == size:
            self._prepared = None
        result: Tensor = loss
        return result

    def _prepare(self, positives: Tensor) -> PreparedBatch:
        assert self.generator is not None
        learns = torch.is_grad_enabled()
        size = len(positives)
        if self.switches.generated_share < 1:
            num_chosen = max(1, round(self.switches.generated_share * size))
            rows = torch.randperm(size, device=positives.device)[:num_chosen].sort().values
            positives = positives[rows]
        else:
            rows = torch.arange(size, device=positives.device)
        embeddings = self._read(positives)
        targets, conditions = embeddings.targets.detach(), embeddings.conditions.detach()
        t = noise = None
        if learns:
            self.generator.observe(targets, conditions, embeddings.learnable)
            if isinstance(self.generator, DiffHEG):
                t, noise = self.generator.draw(targets)
        return PreparedBatch(
            rows=rows, embeddings=embeddings, samples=self.generator.generate(conditions), t=t, noise=noise
        )

    def _locate(self, start: int, stop: int, size: int) -> BatchPart:
        """Find the chosen rows of a part of the batch."""
        assert self._prepared is not None
        rows = self._prepared.rows
        chosen = slice(0, len(rows))
        if (start, stop) != (0, size):
            chosen = slice(*torch.searchsorted(rows, rows.new_tensor([start, stop])).tolist())
        return BatchPart(
            start=start, stop=stop, size=size, num_chosen=len(rows), chosen=chosen, rows=rows[chosen] - start
        )

    def _read(self, positives: Tensor) -> Embeddings:
        return self.bound.read(positives, self.condition, detach=not self.switches.diffusion_weight)

    def _score_generated(self, scored: ScoredTriples, part: BatchPart) -> Tensor:
        """Score generated negatives, shape: (num_chosen_here, num_levels, 2)."""
        assert self._prepared is not None
        usable = self._prepared.embeddings.usable
        heads, relations, tails = (
            # all rows, without a copy
            parts if len(part.rows) == part.stop - part.start else [x[part.rows] for x in parts]
            for parts in (scored.heads, scored.relations, scored.tails)
        )
        scores = self.bound.score(
            self._prepared.samples[:, :, part.chosen], heads=heads, relations=relations, tails=tails
        )
        joint = self.bound.joint_score(scores, None if usable is None else usable[:, part.chosen])
        return joint.permute(2, 0, 1)

    def _diffusion_loss(self, positives: Tensor, part: BatchPart) -> Tensor | None:
        if not isinstance(self.generator, DiffHEG):
            return None
        assert self._prepared is not None
        assert self._prepared.t is not None
        assert self._prepared.noise is not None
        embeddings, num_existing = self._prepared.embeddings, None
        if (part.start, part.stop) != (0, part.size):
            if embeddings.learnable is not None:
                # else, a part with fewer modalities would weigh as much, row by row, as one with more
                num_existing = part.share * embeddings.learnable.sum().clamp(min=1)
            # read again: a graph can be used only once
            embeddings = self._read(positives[self._prepared.rows[part.chosen]])
        return self.generator.loss(
            embeddings.targets,
            embeddings.conditions,
            t=self._prepared.t[:, part.chosen],
            noise=self._prepared.noise[:, part.chosen],
            mask=embeddings.learnable,
            num_existing=num_existing,
            detach=False,
        )

    def _combine(
        self,
        batch: SLCWABatch,
        scored: ScoredTriples,
        generated: Tensor | None,
        part: BatchPart | None,
        start: int,
        stop: int,
        label_smoothing: float,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Combine the losses of sampled and of generated negatives (Eq. 15)."""
        model = self.bound.model
        weights = {
            key: batch[key][start:stop].to(model.device) if key in batch else None
            for key in ("masks", "pos_weights", "neg_weights")
        }
        batch_filter, neg_weights = weights["masks"], weights["neg_weights"]
        negative = scored.negative
        column_levels = self.column_levels
        if generated is not None and not self.switches.adaptive_training:
            # in front, where the loss expects columns without a level
            extra = generated.flatten(start_dim=1)
            negative = torch.cat([extra, negative], dim=1)
            if batch_filter is not None:
                batch_filter = torch.cat([torch.ones_like(extra, dtype=torch.bool), batch_filter], dim=1)
            if neg_weights is not None:
                neg_weights = torch.cat([torch.ones_like(extra), neg_weights.view(len(extra), -1)], dim=1)
            if column_levels is not None:
                column_levels = torch.cat([column_levels.new_full((extra.shape[1],), -1), column_levels])
        arguments: dict[str, Any] = {
            "positive_scores": scored.positive,
            "negative_scores": negative if batch_filter is None else negative[batch_filter],
            "label_smoothing": label_smoothing,
            "batch_filter": batch_filter,
            "num_entities": model._get_entity_len(mode=self.bound.mode),
            "pos_weights": weights["pos_weights"],
            "neg_weights": neg_weights,
        }
        if model.loss is self.criterion:
            if column_levels is None:
                column_levels = torch.full((negative.shape[1],), -1)
            kgc = self.criterion.process_columns(column_levels=column_levels, levels=self.column_fractions, **arguments)
        else:
            kgc = model.loss.process_slcwa_scores(**arguments)
        parts = {
            "loss_kgc": kgc,
            "score_positive": scored.positive.mean(),
            "score_sampled": _mean(scored.negative, weights["masks"]),
        }
        if generated is None:
            return kgc, parts
        means = generated.detach().mean(dim=(0, 2))
        # not by time step: names must be the same whatever their number, such that runs can be compared
        parts |= {f"score_level_{number}": mean for number, mean in enumerate(means, start=1)}
        if not self.switches.adaptive_training:
            return kgc, parts
        assert part is not None
        hardness = self.criterion.hardness_adaptive(
            scored.positive[part.rows], generated, levels=self.fractions, adaptive=self.switches.adaptive_margin
        )
        parts["loss_hardness"] = hardness
        return self.criterion.combine(kgc, part.factor(self.criterion.reduction) * hardness), parts


def _mean(scores: Tensor, masks: Tensor | None) -> Tensor:
    """Average scores, but those which a filter has left out."""
    if masks is None:
        return scores.mean()
    return scores[masks].sum() / masks.sum().clamp(min=1)
