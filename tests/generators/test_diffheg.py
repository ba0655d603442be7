"""Tests for the diffusion model. What it has in common with other generators is in ``test_contract.py``."""

import pytest
import torch
from torch import Tensor

from pykeen_dhns import DiffHEG
from pykeen_dhns.diffusion import Prediction, Reverse


def planted(num: int, dim: int = 8, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    """Create targets that are a fixed rotation of their conditions, up to noise, at a small scale."""
    generator = torch.Generator().manual_seed(0)
    rotation = torch.linalg.qr(torch.randn(dim, dim, generator=generator)).Q
    condition = torch.randn(1, num, dim, generator=generator)
    target = condition @ rotation + noise * torch.randn(1, num, dim, generator=generator)
    return 0.05 * target + 0.3, condition


@pytest.mark.parametrize("prediction", ["velocity", "noise"])
def test_loss_by_hand(prediction: Prediction) -> None:
    """The loss is the mean squared error of the predicted noise, at the given time and noise."""
    diffheg = DiffHEG(dim=4, num_timesteps=10, prediction=prediction)
    target, condition, noise = torch.randn(3, 1, 5, 4)
    t = torch.randint(1, 11, size=(1, 5))
    x_t = diffheg.process.q_sample(target, t, noise)
    predicted = diffheg.denoiser(x_t, t, condition)
    if prediction == "velocity":
        alphas_cumprod = diffheg.process.alphas_cumprod[t].unsqueeze(dim=-1)
        predicted = (1 - alphas_cumprod).sqrt() * x_t + alphas_cumprod.sqrt() * predicted
    expected = (predicted - noise).square().mean()
    torch.testing.assert_close(diffheg.loss(target, condition, t=t, noise=noise), expected)


def test_masked_loss() -> None:
    """What is masked does not count, whatever it is: the loss is that of the rest."""
    diffheg = DiffHEG(dim=4, num_timesteps=10)
    target, condition, noise = torch.randn(3, 1, 6, 4)
    t, keep = torch.randint(1, 11, size=(1, 6)), torch.tensor([True, False, True, True, False, True])
    expected = diffheg.loss(target[:, keep], condition[:, keep], t=t[:, keep], noise=noise[:, keep])
    target[:, ~keep] = 100.0
    torch.testing.assert_close(diffheg.loss(target, condition, t=t, noise=noise, mask=keep.unsqueeze(dim=0)), expected)


@pytest.mark.parametrize("reverse", ["short", "ddpm"])
def test_learns_planted_structure(reverse: Reverse) -> None:
    """Trained, it generates embeddings near the target, at its scale, the nearer the harder the level."""
    torch.manual_seed(0)
    target, condition = planted(512)
    diffheg = DiffHEG(dim=8, reverse=reverse, learning_rate=5e-3)
    for _ in range(800):
        diffheg.update(target, condition)
    generated = diffheg.generate(condition)
    error = (generated - target).norm(dim=-1).mean(dim=(1, 2))
    # levels differ in the noise that is left
    assert error.diff().gt(0).all()
    # what a generator would do that only knows the marginal distribution
    chance = (target - target[:, torch.randperm(512)]).norm(dim=-1).mean()
    assert error[0] < 0.35 * chance
    assert error[-1] > 0.5 * chance
    shift = (generated[0] - target).mean(dim=(0, 1)) / target.std(dim=(0, 1))
    torch.testing.assert_close(shift, torch.zeros(8), atol=0.1, rtol=0)
    torch.testing.assert_close(generated[0].std(dim=(0, 1)), target.std(dim=(0, 1)), atol=0, rtol=0.1)


def test_layer_norm_at_the_end_spoils_samples() -> None:
    """The denoiser as printed in the paper (Eq. 10) leads to samples far off the scale of the embeddings."""
    torch.manual_seed(0)
    target, condition = planted(512)
    spread = {}
    for prediction in ("velocity", "noise"):
        diffheg = DiffHEG(dim=8, prediction=prediction, learning_rate=5e-3)
        for _ in range(300):
            diffheg.update(target, condition)
        spread[prediction] = (diffheg.generate(condition)[0].std() / target.std()).item()
    assert spread["velocity"] == pytest.approx(1, abs=0.1)
    assert spread["noise"] > 10


def test_short_grid_is_as_good_as_the_chain() -> None:
    """Both reverse processes generate samples of almost the same spread, over all and for each condition."""
    torch.manual_seed(0)
    target, condition = planted(256, noise=0.5)
    diffheg = DiffHEG(dim=8, learning_rate=5e-3)
    for _ in range(500):
        diffheg.update(target, condition)
    samples = {}
    for reverse in ("short", "ddpm"):
        diffheg.reverse = reverse
        samples[reverse] = torch.stack([diffheg.generate(condition) for _ in range(20)]).squeeze(dim=2)
        # at unit scale, noisy data has unit variance at each level, whatever the noise
        samples[reverse] = (samples[reverse] - target.mean(dim=(0, 1))) / target.std(dim=(0, 1))
    for center in (0, samples["ddpm"].mean(dim=0)):
        short, ddpm = ((samples[key] - center).square().mean(dim=(0, 2, 3)).sqrt() for key in ("short", "ddpm"))
        # steps of first order are off by more, and so is a grid of the levels only
        torch.testing.assert_close(short, ddpm, atol=0.09, rtol=0)
        if isinstance(center, int):
            torch.testing.assert_close(ddpm, torch.ones(4), atol=0.1, rtol=0)


def test_golden_values() -> None:
    """From the same seed, losses and generated embeddings are what they have always been."""
    torch.manual_seed(0)
    diffheg = DiffHEG(dim=4, num_groups=2, num_timesteps=20)
    target, condition = torch.randn(2, 2, 16, 4)
    losses = [float(diffheg.update(target, condition) or 0) for _ in range(3)]
    assert losses == pytest.approx([0.27056, 0.65184, 0.37682], rel=1e-4)
    generated = diffheg.generate(condition)
    expected = torch.as_tensor([[-0.72223, 2.68684, -1.77334, -0.86355], [-0.47365, 2.41026, -1.54305, -0.91893]])
    torch.testing.assert_close(generated[:2, 0, 0], expected, rtol=1e-4, atol=1e-4)
