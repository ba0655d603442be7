"""Tests for the strategies to fuse modalities."""

from collections.abc import Sequence

import pytest
import torch
from pykeen.nn.combination import Combination
from torch import Tensor, nn

from pykeen_dhns.multimodal.fusion import AttentionFusion, Fusion, GateFusion, MeanFusion, SumFusion, fusion_resolver

BATCH, NUM_MODALITIES = (3, 2), 3
SHAPES: list[tuple[tuple[int, ...], torch.dtype]] = [
    ((), torch.float32),
    ((4,), torch.float32),
    ((4, 2), torch.float64),
    ((4,), torch.complex64),
    ((2, 3), torch.complex128),
]

fusions = pytest.mark.parametrize("name", sorted(fusion_resolver.lookup_dict))
shapes = pytest.mark.parametrize(("shape", "dtype"), SHAPES)


def make(name: str, x: Tensor, num_batch_dims: int = len(BATCH), num_modalities: int = NUM_MODALITIES) -> Fusion:
    """Make a fusion for embeddings, with random parameters."""
    real = torch.view_as_real(x) if x.is_complex() else x
    dim = real.shape[num_batch_dims:].numel()
    fusion = fusion_resolver.make(name, dim=dim, num_modalities=num_modalities).to(real.dtype)
    for parameter in fusion.parameters():
        nn.init.normal_(parameter)
    return fusion


def make_inputs(shape: Sequence[int], dtype: torch.dtype) -> tuple[list[Tensor], Tensor]:
    """Make embeddings, and a mask in which each combination occurs."""
    xs = [torch.randn(*BATCH, *shape, dtype=dtype) for _ in range(NUM_MODALITIES)]
    mask = torch.tensor([[[1, 1, 1], [1, 0, 1]], [[1, 1, 0], [1, 0, 0]], [[1, 1, 1], [1, 0, 0]]]) > 0
    return xs, mask


def test_resolver() -> None:
    """The names, and the default."""
    assert fusion_resolver.lookup_dict == dict(
        attention=AttentionFusion, gate=GateFusion, mean=MeanFusion, sum=SumFusion
    )
    assert fusion_resolver.lookup(None) is AttentionFusion
    assert issubclass(Fusion, Combination)


