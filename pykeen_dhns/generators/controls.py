"""Generators that learn nothing: the controls for every claim about the diffusion model."""

import torch
from torch import Tensor
from typing_extensions import override

from .base import EmbeddingGenerator

__all__ = ["GaussianNoise", "QueryGenerator"]


class GaussianNoise(EmbeddingGenerator):
    """Draws embeddings of the right mean and scale, whatever the condition.

    If a model that is trained with it is as good, it was not the diffusion that helped. In the sampler, its directions
    are uniform. So it chooses an entity the more often, the fewer others share its direction.
    :class:`pykeen_dhns.sampling.selection.UniformSelection` is exactly uniform over entities.
    """

    @override
    @torch.no_grad()
    def generate(self, condition: Tensor) -> Tensor:
        real = self.to_real(condition)
        noise = torch.randn((len(self.levels), *real.shape), dtype=real.dtype, device=real.device)
        return self.to_target_scale(noise, like=condition)


class QueryGenerator(EmbeddingGenerator):
    """Returns the condition itself, the same at all levels.

    The condition is where the interaction expects the missing entity. If this is as good, the small model of the
    sampler was enough, and it was not the diffusion that helped.
    """

    @override
    def generate(self, condition: Tensor) -> Tensor:
        # only for its check of the shape
        self.to_real(condition)
        return condition.detach().expand(len(self.levels), *condition.shape)
