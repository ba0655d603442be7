"""The training loop's generator, as an inspection sees it: embeddings of the model, which the model scores."""

from collections.abc import Sequence

import torch
from pykeen.triples import CoreTriplesFactory
from torch import Tensor, nn

from .settings import Target
from .sources import Scored, Source, unit_scale
from ..training.model_adapter import Embeddings
from ..training.objective import JointObjective

__all__ = ["LoopSource"]


class LoopSource(Source):
    """The generator of :class:`pykeen_dhns.DHNSTrainingLoop`."""

    title = "the training loop's generator"

    def __init__(self, objective: JointObjective, training: CoreTriplesFactory) -> None:
        """Initialize the source.

        :param objective: the objective of the training loop
        :param training: the training triples

        :raises ValueError: if the loop generates nothing
        """
        if objective.generator is None:
            raise ValueError(
                "generator='none' generates nothing, so there is nothing to inspect. Train with generator='diffheg', "
                "or with generator='noise' to see the control."
            )
        super().__init__(objective.bound.model, training)
        objective.to_model()
        self.objective = objective
        self.bound = objective.bound
        self._generator = objective.generator
        self.generator = objective.switches.generator
        self.levels = objective.generator.levels
        self.num_timesteps = objective.config.num_timesteps
        self.modalities = objective.bound.names

    @property
    def modules(self) -> Sequence[nn.Module]:
        """Return the modules which take part, other than the model."""
        return (self._generator, self.objective.condition)

    def _groups(self, target: Target) -> slice:
        """Select the groups of a side: the first half is about heads."""
        half = len(self.modalities)
        return slice(0, half) if target == "head" else slice(half, None)

    def _read(self, triples: Tensor) -> Embeddings:
        return self.bound.read(triples.to(self.model.device), self.objective.condition)

    # docstr-coverage: inherited
    def embed(self, target: Target) -> tuple[Tensor, Tensor]:  # noqa: D102
        indices = torch.arange(self.num_entities, device=self.model.device)
        embeddings, exist = self.bound.read_entities(indices)
        groups = self._groups(target)
        unit = unit_scale(self._generator.target_scale, embeddings.unsqueeze(dim=0), groups)
        return unit.squeeze(dim=0).cpu(), exist[groups].cpu()

    # docstr-coverage: inherited
    def generate(self, triples: Tensor, target: Target) -> tuple[Tensor, Tensor]:  # noqa: D102
        embeddings = self._read(triples)
        samples = self._generator.generate(embeddings.conditions)
        groups = self._groups(target)
        shape = samples.shape[1:3]
        usable = samples.new_ones(shape, dtype=torch.bool) if embeddings.usable is None else embeddings.usable
        return unit_scale(self._generator.target_scale, samples, groups).cpu(), usable[groups].cpu()

    # docstr-coverage: inherited
    def score(self, triples: Tensor) -> Tensor:  # noqa: D102
        flat = triples.reshape(-1, 3).to(self.model.device)
        return self.model.score_hrt(flat, mode=self.bound.mode).view(triples.shape[:-1])

    # docstr-coverage: inherited
    def score_generated(self, triples: Tensor) -> Scored:  # noqa: D102
        embeddings = self._read(triples)
        # the representations of the positives, and their scores; negatives are of no interest here
        scored = self.objective.scorer.score(triples, triples.unsqueeze(dim=1))
        # what is missing comes as one more level
        samples = torch.cat([self._generator.generate(embeddings.conditions), embeddings.targets.unsqueeze(dim=0)])
        scores = self.bound.score(samples, heads=scored.heads, relations=scored.relations, tails=scored.tails)
        joint = self.bound.joint_score(scores[:-1], embeddings.usable).permute(0, 2, 1)
        if embeddings.usable is not None and embeddings.learnable is not None:
            scores[:-1].masked_fill_(~embeddings.usable, torch.nan)
            scores[-1].masked_fill_(~embeddings.learnable, torch.nan)
        # sides are the last dimension
        by_modality = scores.unflatten(1, (2, -1)).permute(0, 2, 3, 1)
        return Scored(
            positive=scored.positive.squeeze(dim=-1),
            generated=joint,
            by_modality=by_modality[:-1],
            true_by_modality=by_modality[-1],
        )
