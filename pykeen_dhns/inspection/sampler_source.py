"""The sampler's generator, as an inspection sees it: embeddings of its shadow, which become entities."""

from collections.abc import Sequence

import torch
from pykeen.models import Model
from pykeen.triples import CoreTriplesFactory
from torch import Tensor, nn

from .settings import Target
from .sources import Scored, Source, unit_scale
from ..sampling.columns import ColumnLayout
from ..sampling.corruption import replace_known
from ..sampling.sampler import DHNSNegativeSampler

__all__ = ["SamplerSource"]

#: How many other triples lend their entities to the pool of candidates, where only a few triples are looked at
CONTEXT = 256


class SamplerSource(Source):
    """The generator of :class:`pykeen_dhns.DHNSNegativeSampler`."""

    title = "the sampler's generator"
    modalities = ("shadow",)

    def __init__(self, sampler: DHNSNegativeSampler, model: Model, training: CoreTriplesFactory) -> None:
        """Initialize the source.

        :param sampler: the sampler
        :param model: the model which is trained with it
        :param training: the training triples

        :raises ValueError: if the sampler generates nothing
        """
        if not sampler.layout.num_generated:
            raise ValueError(
                "The sampler has hard_fraction=0: it generates nothing, so there is nothing to inspect. Train with a "
                "larger hard_fraction."
            )
        super().__init__(model, training)
        self.sampler = sampler
        self.entity_generator = sampler.entity_generator
        self.generator = sampler.entity_generator.generator
        self.levels = sampler.entity_generator.diffheg.levels
        self.num_timesteps = sampler.entity_generator.diffheg.process.num_timesteps

    @property
    def modules(self) -> Sequence[nn.Module]:
        """Return the modules which take part, other than the model."""
        return (self.sampler,)

    @property
    def device(self) -> torch.device:
        """Return the sampler's device, which need not be the model's."""
        return self.sampler.counts.device

    # docstr-coverage: inherited
    def embed(self, target: Target) -> tuple[Tensor, Tensor]:  # noqa: ARG002, D102
        embeddings = self.entity_generator.shadow.entity.weight.detach()[None, None]
        unit = unit_scale(self.entity_generator.diffheg.target_scale, embeddings, slice(None)).squeeze(dim=0).cpu()
        return unit, torch.ones(unit.shape[:-1], dtype=torch.bool)

    # docstr-coverage: inherited
    def generate(self, triples: Tensor, target: Target) -> tuple[Tensor, Tensor]:  # noqa: D102
        queries = self.entity_generator.shadow.queries(triples.to(self.device))[0 if target == "head" else 1]
        # a single chain for each triple; levels and the only modality come first
        samples = self.entity_generator.generate_embeddings(queries.unsqueeze(dim=1)).squeeze(dim=2).unsqueeze(dim=1)
        unit = unit_scale(self.entity_generator.diffheg.target_scale, samples, slice(None)).cpu()
        return unit, torch.ones(1, len(triples), dtype=torch.bool)

    # docstr-coverage: inherited
    def score(self, triples: Tensor) -> Tensor:  # noqa: D102
        return self.model.score_hrt(triples.reshape(-1, 3).to(self.model.device)).view(triples.shape[:-1])

    def _corrupt(self, triples: Tensor, num_chains: int) -> tuple[Tensor, Tensor]:
        """Corrupt triples as the sampler does, with negatives of all levels, and without learning.

        :param triples: shape: (n, 3) the triples
        :param num_chains: how many of each level

        :returns: shape: (num_levels, n, num_chains, 3) the negatives, and (num_levels, n, num_chains) the columns that
            are corrupted
        """
        num_levels = len(self.levels)
        layout = ColumnLayout.create(num_levels * num_chains, hard_fraction=1.0, num_levels=num_levels)
        triples = triples.to(self.device)
        candidates = self.entity_generator.draw_candidates(triples)
        entities, columns = self.entity_generator.generate(triples, candidates, layout)
        negatives = triples.unsqueeze(dim=1).repeat(1, layout.num_generated, 1)
        negatives.scatter_(-1, columns.unsqueeze(dim=-1), entities.unsqueeze(dim=-1))
        negatives, _ = replace_known(negatives, triples, columns, known=self.sampler.known)
        shape = (num_levels, num_chains)
        return negatives.unflatten(1, shape).transpose(0, 1), columns.unflatten(1, shape).transpose(0, 1)

    # docstr-coverage: inherited
    def score_generated(self, triples: Tensor) -> Scored:  # noqa: D102
        # two chains: one for each side
        negatives, _ = self._corrupt(triples, num_chains=2)
        positive, scores = self.score(triples), self.score(negatives)
        return Scored(
            positive=positive,
            generated=scores,
            by_modality=scores.unsqueeze(dim=1),
            true_by_modality=positive.view(1, -1, 1),
        )

    # docstr-coverage: inherited
    def choose(self, triples: Tensor, target: Target, num: int) -> Tensor:  # noqa: D102
        rows = torch.randint(len(self.triples), size=(CONTEXT,))
        # every other chain is for the other side
        negatives, columns = self._corrupt(torch.cat([triples, self.triples[rows]]), num_chains=2 * num)
        column = 0 if target == "head" else 2
        negatives, columns = negatives[:, : len(triples)], columns[:, : len(triples)]
        chosen = negatives[..., column][columns == column]
        return chosen.view(len(self.levels), len(triples), num).cpu()
