"""DiffHEG: diffusion-based hierarchical embedding generation (Section 3.2 of the paper)."""

from collections.abc import Sequence

import torch
from class_resolver import Hint
from torch import Tensor, nn
from torch.nn import functional

from ..diffusion import ConditionalDenoiser, GaussianDiffusion, Prediction, Reverse, RunningScale, resolve_levels
from ..diffusion.schedule import Schedule
from ..utils.optimization import SelfOptimizedModule

__all__ = ["DiffHEG"]


class DiffHEG(SelfOptimizedModule):
    r"""A conditional diffusion model which generates entity embeddings of graded hardness.

    Given the condition $C(x_e, x_r)$ of an entity and a relation, it denoises pure noise step by step, and keeps what
    it has at each level: late stops (small time steps) are close to the entities that complete the triple, early stops
    are still noisy. All modalities share one set of weights, but each has a scale of its own.

    It is independent of what the embeddings are: tensors go in, and tensors come out, of any floating dtype, real or
    complex, on any device. Unless asked for, no gradient passes through it into the embeddings that it learns from.
    """

    def __init__(
        self,
        dim: int,
        *,
        num_groups: int = 1,
        num_timesteps: int = 50,
        schedule: Hint[Schedule] = None,
        reverse: Reverse = "short",
        levels: Sequence[float] | None = None,
        hidden_dim: int | None = None,
        num_layers: int = 2,
        prediction: Prediction = "velocity",
        learning_rate: float = 2e-3,
        condition: nn.Module | None = None,
    ) -> None:
        """Initialize the generator.

        :param dim: the number of real dimensions of an embedding. A complex number counts twice.
        :param num_groups: the number of groups of embeddings that share the denoiser, but not their scale: modalities,
            or sides of a triple, or both
        :param num_timesteps: the number of time steps $T$. The paper chooses among 20, 50, 70 and 100.
        :param schedule: the noise schedule, or its name, cf. :data:`pykeen_dhns.diffusion.schedule_resolver`
        :param reverse: the kind of reverse process: all steps (``"ddpm"``), or a short grid (``"short"``)
        :param levels: the hardness levels, as fractions of the number of time steps,
            cf. :func:`pykeen_dhns.diffusion.resolve_levels`
        :param hidden_dim: the hidden dimension of the denoiser
        :param num_layers: the number of hidden layers of the denoiser
        :param prediction: what the denoiser predicts, cf. :class:`pykeen_dhns.diffusion.ConditionalDenoiser`
        :param learning_rate: the learning rate of the generator's own Adam. The paper chooses among 2e-3, 5e-4, 1e-4.
        :param condition: the module that computes the conditions, if it has parameters to be trained along
        """
        super().__init__()
        self.dim = dim
        self.num_groups = num_groups
        self.levels = resolve_levels(levels, num_timesteps)
        self.reverse = reverse
        self.process = GaussianDiffusion(num_timesteps=num_timesteps, schedule=schedule)
        # at construction rather than at the first batch: an unknown kind of reverse process is an error
        self.process.grid(self.levels, reverse=reverse)
        self.denoiser = ConditionalDenoiser(
            dim=dim,
            num_timesteps=num_timesteps,
            hidden_dim=hidden_dim,
            num_layers=num_layers,
            prediction=prediction,
        )
        self.target_scale = RunningScale(dim=dim, num_groups=num_groups)
        self.condition_scale = RunningScale(dim=dim, num_groups=num_groups)
        self.condition = condition
        self.set_optimizer(torch.optim.Adam(self.parameters(), lr=float(learning_rate)))

    def _real(self, x: Tensor) -> Tensor:
        """View embeddings as real vectors."""
        if x.is_complex():
            x = torch.view_as_real(x.resolve_conj()).flatten(start_dim=-2)
        if x.shape[0] != self.num_groups or x.shape[-1] != self.dim:
            raise ValueError(
                f"Embeddings of shape {tuple(x.shape)} (complex numbers as two real ones) do not fit: the first "
                f"dimension must be num_groups={self.num_groups}, the last one dim={self.dim}."
            )
        return x

    def similarity(self, samples: Tensor, level: Tensor, targets: Tensor) -> Tensor:
        r"""Compare generated embeddings with those of entities: the dot product with their direction, at unit scale.

        At unit scale, embeddings have zero mean and unit variance: averaged over what is generated, all targets are
        equally similar, and the similarities are about standard normal. The negative distance would prefer targets near
        to the mean whatever was generated, i.e., those that the embedding model knows least about. The similarity is
        discounted by the correlation $\sqrt{\bar\alpha_t}$ of sample and data: the more noise there is in a sample, the
        less it says.

        :param samples: shape: (num_groups, num_columns, num_samples, dim) the generated embeddings
        :param level: shape: (num_columns,) the index of the level at which they were generated
        :param targets: shape: (num_groups, num_targets, dim) the embeddings to compare with

        :returns: shape: (num_groups, num_columns, num_samples, num_targets) the similarities
        """
        samples, targets = (self.target_scale.normalize(self._real(x)) for x in (samples, targets))
        signal = self.process.alphas_cumprod[list(self.levels)].sqrt()[level].view(-1, 1, 1)
        directions = signal * functional.normalize(samples, dim=-1)
        return directions @ targets.transpose(-2, -1).unsqueeze(dim=1)

    def _predict_noise(self, x_t: Tensor, t: Tensor, encoded_condition: Tensor) -> Tensor:
        """Predict the noise in (normalized) embeddings."""
        prediction = self.denoiser.predict(x_t, t, encoded_condition)
        if self.denoiser.prediction == "noise":
            return prediction
        return self.process.velocity_to_noise(x_t, t, prediction)

    def draw(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Draw what the denoising loss needs at random.

        :param x: shape: `(num_groups, *batch_dims, dim)` embeddings, real

        :returns: shape: `(num_groups, *batch_dims)` time steps from $1$ to $T$, and shape:
            `(num_groups, *batch_dims, dim)` noise
        """
        t = torch.randint(1, self.process.num_timesteps + 1, size=x.shape[:-1], device=x.device)
        return t, torch.randn_like(x)

    def loss(
        self,
        target: Tensor,
        condition: Tensor,
        *,
        t: Tensor | None = None,
        noise: Tensor | None = None,
        mask: Tensor | None = None,
        num_existing: Tensor | None = None,
        detach: bool = True,
    ) -> Tensor:
        """Compute the denoising loss (Eq. 11).

        :param target: shape: `(num_groups, *batch_dims, dim)` the embeddings to be generated
        :param condition: shape: `(num_groups, *batch_dims, dim)` their conditions
        :param t: shape: `(num_groups, *batch_dims)` the time steps, at least 1. Drawn uniformly if None.
        :param noise: shape: `(num_groups, *batch_dims, dim)` the noise, real. Drawn if None.
        :param mask: shape: `(num_groups, *batch_dims)` which of the embeddings exist. If None, all do.
        :param num_existing: shape: () by how many embeddings to divide the sum of errors, where some are masked.
            Defaults to those that exist. Of a part of a batch, pass its share of those that exist in the batch: then
            the parts' losses, weighted by their shares, add up to that of the batch.
        :param detach: whether to cut embeddings and conditions off from the graph that they come from

        :returns: shape: () the mean squared error of the predicted noise
        """
        target, condition = self._real(target), self._real(condition)
        if detach:
            target, condition = target.detach(), condition.detach()
        x_0 = self.target_scale.normalize(target)
        condition = self.condition_scale.normalize(condition)
        drawn_t, drawn_noise = self.draw(x_0.detach()) if t is None or noise is None else (t, noise)
        t, noise = drawn_t if t is None else t, drawn_noise if noise is None else noise
        x_t = self.process.q_sample(x_0, t, noise)
        predicted = self._predict_noise(x_t, t, self.denoiser.encode(condition))
        if mask is None:
            return functional.mse_loss(predicted, noise)
        error = (predicted - noise).square().mean(dim=-1)
        total = error.masked_fill(~mask, 0).sum()
        return total / (mask.sum().clamp(min=1) if num_existing is None else num_existing)

    @torch.no_grad()
    def observe(self, target: Tensor, condition: Tensor, mask: Tensor | None = None) -> None:
        """Update the scales.

        :param target: shape: `(num_groups, *batch_dims, dim)` the embeddings to be generated
        :param condition: shape: `(num_groups, *batch_dims, dim)` their conditions
        :param mask: shape: `(num_groups, *batch_dims)` which of the embeddings exist. If None, all do.
        """
        self.target_scale.update(self._real(target), mask)
        self.condition_scale.update(self._real(condition), mask)

    def update(self, target: Tensor, condition: Tensor) -> Tensor:
        """Learn from embeddings: update the scales, then take one step of the optimiser.

        :param target: shape: `(num_groups, *batch_dims, dim)` the embeddings to be generated
        :param condition: shape: `(num_groups, *batch_dims, dim)` their conditions

        :returns: shape: () the loss before the step, detached
        """
        self.observe(target, condition)
        loss = self.loss(target, condition)
        self.optimize(loss)
        return loss.detach()

    @torch.no_grad()
    def generate(self, condition: Tensor, *, x_end: Tensor | None = None) -> Tensor:
        """Generate embeddings at all levels.

        :param condition: shape: `(num_groups, *batch_dims, dim)` the conditions
        :param x_end: shape: `(num_groups, *batch_dims, dim)` the noise $x_T$ to start from, real. Drawn if None.

        :returns: shape: `(num_levels, num_groups, *batch_dims, dim)` the embeddings, hardest level first, at the
            scale and of the dtype of the embeddings that were learned from
        """
        is_complex = condition.is_complex()
        condition = self.condition_scale.normalize(self._real(condition))
        x_end = torch.randn_like(condition) if x_end is None else x_end
        encoded = self.denoiser.encode(condition)
        samples = self.process.sample(
            lambda x_t, t: self._predict_noise(x_t, t, encoded), x_end, levels=self.levels, reverse=self.reverse
        )
        # the levels are one more batch dimension behind the group
        samples = self.target_scale.denormalize(samples.transpose(0, 1)).transpose(0, 1)
        if is_complex:
            samples = torch.view_as_complex(samples.unflatten(-1, (-1, 2)).contiguous())
        # under mixed precision, older PyTorch (2.1) would reuse weights that were cast here, which have no gradients
        torch.clear_autocast_cache()
        return samples
