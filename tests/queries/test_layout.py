"""Tests for representations of several parts."""

import pytest
import torch

from pykeen_dhns.queries.layout import VectorLayout


@pytest.mark.parametrize("batch_dims", [(), (5,), (2, 3)])
def test_round_trip(batch_dims: tuple[int, ...]) -> None:
    """Parts are flattened, maybe padded, and split again."""
    layout = VectorLayout(shapes=((4,), (2, 3), (), (2,)), is_complex=(False, False, False, True))
    assert layout.dim == 4 + 6 + 1 + 4
    parts = [torch.randn((*batch_dims, *shape)) for shape in layout.shapes[:3]]
    parts.append(torch.randn(*batch_dims, 2, dtype=torch.complex64).conj())
    for dim in (None, layout.dim, 20):
        x = layout.flatten(parts, dim=dim)
        assert x.shape == (*batch_dims, dim or layout.dim)
        for part, again in zip(parts, layout.unflatten(x), strict=True):
            assert again.dtype == part.dtype
            torch.testing.assert_close(again, part.resolve_conj())
    assert not layout.flatten(parts, dim=20)[..., layout.dim :].any()
