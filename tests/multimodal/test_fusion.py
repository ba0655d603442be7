"""Tests for the strategies to fuse modalities."""

import pytest
import torch
from torch import Tensor, nn

from pykeen_dhns.multimodal.fusion import AttentionFusion, Fusion, GateFusion, MeanFusion, SumFusion, fusion_resolver

DIM = 4
#: Every combination of two further modalities, and some of them twice
MASK = torch.tensor([[1, 1, 1], [1, 0, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 0]]).bool()

fusions = pytest.mark.parametrize("name", sorted(fusion_resolver.lookup_dict))


def make(name: str, num_modalities: int = 3) -> Fusion:
    """Make a fusion with random parameters."""
    fusion = fusion_resolver.make(name, dim=DIM, num_modalities=num_modalities)
    for parameter in fusion.parameters():
        nn.init.normal_(parameter)
    return fusion


def make_inputs(mask: Tensor = MASK) -> list[Tensor]:
    """Make embeddings, zero where missing."""
    return [torch.randn(*mask.shape[:-1], DIM) * present.unsqueeze(dim=-1) for present in mask.unbind(dim=-1)]


def test_resolver() -> None:
    """The names, and the default."""
    assert fusion_resolver.lookup_dict == dict(
        attention=AttentionFusion, gate=GateFusion, mean=MeanFusion, sum=SumFusion
    )
    assert fusion_resolver.lookup(None) is AttentionFusion


@fusions
@pytest.mark.parametrize("mask", [MASK, MASK.view(3, 2, 3), MASK[0], MASK[:0]], ids=lambda mask: str(tuple(mask.shape)))
def test_contract(name: str, mask: Tensor) -> None:
    """Embeddings keep their shape. Shares sum up to one, and missing modalities have none."""
    xs, fusion = make_inputs(mask), make(name)
    assert fusion(xs, mask).shape == xs[0].shape
    shares = fusion.shares(xs, mask)
    assert shares.shape == mask.shape
    torch.testing.assert_close(shares.sum(dim=-1), torch.ones(mask.shape[:-1]))
    assert not shares[~mask].any()
    assert (shares[mask] > 0).all()


@fusions
def test_missing_everywhere(name: str) -> None:
    """A modality that all entities lack has no effect. The structural one alone stays as it is."""
    mask = MASK.clone()
    mask[:, 2] = False
    xs, fusion, smaller = make_inputs(mask), make(name), make(name, num_modalities=2)
    smaller.load_state_dict({key: value for key, value in fusion.state_dict().items() if "gates.1" not in key})
    torch.testing.assert_close(fusion(xs, mask), smaller(xs[:2], mask[:, :2]))
    torch.testing.assert_close(fusion.shares(xs, mask)[:, :2], smaller.shares(xs[:2], mask[:, :2]))
    single = make(name, num_modalities=1)
    assert torch.equal(single(xs[:1], mask[:, :1]), xs[0])


def test_means() -> None:
    """The sum, the mean, and attention, which starts as the mean."""
    xs = make_inputs()
    total = torch.stack(xs).sum(dim=0)
    mean = total / MASK.sum(dim=-1, keepdim=True)
    torch.testing.assert_close(make("sum")(xs, MASK), total)
    torch.testing.assert_close(make("mean")(xs, MASK), mean)
    attention = make("attention")
    attention.reset_parameters()
    torch.testing.assert_close(attention(xs, MASK), mean)


def test_attention() -> None:
    """Attention is a weighted mean, its weights do not depend on the scale, and it learns what to prefer."""
    xs, fusion = make_inputs(), make("attention")
    shares = fusion.shares(xs, MASK)
    torch.testing.assert_close(fusion(xs, MASK), (torch.stack(xs, dim=-1) * shares.unsqueeze(dim=-2)).sum(dim=-1))
    torch.testing.assert_close(fusion.shares([100 * x for x in xs], MASK), shares)
    assert shares[MASK].std() > 0.1
    mask = torch.ones_like(MASK)
    xs = make_inputs(mask)
    fusion.reset_parameters()
    optimizer = torch.optim.SGD(fusion.parameters(), lr=1.0)
    for _ in range(100):
        optimizer.zero_grad()
        (fusion(xs, mask) - xs[1]).square().sum().backward()
        optimizer.step()
    assert fusion.shares(xs, mask)[:, 1].mean() > 0.6


@pytest.mark.parametrize("is_open", [False, True])
def test_gate(is_open: bool) -> None:
    """A closed gate lets nothing in. An open one lets only its own modality through, so the last one remains."""
    xs, fusion = make_inputs(), make("gate")
    for parameter in fusion.parameters():
        nn.init.zeros_(parameter)
    for i in range(2):
        nn.init.constant_(fusion.get_parameter(f"gates.{i}.gate.projection.0.bias"), 100.0 if is_open else -100.0)
    last = torch.tensor([2, 2, 1, 0, 2, 0]) if is_open else torch.zeros(6, dtype=torch.long)
    torch.testing.assert_close(fusion.shares(xs, MASK), nn.functional.one_hot(last, 3).float())
    # the hidden layer of an open gate is zero, as its parameters are
    assert torch.equal(fusion(xs, MASK), torch.where(last.unsqueeze(dim=-1) > 0, 0, xs[0]))


def test_gate_reset() -> None:
    """Resetting reaches the gates, and is reproducible."""
    fusion = GateFusion(dim=4, num_modalities=3, dropout=0.5)
    states = []
    for _ in range(2):
        for parameter in fusion.parameters():
            nn.init.zeros_(parameter)
        torch.manual_seed(1)
        fusion.reset_parameters()
        states.append({key: value.clone() for key, value in fusion.state_dict().items()})
    assert all(value.any() and torch.equal(value, states[1][key]) for key, value in states[0].items())
