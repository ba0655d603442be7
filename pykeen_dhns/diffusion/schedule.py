r"""Noise schedules: the variances $\beta_1, \ldots, \beta_T$ that the forward process adds step by step.

.. note::

    The paper writes $\alpha_t$ for what the diffusion literature calls $\beta_t$, and the other way round. Here,
    $\beta_t$ is the variance of step $t$, $\alpha_t = 1 - \beta_t$ and $\bar\alpha_t = \prod_{i \le t} \alpha_i$.
"""

import math
from collections.abc import Callable

import torch
from class_resolver import FunctionResolver, Hint
from torch import Tensor

from ..utils.validation import check_integer, show

__all__ = [
    "cosine",
    "linear",
    "make_betas",
    "schedule_resolver",
    "unscaled",
]

#: No single step may remove everything: $\alpha_t = 0$ would divide by zero in the reverse process.
MAX_BETA = 0.999
#: The largest number of time steps. The paper has up to 100, and image models 1,000.
MAX_TIMESTEPS = 100_000


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


def make_betas(schedule: Hint[Schedule], num_timesteps: int) -> Tensor:
    """Compute the variances of a schedule, and check them.

    :param schedule: the schedule, or its name
    :param num_timesteps: the number of steps $T$

    :returns: shape: (num_timesteps,) the variances, float64

    :raises TypeError: if the number is no integer, or the schedule is neither a function nor a name, or does not return
        a tensor
    :raises ValueError: if there are fewer than 2 steps, or too many to store, the name is unknown, or the tensor has
        another shape, or variances outside of (0, 1)
    """
    check_integer("num_timesteps", num_timesteps, minimum=2, maximum=MAX_TIMESTEPS)
    num_timesteps = int(num_timesteps)
    if schedule is not None and not isinstance(schedule, str) and not callable(schedule):
        raise TypeError(f"schedule={show(schedule)} must be a function, or one of {sorted(schedule_resolver.options)}.")
    try:
        function = schedule_resolver.lookup(schedule)
    except KeyError:
        names = sorted(schedule_resolver.options)
        raise ValueError(f"schedule={show(schedule)} is unknown: it must be a function, or one of {names}.") from None
    betas = function(num_timesteps)
    if not isinstance(betas, Tensor):
        raise TypeError(f"schedule={show(schedule)} returns a {type(betas).__name__}: it must return a tensor.")
    if betas.shape != (num_timesteps,):
        raise ValueError(
            f"schedule={show(schedule)} returns a tensor of shape {tuple(betas.shape)}: it must be ({num_timesteps},), "
            "with the variance of each time step."
        )
    # written so that NaN fails, too
    if not ((betas > 0) & (betas < 1)).all():
        raise ValueError(f"schedule={show(schedule)} returns {show(betas.tolist())}: all variances must be in (0, 1).")
    return betas.detach().double()
