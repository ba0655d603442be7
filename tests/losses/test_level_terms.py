"""Tests for the loss over generated negatives, row by row."""

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from pykeen_dhns.losses.level_terms import hardness_adaptive_rows, index_levels

from .scores import draw, expected_rows

MARGINS, WEIGHTS = [1.0, 2.0, 4.0, 8.0], [0.5, 1.0, 2.0, 0.0]


def compute(positive: Tensor, generated: Tensor, mask: Tensor | None = None, **kwargs: Any) -> Tensor:
    """Compute the loss of scores of shape (batch_size, num_levels, num_negatives)."""
    defaults: dict[str, Any] = dict(
        columns=torch.arange(4).repeat_interleave(generated.shape[-1]),
        margins=torch.tensor(MARGINS),
        weights=torch.tensor(WEIGHTS),
        positive_weight=0.5,
        mask=None if mask is None else mask.flatten(start_dim=1),
    )
    return hardness_adaptive_rows(positive, generated.flatten(start_dim=1), **(defaults | kwargs))


@pytest.mark.parametrize("num_negatives", [1, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_by_hand(masked: bool, num_negatives: int) -> None:
    """It is Equation 13."""
    positive, generated = draw(6, 1), draw(6, 4, num_negatives)
    mask = torch.rand(generated.shape) < 0.6 if masked else None
    rows = expected_rows(positive, generated, mask, MARGINS, WEIGHTS, positive_weight=0.5)
    torch.testing.assert_close(compute(positive, generated, mask), torch.from_numpy(rows))


def test_numbers_of_columns_differ() -> None:
    """Levels may have different numbers of columns: the mean of a level is over its own."""
    positive, negative = draw(6, 1), draw(6, 5)
    levels, columns = index_levels((0, 0, 0, 2, 2), torch.device("cpu"))
    assert levels.tolist() == [0, 2]
    assert columns.tolist() == [0, 0, 0, 1, 1]
    actual = compute(positive, negative, columns=columns, margins=torch.tensor([1.0, 4.0]), weights=torch.ones(2))
    generated, mask = torch.zeros(6, 2, 3, dtype=torch.double), torch.ones(6, 2, 3, dtype=torch.bool)
    generated[:, 0], generated[:, 1, :2], mask[:, 1, 2] = negative[:, :3].detach(), negative[:, 3:].detach(), False
    rows = expected_rows(positive, generated, mask, [1.0, 4.0], positive_weight=0.5)
    torch.testing.assert_close(actual, torch.from_numpy(rows))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30])
def test_masked_scores_do_not_matter(value: float) -> None:
    """Whatever is in masked places, the loss and all gradients are the same, and finite."""
    positive, generated = draw(6, 1), draw(6, 4, 2)
    mask = torch.rand(generated.shape) < 0.5
    mask[0] = False
    other = torch.where(mask, generated.detach(), value).requires_grad_()
    losses = [compute(positive, scores, mask) for scores in (generated, other)]
    assert losses[0].equal(losses[1])
    gradient, own = torch.autograd.grad(losses[0].sum(), (generated, positive))
    other_gradient, other_own = torch.autograd.grad(losses[1].sum(), (other, positive))
    assert gradient.equal(other_gradient)
    assert gradient.isfinite().all()
    assert not gradient[~mask].any()
    assert own.equal(other_own)


def test_masks_leave_out() -> None:
    """Masking a column is leaving it out."""
    positive, generated = draw(6, 1), draw(6, 4, 3)
    mask = torch.ones(generated.shape, dtype=torch.bool)
    torch.testing.assert_close(compute(positive, generated, mask), compute(positive, generated))
    mask[..., 1] = False
    torch.testing.assert_close(compute(positive, generated, mask), compute(positive, generated[..., ::2]))


@pytest.mark.parametrize("masked", [False, True])
def test_gradients(masked: bool) -> None:
    """Positives are pulled up, and negatives pushed down."""
    positive, generated = draw(6, 1), draw(6, 4, 3)
    mask = torch.rand(generated.shape) < 0.5 if masked else torch.ones(generated.shape, dtype=torch.bool)
    loss = compute(positive, generated, mask, weights=torch.ones(4))
    pull, push = torch.autograd.grad(loss.sum(), (positive, generated))
    assert (pull < 0).all()
    assert (push[mask] > 0).all()
    kwargs: dict[str, Any] = dict(
        mask=mask if masked else None, margins=torch.tensor(MARGINS).double(), weights=torch.ones(4).double()
    )
    assert torch.autograd.gradcheck(partial(compute, **kwargs), (positive, generated))


@pytest.mark.parametrize("normalize", [True, False])
def test_sample_weights(normalize: bool) -> None:
    """Weights are factors, normalised for the mean as in PyKEEN."""
    positive, negative = draw(6, 1), draw(6, 4)
    pos_weights, neg_weights = torch.rand(6, 1).double(), torch.rand(6, 4).double()
    rows = compute(
        positive,
        negative.unsqueeze(dim=-1),
        margins=torch.full((4,), 2.0),
        weights=torch.ones(4),
        positive_weight=1.0,
        pos_weights=pos_weights,
        neg_weights=neg_weights,
        normalize=normalize,
    )
    a = -(2 + positive).sigmoid().log() * pos_weights
    b = -(-negative - 2).sigmoid().log() * neg_weights
    if normalize:
        a, b = a / pos_weights.mean(), b / neg_weights.mean()
    torch.testing.assert_close(rows, a.squeeze(dim=1) + b.mean(dim=1))
