"""Tests for running scales."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pykeen_dhns.diffusion import NonFiniteEmbeddingsError, RunningScale


def test_first_batch_counts_in_full() -> None:
    """After a single batch, it is standardised exactly, for each group on its own."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 64, 5, 3, generator=generator) * 0.05 + torch.as_tensor([1.0, -7.0]).view(2, 1, 1, 1)
    scale = RunningScale(dim=3, num_groups=2)
    scale.update(x)
    z = scale.normalize(x).flatten(start_dim=1, end_dim=-2)
    torch.testing.assert_close(z.mean(dim=1), torch.zeros(2, 3), atol=1e-3, rtol=0)
    torch.testing.assert_close(z.std(dim=1), torch.ones(2, 3), atol=1e-2, rtol=0)
    torch.testing.assert_close(scale.denormalize(scale.normalize(x)), x)


def test_mask() -> None:
    """What is masked does not count, whatever it is, and a group without anything keeps its statistics."""
    x, mask = torch.randn(2, 9, 3), torch.zeros(2, 9, dtype=torch.bool)
    mask[0, 1::2] = True
    expected, scale = RunningScale(dim=3), RunningScale(dim=3, num_groups=2)
    initial = {name: value.clone() for name, value in scale.state_dict().items()}
    expected.update(x[:1, 1::2])
    x[~mask] = torch.nan
    scale.update(x, mask)
    for name, value in scale.state_dict().items():
        torch.testing.assert_close(value[:1], expected.state_dict()[name])
        assert value[1].equal(initial[name][1])


def test_follows_moving_embeddings() -> None:
    """Old batches are forgotten."""
    generator = torch.Generator().manual_seed(0)
    scale = RunningScale(dim=2, momentum=0.1)
    for factor in [1.0] * 100 + [5.0] * 100:
        scale.update(factor * torch.randn(1, 256, 2, generator=generator))
    std = scale.denormalize(torch.ones(1, 1, 2)) - scale.denormalize(torch.zeros(1, 1, 2))
    torch.testing.assert_close(std, torch.full((1, 1, 2), 5.0), atol=0.3, rtol=0)


def test_identity_before_first_update() -> None:
    """Without statistics, nothing changes."""
    x = torch.randn(1, 4, 3)
    scale = RunningScale(dim=3)
    torch.testing.assert_close(scale.normalize(x), x)
    torch.testing.assert_close(scale.denormalize(x), x)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("dtype", "mean"),
    [(torch.float16, 3.0), (torch.bfloat16, 3.0), (torch.float32, 100.0), (torch.float32, -3e3), (torch.float64, 1e6)],
)
def test_large_mean(dtype: torch.dtype, mean: float, masked: bool) -> None:
    """A small spread around a large mean is found, from each batch and from several."""
    x = (mean + 0.05 * torch.randn(5, 1, 4096, 2, dtype=torch.float64)).to(dtype=dtype)
    scale = RunningScale(dim=2).to(dtype=torch.promote_types(dtype, torch.float32))
    for batch in x:
        scale.update(batch, torch.arange(4096).unsqueeze(dim=0) < 4000 if masked else None)
        z = scale.normalize(batch).double()
        torch.testing.assert_close(z.std(dim=1), torch.ones(1, 2).double(), rtol=0.05, atol=0)
        torch.testing.assert_close(z.mean(dim=1), torch.zeros(1, 2).double(), atol=0.1, rtol=0)


def test_moments_by_hand() -> None:
    """They are those of a mixture of batches, each of which has decayed since it came."""
    batches = [torch.randn(1, size, 2).double() * size + size for size in (5, 50, 3)]
    scale = RunningScale(dim=2, momentum=0.2).double()
    for batch in batches:
        scale.update(batch)
    weights = torch.tensor([0.8**2, 0.8, 1.0]).double()
    first, second = (
        sum(w * (batch**power).mean(dim=1) for w, batch in zip(weights, batches, strict=True)) / weights.sum()
        for power in (1, 2)
    )
    torch.testing.assert_close(scale.mean, first)
    torch.testing.assert_close(scale.variance, second - first.square())


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 1e25])
@pytest.mark.parametrize("masked", [False, True])
def test_not_finite(value: float, masked: bool) -> None:
    """NaN, infinity, and what is too large to be squared are refused, and change nothing."""
    scale = RunningScale(dim=2)
    scale.update(torch.randn(1, 8, 2))
    before = {name: x.clone() for name, x in scale.state_dict().items()}
    bad = torch.randn(1, 8, 2)
    bad[0, 3, 1] = value
    with pytest.raises(NonFiniteEmbeddingsError, match="infinite or NaN, or too large to be squared"):
        scale.update(bad, torch.ones(1, 8, dtype=torch.bool) if masked else None)
    torch.testing.assert_close(scale.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("masked", [False, True])
def test_empty(masked: bool) -> None:
    """An empty batch changes nothing."""
    scale = RunningScale(dim=2)
    scale.update(torch.randn(1, 8, 2))
    before = {name: x.clone() for name, x in scale.state_dict().items()}
    scale.update(torch.empty(1, 0, 2), torch.ones(1, 0, dtype=torch.bool) if masked else None)
    torch.testing.assert_close(scale.state_dict(), before, rtol=0, atol=0)


def test_constant_dimension() -> None:
    """A dimension without any spread is no division by zero."""
    scale = RunningScale(dim=2)
    scale.update(torch.ones(1, 8, 2))
    assert scale.normalize(torch.ones(1, 8, 2)).isfinite().all()


def test_state_dict() -> None:
    """The statistics are part of the state."""
    scale, other = RunningScale(dim=2), RunningScale(dim=2)
    scale.update(torch.randn(1, 8, 2) + 3)
    other.load_state_dict(scale.state_dict())
    x = torch.randn(1, 4, 2)
    torch.testing.assert_close(other.normalize(x), scale.normalize(x))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mean", [0, 1000])
def test_several_processes(mean: float, masked: bool) -> None:
    """What several processes observe counts as if one had, however it is distributed."""
    x = mean + torch.randn(2, 9, 3)
    # the second group has nothing in the first share
    mask = torch.stack([torch.arange(9) != 3, torch.arange(9) > 6]) if masked else None
    one, parts = RunningScale(dim=3, num_groups=2), (slice(0, 5), slice(5, 9))
    one.update(x, mask)
    seen: list[Tensor] = []

    def update(part: slice, sum_over_processes: Callable[[Tensor], Tensor]) -> RunningScale:
        scale = RunningScale(dim=3, num_groups=2)
        scale.sum_over_processes = sum_over_processes
        scale.update(x[:, part], None if mask is None else mask[:, part])
        return scale

    def remember(sums: Tensor) -> Tensor:
        seen.append(sums)
        return sums

    for part in parts:
        update(part, remember)
    for part in parts:
        scale = update(part, lambda _: seen[0] + seen[1])
        torch.testing.assert_close(scale.state_dict(), one.state_dict(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_mixed_precision(masked: bool) -> None:
    """The statistics are computed in their own precision, whatever the embeddings were computed in."""
    x = 5 + 0.05 * torch.randn(1, 500, 3)
    mask = torch.arange(500).unsqueeze(dim=0) < 400 if masked else None
    expected, scale = RunningScale(dim=3), RunningScale(dim=3)
    expected.update(x, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scale.update(x, mask)
        scale.update(x.bfloat16(), mask)
    expected.update(x.bfloat16().float(), mask)
    torch.testing.assert_close(scale.state_dict(), expected.state_dict())
