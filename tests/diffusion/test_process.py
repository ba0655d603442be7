"""Tests for the forward and reverse process."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from pykeen_dhns.diffusion import GaussianDiffusion, Levels, Reverse

#: The data of most tests here: a normal distribution, for which the optimal noise predictor is known
MEAN, STD = 1.5, 0.5


def optimal_noise(process: GaussianDiffusion, x_t: Tensor, t: Tensor) -> Tensor:
    """Predict the expected noise, given noisy samples of the normal distribution."""
    alphas_cumprod = process.alphas_cumprod[t]
    variance = alphas_cumprod * STD**2 + 1 - alphas_cumprod
    return (1 - alphas_cumprod).sqrt() * (x_t - alphas_cumprod.sqrt() * MEAN) / variance


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_exact_noise_gives_back_data(dtype: torch.dtype) -> None:
    """With the exact noise, the data can be recovered from any step but the last ones, where nothing is left of it."""
    process = GaussianDiffusion(num_timesteps=50).to(dtype=dtype)
    x_0, noise = torch.randn(2, 45, 3, 8, dtype=dtype)
    t = torch.arange(1, 46).unsqueeze(dim=-1)
    x_t = process.q_sample(x_0, t, noise)
    assert x_t.dtype == dtype
    torch.testing.assert_close(process.predict_x_0(x_t, t, noise), x_0, atol=1e-3, rtol=1e-3)


def test_q_sample_by_hand() -> None:
    """The closed form, computed independently, of the step-wise process in Eq. 1."""
    process = GaussianDiffusion(num_timesteps=3)
    betas = process.betas[1:].tolist()
    signal = math.prod(math.sqrt(1 - beta) for beta in betas[:2])
    sigma = math.sqrt((1 - betas[1]) * betas[0] + betas[1])
    result = process.q_sample(torch.ones(1), torch.as_tensor(2), torch.full((1,), 3.0))
    assert result.item() == pytest.approx(signal + 3 * sigma, rel=1e-5)


def test_velocity() -> None:
    """The noise can be computed from the velocity, at each step."""
    process = GaussianDiffusion(num_timesteps=20)
    x_0, noise = torch.randn(2, 20, 3, 8)
    t = torch.arange(1, 21).unsqueeze(dim=-1)
    alphas_cumprod = process.alphas_cumprod[t].unsqueeze(dim=-1)
    velocity = alphas_cumprod.sqrt() * noise - (1 - alphas_cumprod).sqrt() * x_0
    torch.testing.assert_close(process.velocity_to_noise(process.q_sample(x_0, t, noise), t, velocity), noise)


def test_time_zero_is_data() -> None:
    """At time 0, there is no noise."""
    x = torch.randn(4, 3)
    torch.testing.assert_close(GaussianDiffusion().q_sample(x, torch.as_tensor(0), torch.randn(4, 3)), x)


@pytest.mark.parametrize("num_timesteps", [20, 50, 100])
def test_short_grid_is_almost_exact(num_timesteps: int) -> None:
    """With the optimal noise predictor, samples are where the exact solution without new noise leads.

    For normally distributed data, this only shifts and scales. Steps of first order are off by 0.25 and more, and so is
    a grid of the levels only.
    """
    process = GaussianDiffusion(num_timesteps=num_timesteps)
    levels = Levels().time_steps(num_timesteps)
    x_end = torch.tensor([[-2.0], [0.0], [1.0], [3.0]])
    samples = process.sample(lambda x_t, t: optimal_noise(process, x_t, t), x_end, levels, reverse="short")
    alphas_cumprod = process.alphas_cumprod[[num_timesteps, *levels]].view(-1, 1, 1)
    mean, std = MEAN * alphas_cumprod.sqrt(), (alphas_cumprod * STD**2 + 1 - alphas_cumprod).sqrt()
    exact = mean[1:] + std[1:] * (x_end - mean[0]) / std[0]
    torch.testing.assert_close(samples, exact, atol=0.12, rtol=0)


def test_chain_has_right_distribution() -> None:
    """With the optimal noise predictor, samples of the chain have almost the moments of noisy data at each level."""
    torch.manual_seed(0)
    process = GaussianDiffusion(num_timesteps=1000)
    levels = Levels().time_steps(1000)
    samples = process.sample(
        lambda x_t, t: optimal_noise(process, x_t, t), torch.randn(20_000, 1), levels, reverse="ddpm"
    )
    assert samples.shape == (4, 20_000, 1)
    alphas_cumprod = process.alphas_cumprod[list(levels)]
    std = (alphas_cumprod * STD**2 + 1 - alphas_cumprod).sqrt()
    torch.testing.assert_close(samples.mean(dim=(1, 2)), MEAN * alphas_cumprod.sqrt(), atol=0.03, rtol=0)
    # the fewer steps, the narrower the samples
    torch.testing.assert_close(samples.std(dim=(1, 2)), std, atol=0, rtol=0.03)


@pytest.mark.parametrize("levels", [(1,), (5, 5, 10), (50, 2), (1, 2, 4, 10)])
@pytest.mark.parametrize("reverse", ["short", "ddpm"])
def test_levels(levels: Sequence[int], reverse: Reverse) -> None:
    """Levels may be repeated, in any order, and include the start."""
    process = GaussianDiffusion(num_timesteps=50)
    noise = torch.randn(3, 2)
    samples = process.sample(lambda x_t, _: torch.zeros_like(x_t), noise, levels, reverse=reverse)
    assert samples.shape == (len(levels), 3, 2)
    for sample, level in zip(samples, levels, strict=True):
        if level == 50:
            torch.testing.assert_close(sample, noise)
        torch.testing.assert_close(sample, samples[levels.index(level)])


@pytest.mark.parametrize("num_timesteps", [2, 20, 50, 70, 100, 1000])
def test_short_grid(num_timesteps: int) -> None:
    """The short grid starts with noise, contains the levels, and is short."""
    process = GaussianDiffusion(num_timesteps=num_timesteps)
    levels = {max(1, num_timesteps // k) for k in (20, 10, 5, 2)}
    grid = process.grid(sorted(levels))
    assert grid[0] == num_timesteps
    assert grid[-1] == min(levels)
    assert levels.issubset(grid)
    assert list(grid) == sorted(set(grid), reverse=True)
    assert len(grid) - 1 <= 8


def test_full_grid() -> None:
    """The full grid takes every step."""
    assert GaussianDiffusion(num_timesteps=5).grid([2], reverse="ddpm") == (5, 4, 3, 2)


def test_unknown_schedule() -> None:
    """The resolver's error names the alternatives."""
    with pytest.raises(ValueError, match=r"schedule='quadratic'.*cosine.*linear"):
        GaussianDiffusion(schedule="quadratic")


