"""Tests for noise schedules."""

import pytest
import torch

from pykeen_dhns.diffusion import schedule_resolver
from pykeen_dhns.diffusion.schedule import linear, unscaled


@pytest.mark.parametrize("num_timesteps", [2, 3, 20, 50, 70, 100, 1000])
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_ends_in_noise(schedule: str, num_timesteps: int) -> None:
    """Almost nothing of the data is left after the last step, since sampling starts from pure noise."""
    betas = schedule_resolver.lookup(schedule)(num_timesteps)
    assert betas.shape == (num_timesteps,)
    assert betas.dtype == torch.float64
    assert ((betas > 0) & (betas < 1)).all()
    assert (1 - betas).prod() < 0.01


def test_unscaled_does_not_end_in_noise() -> None:
    """The schedule of published code keeps more than half of the data's variance."""
    assert (1 - unscaled(50)).prod().item() == pytest.approx(0.603, abs=1e-3)


def test_scaling_is_exact_for_thousand_steps() -> None:
    """With 1,000 steps, there is nothing to scale."""
    torch.testing.assert_close(linear(1000), unscaled(1000))


def test_default() -> None:
    """The default is the scaled linear schedule."""
    assert schedule_resolver.lookup(None) is linear
