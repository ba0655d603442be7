"""The forward and the reverse process."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from class_resolver import Hint
from torch import Tensor, nn

from .schedule import Schedule, make_betas
from ..utils.validation import check_choice

__all__ = [
    "GaussianDiffusion",
    "Reverse",
]

#: How to walk back from noise to data: all steps, with new noise in each (``"ddpm"``), or a short deterministic grid
Reverse = Literal["short", "ddpm"]

#: Predicts the noise from noisy embeddings (shape: `(*batch_dims, dim)`) and the time step (shape: ())
NoisePredictor = Callable[[Tensor, Tensor], Tensor]


class GaussianDiffusion(nn.Module):
    r"""The arithmetic of a diffusion process, without the network that predicts the noise.

    Time steps are counted as in the paper, $t = 1, \ldots, T$, and $t = 0$ denotes the data.
    """

    #: The variance of each step, with 0 for t=0, shape: (num_timesteps + 1,)
    betas: Tensor
    #: The share of the data's variance that is left at each step, with 1 for t=0, shape: (num_timesteps + 1,)
    alphas_cumprod: Tensor

    def __init__(self, num_timesteps: int = 50, schedule: Hint[Schedule] = None) -> None:
        """Initialize the process.

        :param num_timesteps: the number of time steps $T$, at least 2
        :param schedule: the noise schedule, or its name, cf. :data:`pykeen_dhns.diffusion.schedule_resolver`

        :raises TypeError: if the number of steps is no integer
        :raises ValueError: if there are fewer than 2 steps, or too many to store, or the schedule is invalid
        """  # noqa: DOC502
        super().__init__()
        betas = make_betas(schedule, num_timesteps)
        self.num_timesteps = len(betas)
        betas = torch.cat([betas.new_zeros(1), betas])
        dtype = torch.get_default_dtype()
        self.register_buffer("betas", betas.to(dtype=dtype), persistent=False)
        self.register_buffer("alphas_cumprod", (1 - betas).cumprod(dim=0).to(dtype=dtype), persistent=False)

    def _signal_and_noise(self, t: Tensor | int) -> tuple[Tensor, Tensor]:
        r"""Return $\sqrt{\bar\alpha_t}$ and $\sqrt{1 - \bar\alpha_t}$, shape: `(*t.shape, 1)`."""
        alphas_cumprod = self.alphas_cumprod[t].unsqueeze(dim=-1)
        return alphas_cumprod.sqrt(), (1 - alphas_cumprod).sqrt()

    def q_sample(self, x_0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Add noise to embeddings: the closed form of the forward process (Eq. 2).

        :param x_0: shape: `(*batch_dims, dim)` the embeddings, of unit scale
        :param t: shape: broadcastable to `batch_dims`, the time steps
        :param noise: shape: `(*batch_dims, dim)` the noise, standard normal

        :returns: shape: `(*batch_dims, dim)` the noisy embeddings
        """
        signal, sigma = self._signal_and_noise(t)
        return signal * x_0 + sigma * noise

    def predict_x_0(self, x_t: Tensor, t: Tensor | int, noise: Tensor) -> Tensor:
        """Invert :meth:`q_sample`, given the noise.

        :param x_t: shape: `(*batch_dims, dim)` the noisy embeddings
        :param t: shape: broadcastable to `batch_dims`, the time steps
        :param noise: shape: `(*batch_dims, dim)` the (predicted) noise

        :returns: shape: `(*batch_dims, dim)` the embeddings
        """
        signal, sigma = self._signal_and_noise(t)
        return (x_t - sigma * noise) / signal

    def velocity_to_noise(self, x_t: Tensor, t: Tensor | int, velocity: Tensor) -> Tensor:
        r"""Compute the noise from the velocity $v = \sqrt{\bar\alpha_t} \epsilon - \sqrt{1 - \bar\alpha_t} x_0$.

        :param x_t: shape: `(*batch_dims, dim)` the noisy embeddings
        :param t: shape: broadcastable to `batch_dims`, the time steps
        :param velocity: shape: `(*batch_dims, dim)` the (predicted) velocity

        :returns: shape: `(*batch_dims, dim)` the (predicted) noise
        """
        signal, sigma = self._signal_and_noise(t)
        return sigma * x_t + signal * velocity

    def p_sample(self, x_t: Tensor, t: int, predicted_noise: Tensor, noise: Tensor | None = None) -> Tensor:
        r"""Take one step of the ancestral reverse process, from $t$ to $t - 1$ (Eq. 3-6).

        .. note::

            The paper's Eq. 4 and 6 print the coefficient of the predicted noise and the standard deviation of the new
            noise differently; this is the posterior of [ho2020]_, which the paper builds on.

        :param x_t: shape: `(*batch_dims, dim)` the noisy embeddings
        :param t: the time step
        :param predicted_noise: shape: `(*batch_dims, dim)` the predicted noise
        :param noise: shape: `(*batch_dims, dim)` the new noise. Drawn if None. The last step adds none.

        :returns: shape: `(*batch_dims, dim)` the embeddings at step $t - 1$
        """
        beta, alphas_cumprod, previous = self.betas[t], self.alphas_cumprod[t], self.alphas_cumprod[t - 1]
        mean = (x_t - beta / (1 - alphas_cumprod).sqrt() * predicted_noise) / (1 - beta).sqrt()
        if t == 1:
            return mean
        std = (beta * (1 - previous) / (1 - alphas_cumprod)).sqrt()
        noise = torch.randn_like(x_t) if noise is None else noise
        return mean + std * noise

    def _half_log_snr(self, t: int) -> Tensor:
        """Return the logarithm of the ratio of signal and noise, shape: ()."""
        return (self.alphas_cumprod[t].log() - (1 - self.alphas_cumprod[t]).log()) / 2

    def jump(self, x_t: Tensor, t: int, s: int, x_0: Tensor, previous: tuple[Tensor, int] | None = None) -> Tensor:
        """Jump from one time step to an earlier one, without new noise.

        This is a step of the second-order multistep solver of [lu2022]_, which extrapolates from the prediction of the
        jump before. Without such a prediction, the step is of first order, i.e., DDIM [song2021]_.

        :param x_t: shape: `(*batch_dims, dim)` the noisy embeddings
        :param t: the time step
        :param s: the time step to go to, less than ``t``, at least 1
        :param x_0: shape: `(*batch_dims, dim)` the embeddings that are predicted at step ``t``
        :param previous: those that were predicted before, shape: `(*batch_dims, dim)`, and their time step

        :returns: shape: `(*batch_dims, dim)` the embeddings at step ``s``
        """
        now = self._half_log_snr(t)
        step = self._half_log_snr(s) - now
        if previous is not None:
            x_0_before, before = previous
            x_0 = x_0 + (x_0 - x_0_before) * (step / (now - self._half_log_snr(before)) / 2)
        signal, sigma = self._signal_and_noise(s)
        return sigma / self._signal_and_noise(t)[1] * x_t - signal * torch.expm1(-step) * x_0

    def grid(self, levels: Sequence[int], reverse: Reverse = "short") -> tuple[int, ...]:
        """Return the time steps that the reverse process visits.

        :param levels: the time steps at which samples are wanted
        :param reverse: all steps (``"ddpm"``), or the levels, with steps in between where a gap is wider than a quarter
            of the time (``"short"``)

        :returns: the time steps in descending order, from $T$ to the smallest level

        :raises ValueError: if the kind of reverse process is unknown
        """  # noqa: DOC502
        check_choice("reverse", reverse, get_args(Reverse))
        if reverse == "ddpm":
            return tuple(range(self.num_timesteps, min(levels) - 1, -1))
        max_jump = math.ceil(self.num_timesteps / 4)
        stops = sorted({self.num_timesteps, *levels}, reverse=True)
        result = [stops[0]]
        for start, stop in itertools.pairwise(stops):
            num = math.ceil((start - stop) / max_jump)
            result += [start + round((stop - start) * i / num) for i in range(1, num + 1)]
        return tuple(result)

    def sample(
        self, predict_noise: NoisePredictor, x_end: Tensor, levels: Sequence[int], reverse: Reverse = "short"
    ) -> Tensor:
        """Run the reverse process once, and keep the samples at each level.

        :param predict_noise: the noise predictor
        :param x_end: shape: `(*batch_dims, dim)` pure noise, to start from
        :param levels: the time steps at which to keep the samples, in any order, possibly repeated
        :param reverse: the kind of reverse process

        :returns: shape: `(num_levels, *batch_dims, dim)` the samples, in the order of the levels
        """
        steps = self.grid(levels, reverse=reverse)
        x = x_end
        kept = {steps[0]: x}
        previous = None
        for t, s in itertools.pairwise(steps):
            noise = predict_noise(x, torch.as_tensor(t, device=x.device))
            if reverse == "ddpm":
                x = self.p_sample(x, t, noise)
            else:
                x_0 = self.predict_x_0(x, t, noise)
                x = self.jump(x, t, s, x_0, previous)
                previous = x_0, t
            if s in levels:
                kept[s] = x
        return torch.stack([kept[level] for level in levels])
