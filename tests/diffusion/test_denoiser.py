"""Tests for the denoiser."""

import math

import pytest
import torch

from pykeen_dhns.diffusion import ConditionalDenoiser, SinusoidalTimeEmbedding


def test_time_embedding_by_hand() -> None:
    """The formula below Eq. 9."""
    embedding = SinusoidalTimeEmbedding(num_timesteps=10, dim=4)
    expected = [math.sin(7), math.cos(7), math.sin(7 / 1000 ** (2 / 4)), math.cos(7 / 1000 ** (2 / 4))]
    torch.testing.assert_close(embedding(torch.as_tensor(7)), torch.as_tensor(expected))


@pytest.mark.parametrize("batch_dims", [(), (5,), (2, 3, 4)])
def test_shapes(batch_dims: tuple[int, ...]) -> None:
    """Any batch dimensions, with one time step each, or one for all."""
    denoiser = ConditionalDenoiser(dim=6, num_timesteps=10)
    x, condition = torch.randn(2, *batch_dims, 6)
    for t in (torch.randint(11, size=batch_dims), torch.as_tensor(3)):
        assert denoiser(x, t, condition).shape == (*batch_dims, 6)


def test_all_inputs_matter() -> None:
    """The prediction depends on embedding, time, and condition."""
    denoiser = ConditionalDenoiser(dim=6, num_timesteps=10)
    x, condition, other = torch.randn(3, 1, 6)
    t = torch.as_tensor(3)
    prediction = denoiser(x, t, condition)
    assert not prediction.allclose(denoiser(other, t, condition))
    assert not prediction.allclose(denoiser(x, t + 1, condition))
    assert not prediction.allclose(denoiser(x, t, other))
