"""Tests for features as a representation, and for their projection."""

import pytest
import torch
from torch import Tensor

from pykeen_dhns.multimodal.feature_representation import FeatureRepresentation, Projection

from .small import MAX_ID, make_features

SHAPES = [((), False), ((4,), False), ((4, 2), False), ((4,), True), ((2, 3), True)]


def test_standardization() -> None:
    """Features are centred over those entities that have them, and scaled as a whole."""
    features = make_features()
    features[:, 0] *= 10
    representation = FeatureRepresentation(features, max_id=MAX_ID)
    x = representation(None)
    present = representation.mask
    torch.testing.assert_close(x[present].mean(dim=0), torch.zeros(5), atol=1e-4, rtol=0)
    assert float(x[present].var(dim=0, correction=0).mean()) == pytest.approx(1)
    # relative differences are kept
    torch.testing.assert_close(
        x[0] - x[1], (features[0] - features[1]) * ((x[0] - x[2]) / (features[0] - features[2]))[1]
    )
    assert not x[~present].any()
    assert not list(representation.parameters())
    assert torch.equal(representation(torch.tensor([[2, 2]])), x[[2, 2]].unsqueeze(dim=0))


@pytest.mark.parametrize("features", [torch.full((MAX_ID, 3), 5.0), make_features(missing=tuple(range(1, MAX_ID)))])
def test_constant_features(features: Tensor) -> None:
    """Features that tell nothing become zero."""
    assert not FeatureRepresentation(features)(None).any()


@pytest.mark.parametrize("input_is_complex", [False, True])
@pytest.mark.parametrize(("shape", "is_complex"), SHAPES)
def test_projection(shape: tuple[int, ...], is_complex: bool, input_is_complex: bool) -> None:
    """A projection maps between all shapes and types, and is linear."""
    x = torch.randn(50, 2, 6, dtype=torch.complex64 if input_is_complex else torch.float32)
    projection = Projection(x[:1], shape=shape, is_complex=is_complex)
    y = projection(x)
    assert y.shape == (50, *shape)
    assert y.is_complex() == is_complex
    torch.testing.assert_close(projection(2 * x), 2 * y)
    assert projection(x[:0]).shape == (0, *shape)
    assert projection(x.view(5, 10, 2, 6)).shape == (5, 10, *shape)


def test_projection_scale() -> None:
    """Outputs have the standard deviation wanted."""
    x = torch.randn(1000, 40)
    projection = Projection(x[:1], shape=(50,))
    projection.reset_parameters(std=0.1)
    assert projection(x).std().item() == pytest.approx(0.1, rel=0.1)
