"""Tests of embeddings with sparse gradients."""

from typing import Any

import pytest
import torch
from pykeen.models import ComplEx, RotatE

from ..helpers.loops import make_loop, train


@pytest.mark.parametrize(
    "kwargs",
    [
        dict(num_shared_negs=10, num_negs_per_pos=None),
        dict(num_shared_negs=10, generator="diffheg", diffusion_weight=0.5),
        dict(hard_fraction=0.5),
    ],
    ids=str,
)
@pytest.mark.parametrize("model", [ComplEx, RotatE])
def test_same_result(model: Any, kwargs: dict[str, Any]) -> None:
    """Adagrad learns the same from sparse gradients as from dense ones."""
    losses = []
    for sparse in (False, True):
        loop = make_loop(model, optimizer="adagrad", sparse_gradients=sparse, **kwargs)
        torch.manual_seed(0)
        losses.append(train(loop, num_epochs=3))
        loop.model.score_hrt(torch.zeros(1, 3, dtype=torch.long)).sum().backward()
        assert {p.grad.is_sparse for p in loop.model.parameters() if p.grad is not None} == {sparse}
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_all_sparse() -> None:
    """An optimiser for nothing but sparse gradients works, too."""
    losses = train(make_loop(optimizer="sparseadam", sparse_gradients=True, generator="none"), num_epochs=4)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("optimizer", "kwargs", "message"),
    [
        ("adam", {}, r"sparse_gradients=True .* Adam\. Use optimizer='adagrad'"),
        ("adagrad", dict(gradient_clipping_max_norm=1.0), r"gradient_clipping_max_norm .*sparse_gradients=False"),
    ],
)
def test_refused(optimizer: str, kwargs: dict[str, Any], message: str) -> None:
    """What PyTorch cannot do with sparse gradients is refused before the first step."""
    with pytest.raises(ValueError, match=message):
        train(make_loop(optimizer=optimizer, sparse_gradients=True), **kwargs)