@fusions
@shapes
def test_missing_is_left_out(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """A missing modality changes nothing, whatever is in its place, and gets no gradient."""
    xs, mask = make_inputs(shape, dtype)
    fusion = make(name, xs[0])
    expected = fusion(xs, mask)
    assert expected.shape == xs[0].shape
    assert expected.dtype == dtype
    for i in range(1, NUM_MODALITIES):
        xs[i][~mask[..., i]] = torch.nan
    inputs = [x.requires_grad_() for x in xs]
    actual = fusion(inputs, mask)
    assert torch.equal(actual, expected)
    actual.abs().sum().backward()
    for tensor in (*inputs, *fusion.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
    for i, x in enumerate(inputs):
        assert x.grad is not None
        assert x.grad[~mask[..., i]].eq(0).all()


@fusions
def test_fewer_modalities(name: str) -> None:
    """A modality that is missing everywhere is as good as none."""
    xs, mask = make_inputs((4,), torch.float32)
    fusion, smaller = make(name, xs[0]), make(name, xs[0], num_modalities=2)
    mask[..., 2] = False
    smaller.load_state_dict({key: value for key, value in fusion.state_dict().items() if "gates.1" not in key})
    torch.testing.assert_close(fusion(xs, mask), smaller(xs[:2], mask[..., :2]))
    torch.testing.assert_close(fusion.shares(xs, mask)[..., :2], smaller.shares(xs[:2], mask[..., :2]))


@fusions
@shapes
def test_shares(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Shares have a sum of one, and missing modalities have none."""
    xs, mask = make_inputs(shape, dtype)
    shares = make(name, xs[0]).shares(xs, mask)
    assert shares.shape == mask.shape
    assert not shares.is_complex()
    assert (shares >= 0).all()
    torch.testing.assert_close(shares.sum(dim=-1), torch.ones(BATCH, dtype=shares.dtype))
    assert not shares[~mask].any()
    assert (shares[mask] > 0).all()


@fusions
@shapes
def test_without_mask(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Without mask, all modalities are present."""
    xs, mask = make_inputs(shape, dtype)
    mask = torch.ones_like(mask)
    fusion = make(name, xs[0])
    assert torch.equal(fusion(xs), fusion(xs, mask))
    assert torch.equal(fusion.shares(xs), fusion.shares(xs, mask))


@fusions
@pytest.mark.parametrize("batch_dims", [(), (5,), (0,)])
def test_batch_dims(name: str, batch_dims: tuple[int, ...]) -> None:
    """No batch dimension, and an empty batch."""
    xs = [torch.randn(*batch_dims, 4) for _ in range(NUM_MODALITIES)]
    fusion = make(name, xs[0], num_batch_dims=len(batch_dims))
    assert fusion(xs).shape == (*batch_dims, 4)
    assert fusion.shares(xs).shape == (*batch_dims, NUM_MODALITIES)


@fusions
@shapes
def test_single_modality(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """The structural modality alone comes out as it is."""
    x = torch.randn(*BATCH, *shape, dtype=dtype)
    fusion = make(name, x, num_modalities=1)
    assert fusion([x]) is x
    assert torch.equal(fusion.shares([x]), torch.ones(*BATCH, 1, dtype=x.abs().dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_values(dtype: torch.dtype) -> None:
    """Sum and mean of what is present, and attention starts as the mean."""
    xs, mask = make_inputs((4,), dtype)
    total = sum(x * mask[..., i, None] for i, x in enumerate(xs))
    assert isinstance(total, Tensor)
    mean = total / mask.sum(dim=-1, keepdim=True)
    torch.testing.assert_close(make("sum", xs[0])(xs, mask), total)
    torch.testing.assert_close(make("mean", xs[0])(xs, mask), mean)
    attention = make("attention", xs[0])
    attention.reset_parameters()
    torch.testing.assert_close(attention(xs, mask), mean)
    torch.testing.assert_close(attention.shares(xs, mask), mask / mask.sum(dim=-1, keepdim=True))


def test_attention() -> None:
    """Attention is a weighted mean, its weights do not depend on the scale, and it learns what to prefer."""
    xs, mask = make_inputs((4,), torch.float32)
    fusion = make("attention", xs[0])
    shares = fusion.shares(xs, mask)
    torch.testing.assert_close(fusion(xs, mask), (torch.stack(xs, dim=-1) * shares.unsqueeze(dim=-2)).sum(dim=-1))
    torch.testing.assert_close(fusion.shares([100 * x for x in xs], mask), shares)
    assert shares[mask].std() > 0.1
    fusion.reset_parameters()
    optimizer = torch.optim.SGD(fusion.parameters(), lr=1.0)
    for _ in range(100):
        optimizer.zero_grad()
        (fusion(xs) - xs[1]).square().sum().backward()
        optimizer.step()
    assert fusion.shares(xs)[..., 1].mean() > 0.6


def test_gate() -> None:
    """A closed gate lets nothing in, an open one nothing else through."""
    xs, mask = make_inputs((4,), torch.float32)
    fusion = make("gate", xs[0])
    assert isinstance(fusion, GateFusion)
    for parameter in fusion.parameters():
        nn.init.zeros_(parameter)
    for bias, share in ((-100.0, 0.0), (100.0, 1.0)):
        for i in range(NUM_MODALITIES - 1):
            nn.init.constant_(fusion.get_parameter(f"gates.{i}.gate.projection.0.bias"), bias)
        assert torch.equal(
            fusion(xs, mask), torch.where(mask[..., 1:].any(dim=-1, keepdim=True) & (bias > 0), 0, xs[0])
        )
        # the last one that is present
        last = torch.stack([mask[..., 0] & ~mask[..., 1:].any(-1), mask[..., 1] & ~mask[..., 2], mask[..., 2]], dim=-1)
        structural = torch.tensor([1.0, 0.0, 0.0]).expand(*BATCH, -1)
        torch.testing.assert_close(fusion.shares(xs, mask), last.float() if share else structural)


def test_gate_reset() -> None:
    """Resetting reaches the gates, and is reproducible."""
    fusion = GateFusion(dim=4, num_modalities=3, dropout=0.5)
    states = []
    for _ in range(2):
        torch.manual_seed(1)
        fusion.reset_parameters()
        states.append({key: value.clone() for key, value in fusion.state_dict().items()})
        for parameter in fusion.parameters():
            nn.init.zeros_(parameter)
    assert states[0]
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
    assert all(value.any() for value in states[0].values())


@fusions
def test_errors(name: str) -> None:
    """The messages say what was given, and what is possible."""
    cls = fusion_resolver.lookup(name)
    with pytest.raises(ValueError, match="dim=0 is invalid"):
        cls(dim=0, num_modalities=2)
    with pytest.raises(ValueError, match=r"num_modalities=1\.5 is invalid"):
        cls(dim=1, num_modalities=1.5)  # type: ignore[arg-type]
    fusion = cls(dim=4, num_modalities=2)
    x = torch.ones(3, 4)
    with pytest.raises(ValueError, match="3 modalities were given, but this fusion is for num_modalities=2"):
        fusion([x, x, x])
    with pytest.raises(ValueError, match=r"shape \(3, 5\) have 5 elements each, but this fusion is for dim=4"):
        fusion([torch.ones(3, 5)] * 2, torch.ones(3, 2, dtype=torch.bool))
    assert fusion.output_shape([(4,), (4,)]) == (4,)
    with pytest.raises(ValueError, match="differ: modalities must have the same shape"):
        fusion.output_shape([(4,), (2, 2)])
