r"""Noise schedules: the variances $\beta_1, \ldots, \beta_T$ that the forward process adds step by step.

.. note::

    The paper writes $\alpha_t$ for what the diffusion literature calls $\beta_t$, and the other way round. Here,
    $\beta_t$ is the variance of step $t$, $\alpha_t = 1 - \beta_t$ and $\bar\alpha_t = \prod_{i \le t} \alpha_i$.
"""

import math
from collections.abc import Callable

import torch
from class_resolver import FunctionResolver
from torch import Tensor

__all__ = [
    "cosine",
    "linear",
    "schedule_resolver",
    "unscaled",
]

#: No single step may remove everything: $\alpha_t = 0$ would divide by zero in the reverse process.
MAX_BETA = 0.999


def linear(num_timesteps: int) -> Tensor:
    """Create the linear schedule of [ho2020]_, scaled so that any number of steps ends in noise.

    The published range is meant for 1,000 steps. With fewer, each step has to add proportionally more.

    :param num_timesteps: the number of steps $T$

    :returns: shape: (num_timesteps,) the variances, float64
    """
    scale = 1000 / num_timesteps
    return torch.linspace(scale * 1e-4, scale * 2e-2, num_timesteps, dtype=torch.float64).clamp(max=MAX_BETA)


def cosine(num_timesteps: int) -> Tensor:
    r"""Create the cosine schedule of [nichol2021]_, in which $\bar\alpha_t$ follows a squared cosine.

    :param num_timesteps: the number of steps $T$

    :returns: shape: (num_timesteps,) the variances, float64
    """
    offset = 0.008
    time = torch.arange(num_timesteps + 1, dtype=torch.float64) / num_timesteps
    alphas_cumprod = torch.cos((time + offset) / (1 + offset) * math.pi / 2) ** 2
    return (1 - alphas_cumprod[1:] / alphas_cumprod[:-1]).clamp(max=MAX_BETA)


def unscaled(num_timesteps: int) -> Tensor:
    r"""Create the linear schedule for 1,000 steps, whatever the number of steps.

    For comparison with published code only. With $T = 50$, $\bar\alpha_T$ is still 0.6, so the reverse process starts
    from a distribution that the denoiser has never seen.

    :param num_timesteps: the number of steps $T$

    :returns: shape: (num_timesteps,) the variances, float64
    """
    return torch.linspace(1e-4, 2e-2, num_timesteps, dtype=torch.float64)


Schedule = Callable[[int], Tensor]

#: A resolver for noise schedules
schedule_resolver: FunctionResolver[[int], Tensor] = FunctionResolver([linear, cosine, unscaled], default=linear)
