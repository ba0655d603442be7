"""Tests for embeddings with sparse gradients, in the module of PyTorch Lightning."""

from typing import Any

import pytest

from .small import SHARED, fit, make_module


@pytest.mark.parametrize("trainer_kwargs", [{}, dict(accumulate_grad_batches=2), dict(precision="bf16-mixed")], ids=str)
def test_same_result(trainer_kwargs: dict[str, Any]) -> None:
    """Adagrad learns the same from sparse gradients as from dense ones."""
    losses = []
    for sparse in (False, True):
        module = make_module(optimizer="adagrad", sparse_gradients=sparse, **SHARED)
        losses.append(float(fit(module, **trainer_kwargs).callback_metrics["train_loss"]))
        assert {p.grad.is_sparse for p in module.model.parameters() if p.grad is not None} == {sparse}
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.parametrize(
    ("optimizer", "trainer_kwargs", "message"),
    [
        ("adam", {}, r"sparse_gradients=True .* Adam\. Use optimizer='adagrad'"),
        ("adagrad", dict(gradient_clip_val=1.0), r"gradient_clip_val .*sparse_gradients=False"),
    ],
)
def test_refused(optimizer: str, trainer_kwargs: dict[str, Any], message: str) -> None:
    """What PyTorch cannot do with sparse gradients is refused before the first step."""
    with pytest.raises(ValueError, match=message):
        fit(make_module(optimizer=optimizer, sparse_gradients=True), **trainer_kwargs)
