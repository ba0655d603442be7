"""Tests that modules are left as they were."""

import contextlib
from typing import Any

import pytest
import torch
from pykeen.models import CompGCN, ERModel, TransE
from pykeen.triples import CoreTriplesFactory
from torch import nn

from pykeen_dhns.utils.module_state import evaluation_mode, preserve_modules

TRIPLES = torch.tensor([[0, 0, 1], [1, 1, 2], [2, 0, 0]])


def make_factory(*, create_inverse_triples: bool = False) -> CoreTriplesFactory:
    """Make a small graph."""
    return CoreTriplesFactory(TRIPLES, num_entities=3, num_relations=2, create_inverse_triples=create_inverse_triples)


def test_preserve_modules() -> None:
    """Parameters, buffers and modes are restored, in place, also after an error."""
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    module[0].eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    parameters = list(module.parameters())
    with contextlib.suppress(RuntimeError), preserve_modules(module):
        module.train()
        module(torch.randn(5, 2))
        for parameter in parameters:
            parameter.data.add_(1)
        raise RuntimeError
    torch.testing.assert_close(module.state_dict(), before, rtol=0, atol=0)
    assert all(a is b for a, b in zip(parameters, module.parameters(), strict=True))
    assert [part.training for part in module] == [False, True]


@pytest.mark.parametrize("seed", [None, 3])
def test_evaluation_mode(seed: int | None) -> None:
    """Within, there are no gradients and no dropout. Afterwards, everything is as it was, random states included."""
    model, other = TransE(triples_factory=make_factory(), embedding_dim=4), nn.Dropout()
    model.interaction.eval()
    weights = [parameter.clone() for parameter in model.parameters()]
    torch.manual_seed(seed or 0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    with evaluation_mode(model, other, seed=seed):
        assert not torch.is_grad_enabled()
        assert not any(part.training for part in (model, *model.modules(), other))
        assert torch.rand(2).equal(expected)
    assert model.training
    assert other.training
    assert not model.interaction.training
    assert all(a.equal(b) for a, b in zip(weights, model.parameters(), strict=True))


def test_random_state_goes_on() -> None:
    """What is drawn after an evaluation does not depend on it."""
    model = TransE(triples_factory=make_factory(), embedding_dim=4)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    with evaluation_mode(model):
        torch.rand(7)
    assert torch.rand(3).equal(expected)


def test_caches_are_dropped() -> None:
    """A model that passes messages can be trained after an evaluation: what it has cached has no gradients."""
    model: ERModel[Any, Any, Any] = CompGCN(triples_factory=make_factory(create_inverse_triples=True), embedding_dim=4)
    with evaluation_mode(model):
        model.score_hrt(TRIPLES)
    model.score_hrt(TRIPLES).sum().backward()
    assert any(parameter.grad is not None for parameter in model.parameters())
