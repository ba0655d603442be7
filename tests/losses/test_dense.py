"""Tests for the scores of filtered negatives."""

import pytest
import torch
from pykeen.losses import loss_resolver

from pykeen_dhns.losses.dense import process_dense


@pytest.mark.parametrize("name", sorted(set(loss_resolver.lookup_dict) - {"hardnessadaptive"}))
def test_filtered(name: str) -> None:
    """Each loss, and its gradient, is PyKEEN's, also where a filter has left no negative of a positive."""
    loss = loss_resolver.make(name)
    scores = torch.randn(4, 6)
    mask = torch.rand(4, 5) < 0.5
    mask[1], mask[2] = False, True
    results = []
    for is_dense in (True, False):
        leaf = scores.clone().requires_grad_()
        positive, negative = leaf.split([1, 5], dim=1)
        if is_dense:
            value = process_dense(loss, positive, negative, mask=mask)
        else:
            value = loss.process_slcwa_scores(positive, negative[mask], batch_filter=mask)
        value.backward()
        results.append((value.detach(), leaf.grad))
    torch.testing.assert_close(*results)


def test_label_smoothing() -> None:
    """A softmax cannot smooth labels where negatives are left out. Elsewhere, the value is PyKEEN's."""
    loss, positive, negative = loss_resolver.make("crossentropy"), torch.randn(4, 1), torch.randn(4, 5)
    mask = torch.rand(4, 5) < 0.5
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1 is not possible with CrossEntropyLoss where known"):
        process_dense(loss, positive, negative, mask=mask, label_smoothing=0.1)
    actual = process_dense(loss, positive, negative, mask=None, label_smoothing=0.1)
    assert actual == loss.process_slcwa_scores(positive, negative, label_smoothing=0.1)