def test_last_step_adds_no_noise() -> None:
    """The step to the data is deterministic, the others are not."""
    process = GaussianDiffusion(num_timesteps=10)
    x, noise = torch.randn(2, 5, 3)
    torch.testing.assert_close(process.p_sample(x, 1, noise), process.p_sample(x, 1, noise))
    assert not process.p_sample(x, 2, noise).equal(process.p_sample(x, 2, noise))


def test_golden_reverse_step() -> None:
    """One ancestral step, against the posterior of x_{t-1} given x_t and x_0 in its textbook form."""
    process = GaussianDiffusion(num_timesteps=20).to(dtype=torch.float64)
    t = 7
    x_t, predicted, noise = torch.randn(3, 4, 5, dtype=torch.float64)
    beta, now, before = process.betas[t], process.alphas_cumprod[t], process.alphas_cumprod[t - 1]
    x_0 = (x_t - (1 - now).sqrt() * predicted) / now.sqrt()
    mean = before.sqrt() * beta / (1 - now) * x_0 + (1 - beta).sqrt() * (1 - before) / (1 - now) * x_t
    expected = mean + (beta * (1 - before) / (1 - now)).sqrt() * noise
    # buffers are computed in single precision
    torch.testing.assert_close(process.p_sample(x_t, t, predicted, noise=noise), expected, atol=1e-5, rtol=1e-5)
