"""Gaussian noise in place of the diffusion model: the control for every claim about the latter."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..diffusion import RunningScale, resolve_levels

__all__ = ["GaussianNoise"]


class GaussianNoise(nn.Module):
    """Draws embeddings of the right mean and scale, whatever the condition.

    It has the levels and the scale of :class:`pykeen_dhns.DiffHEG`, but nothing to learn. If a model trained with it is
    as good, it was not the diffusion that helped.
    """

    def __init__(
        self, dim: int, *, num_groups: int = 1, num_timesteps: int = 50, levels: Sequence[float] | None = None
    ) -> None:
        """Initialize the generator.

        :param dim: the number of real dimensions of an embedding
        :param num_groups: the number of groups of embeddings with a scale of their own
        :param num_timesteps: the number of time steps, of which levels are fractions
        :param levels: the hardness levels, cf. :func:`pykeen_dhns.diffusion.resolve_levels`
        """
        super().__init__()
        self.num_timesteps = num_timesteps
        self.levels = resolve_levels(levels, num_timesteps)
        self.target_scale = RunningScale(dim=dim, num_groups=num_groups)

    def observe(self, target: Tensor, condition: Tensor, mask: Tensor | None = None) -> None:  # noqa: ARG002
        """Update the scale.

        :param target: shape: `(num_groups, *batch_dims, dim)` the embeddings
        :param condition: shape: `(num_groups, *batch_dims, dim)` their conditions, which make no difference
        :param mask: shape: `(num_groups, *batch_dims)` which of the embeddings exist. If None, all do.
        """
        self.target_scale.update(target, mask)

    @torch.no_grad()
    def generate(self, condition: Tensor) -> Tensor:
        """Draw embeddings at all levels.

        :param condition: shape: `(num_groups, *batch_dims, dim)` the conditions, which only tell how many are needed

        :returns: shape: `(num_levels, num_groups, *batch_dims, dim)` the embeddings
        """
        noise = torch.randn((len(self.levels), *condition.shape), dtype=condition.dtype, device=condition.device)
        # the levels are one more batch dimension behind the group
        return self.target_scale.denormalize(noise.transpose(0, 1)).transpose(0, 1)
