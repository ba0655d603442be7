"""Tests for tensors as real vectors."""

import pytest
import torch

from pykeen_dhns.utils.real_vectors import from_real_vector, to_real_vector


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
@pytest.mark.parametrize("batch_dims", [(), (5,), (0, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex128])
def test_round_trip(shape: tuple[int, ...], batch_dims: tuple[int, ...], dtype: torch.dtype) -> None:
    """Tensors become real vectors, and tensors again."""
    x = torch.randn((*batch_dims, *shape), dtype=dtype).conj()
    vector = to_real_vector(x, num_batch_dims=len(batch_dims))
    assert vector.shape == (*batch_dims, torch.Size(shape).numel() * (2 if x.is_complex() else 1))
    again = from_real_vector(vector, shape=shape, is_complex=x.is_complex())
    assert again.dtype == dtype
    assert torch.equal(again, x)


def test_alignment() -> None:
    """Complex tensors may begin anywhere in memory."""
    x = torch.arange(5.0)[1:]
    assert from_real_vector(x, shape=(2,), is_complex=True).tolist() == [1 + 2j, 3 + 4j]
