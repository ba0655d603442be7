"""Tests for the loss of the shadow."""

import torch
from torch.nn import functional

from pykeen_dhns.sampling.sampled_softmax import sampled_softmax_loss


def test_equals_cross_entropy() -> None:
    """Value and gradients are those of PyTorch's own loss, with candidates left out."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(6, 4), (6, 4), (9, 4)]
    tensors = [torch.randn(shape, generator=generator, dtype=torch.double).requires_grad_() for shape in shapes]
    queries, targets, candidates = tensors
    excluded = torch.rand(6, 9, generator=generator) < 0.3
    positive = (queries * targets).sum(dim=-1, keepdim=True)
    negative = (queries @ candidates.t()).masked_fill(excluded, float("-inf"))
    reference = functional.cross_entropy(torch.cat([positive, negative], dim=-1), torch.zeros(6, dtype=torch.long))
    loss = sampled_softmax_loss(queries, targets, candidates, excluded)
    torch.testing.assert_close(loss, reference)
    actual = torch.autograd.grad(3 * loss, tensors)
    torch.testing.assert_close(actual, torch.autograd.grad(3 * reference, tensors))


def test_is_stable() -> None:
    """Large logits do not overflow, and where all candidates are left out, there is no gradient and no loss."""
    queries = torch.full((2, 1), 1000.0).requires_grad_()
    targets, candidates = torch.as_tensor([[1.0], [0.0]]), torch.as_tensor([[1.0], [2.0]])
    loss = sampled_softmax_loss(queries, targets, candidates, torch.as_tensor([[True, True], [False, False]]))
    torch.testing.assert_close(loss, torch.tensor(1000.0))
    (gradient,) = torch.autograd.grad(loss, queries)
    torch.testing.assert_close(gradient, torch.as_tensor([[0.0], [1.0]]))
