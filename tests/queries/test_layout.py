"""Tests for how representations form one real vector."""

import pytest
import torch

from pykeen_dhns.queries.layout import VectorLayout


@pytest.mark.parametrize("dim", [None, 15, 20])
def test_round_trip(dim: int | None) -> None:
    """Representations become one vector, maybe with zeros at its end, and representations again."""
    layout = VectorLayout(shapes=((4,), (2, 3), (), (2,)), is_complex=(False, False, False, True))
    assert layout.dim == 4 + 6 + 1 + 4
    representations = [torch.randn(5, *shape) for shape in layout.shapes[:3]]
    representations.append(torch.randn(5, 2, dtype=torch.complex64))
    x = layout.flatten(representations, dim=dim)
    assert x.shape == (5, dim or layout.dim)
    assert not x[:, layout.dim :].any()
    for actual, expected in zip(layout.unflatten(x), representations, strict=True):
        torch.testing.assert_close(actual, expected, rtol=0, atol=0)
