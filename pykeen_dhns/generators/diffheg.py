"""DiffHEG: diffusion-based hierarchical embedding generation (Section 3.2 of the paper)."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from .base import EmbeddingGenerator
from ..diffusion import ConditionalDenoiser, Prediction, Reverse, RunningScale
from ..utils.validation import check_positive

__all__ = ["DiffHEG"]


class DiffHEG(EmbeddingGenerator):
    r"""A conditional diffusion model that generates entity embeddings of graded hardness.

    Given the condition $C(x_e, x_r)$ of an entity and a relation, it denoises pure noise step by step, and keeps what
    it has at each level. Late stops (small time steps) are close to the entities that complete the triple. Early stops
    are still noisy. All groups share one set of weights.

    Unless asked for, the loss has no gradient that reaches embeddings and conditions.
    """

    def __init__(
        self,
        dim: int,
        *,
        reverse: Reverse = "short",
        hidden_dim: int | None = None,
        num_layers: int = 2,
        prediction: Prediction = "velocity",
        learning_rate: float = 2e-3,
        **kwargs: Any,
    ) -> None:
        """Initialize the generator.

        :param dim: the number of real dimensions of an embedding. A complex number counts twice.
        :param reverse: the kind of reverse process: all steps (``"ddpm"``), or a short grid (``"short"``)
        :param hidden_dim: the hidden dimension of the denoiser
        :param num_layers: the number of hidden layers of the denoiser
        :param prediction: what the denoiser predicts, cf. :class:`pykeen_dhns.diffusion.ConditionalDenoiser`
        :param learning_rate: the learning rate of the generator's own Adam. The paper chooses among 2e-3, 5e-4, 1e-4.
        :param kwargs: the arguments of :class:`pykeen_dhns.generators.EmbeddingGenerator`: ``num_groups``,
            ``num_timesteps``, ``schedule``, ``levels``, ``condition``
        """  # noqa: DOC103
        check_positive("learning_rate", learning_rate)
        super().__init__(dim, **kwargs)
        self.reverse = reverse
        # checks the kind of reverse process now rather than at the first batch
        self.process.grid(self.time_steps, reverse=reverse)
        self.denoiser = ConditionalDenoiser(
            dim=dim,
            num_timesteps=self.process.num_timesteps,
            hidden_dim=hidden_dim,
            num_layers=num_layers,
            prediction=prediction,
        )
        self.condition_scale = RunningScale(dim=dim, num_groups=self.num_groups)
        self.set_optimizer(torch.optim.Adam(self.parameters(), lr=float(learning_rate)))

    def _predict_noise(self, x_t: Tensor, t: Tensor, encoded_condition: Tensor) -> Tensor:
        """Predict the noise in (normalized) embeddings."""
        prediction = self.denoiser.predict(x_t, t, encoded_condition)
        if self.denoiser.prediction == "noise":
            return prediction
        return self.process.velocity_to_noise(x_t, t, prediction)

    @override
    @torch.no_grad()
    def observe(self, target: Tensor, condition: Tensor, mask: Tensor | None = None) -> None:
        super().observe(target, condition, mask)
        self.condition_scale.update(self.to_real(condition), mask)

    @override
    def loss(
        self,
        target: Tensor,
        condition: Tensor,
        *,
        mask: Tensor | None = None,
        detach: bool = True,
        t: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Compute the denoising loss (Eq. 11).

        :param target: shape: `(num_groups, *batch_dims, dim)` the embeddings to be generated
        :param condition: shape: `(num_groups, *batch_dims, dim)` their conditions
        :param mask: shape: `(num_groups, *batch_dims)` which of the embeddings exist. If None, all do.
        :param detach: whether to keep gradients from reaching embeddings and conditions
        :param t: shape: `(num_groups, *batch_dims)` the time steps, at least 1. Drawn uniformly if None.
        :param noise: shape: `(num_groups, *batch_dims, dim)` the noise, real. Drawn if None.

        :returns: shape: () the mean squared error of the predicted noise
        """
        target, condition = self.to_real(target), self.to_real(condition)
        if detach:
            target, condition = target.detach(), condition.detach()
        if mask is not None:
            # a gradient of zero times NaN is NaN
            target, condition = (x.masked_fill(~mask.unsqueeze(dim=-1), 0) for x in (target, condition))
        x_0 = self.target_scale.normalize(target)
        condition = self.condition_scale.normalize(condition)
        if t is None:
            t = torch.randint(1, self.process.num_timesteps + 1, size=x_0.shape[:-1], device=x_0.device)
        noise = torch.randn_like(x_0) if noise is None else noise
        x_t = self.process.q_sample(x_0, t, noise)
        predicted = self._predict_noise(x_t, t, self.denoiser.encode(condition))
        if mask is None:
            return functional.mse_loss(predicted, noise)
        error = (predicted - noise).square().mean(dim=-1)
        return error.masked_fill(~mask, 0).sum() / mask.sum().clamp(min=1)

    @override
    @torch.no_grad()
    def generate(self, condition: Tensor, *, x_end: Tensor | None = None) -> Tensor:
        """Generate embeddings at all levels.

        :param condition: shape: `(num_groups, *batch_dims, dim)` the conditions
        :param x_end: shape: `(num_groups, *batch_dims, dim)` the noise $x_T$ to start from, real. Drawn if None.

        :returns: shape: `(num_levels, num_groups, *batch_dims, dim)` the embeddings, hardest level first, at the
            scale of the embeddings that were observed, and of the dtype of the conditions
        """
        normalized = self.condition_scale.normalize(self.to_real(condition))
        x_end = torch.randn_like(normalized) if x_end is None else x_end
        encoded = self.denoiser.encode(normalized)
        samples = self.process.sample(
            lambda x_t, t: self._predict_noise(x_t, t, encoded), x_end, levels=self.time_steps, reverse=self.reverse
        )
        # under mixed precision, older PyTorch (2.1) would reuse weights that were cast here, which have no gradients
        torch.clear_autocast_cache()
        return self.to_target_scale(samples, like=condition)
