"""Tests for the proxy model and its loss."""

import math

import torch
from torch.nn import functional

from pykeen_dhns.sampling.proxy_model import ProxyModel, sampled_softmax_loss


def test_score_is_the_same_from_both_ends() -> None:
    """Query times target is the ComplEx score, whichever side is missing."""
    proxy_model = ProxyModel(num_entities=10, num_relations=3, dim=8)
    triples = torch.as_tensor([[0, 1, 2], [3, 0, 3], [9, 2, 0]])
    from_tail, from_head = (proxy_model.queries(triples) * proxy_model.targets(triples)).sum(dim=-1)
    torch.testing.assert_close(from_tail, from_head)
    h, t = (torch.view_as_complex(proxy_model.entity(triples[:, i]).unflatten(-1, (-1, 2))) for i in (0, 2))
    r = torch.view_as_complex(proxy_model.relation(triples[:, 1]).unflatten(-1, (-1, 2)))
    torch.testing.assert_close(from_head, (h * r * t.conj()).sum(dim=-1).real)


def test_learns() -> None:
    """On a graph with a rule (the tail is the head plus the relation), positives win against all corruptions."""
    torch.manual_seed(0)
    head, relation = torch.cartesian_prod(torch.arange(20), torch.arange(3)).unbind(dim=-1)
    triples = torch.stack([head, relation, (head + relation + 1) % 20], dim=-1)
    proxy_model = ProxyModel(num_entities=20, num_relations=3, dim=16)
    candidates = torch.arange(20)
    first = proxy_model.update(triples, candidates)
    for _ in range(200):
        last = proxy_model.update(triples, candidates)
    assert first > 0.8 * math.log(20)
    assert last < 0.1 * math.log(20)
    with torch.no_grad():
        scores = proxy_model.queries(triples) @ proxy_model.entity.weight.t()
        assert scores.argmax(dim=-1).equal(triples[:, ::2].t())


def test_untouched_entities_do_not_move() -> None:
    """A step only concerns the entities in it: its cost does not grow with the graph."""
    proxy_model = ProxyModel(num_entities=10, num_relations=2, dim=4)
    before = proxy_model.entity.weight.detach().clone()
    proxy_model.update(torch.as_tensor([[0, 0, 1]]), torch.as_tensor([2, 3]))
    moved = (proxy_model.entity.weight != before).any(dim=-1)
    assert moved.tolist() == [True] * 4 + [False] * 6


def test_loss_equals_cross_entropy() -> None:
    """Value and gradients are those of PyTorch's own loss, with candidates left out."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(6, 4), (6, 4), (9, 4)]
    tensors = [torch.randn(shape, generator=generator, dtype=torch.double).requires_grad_() for shape in shapes]
    queries, targets, candidates = tensors
    excluded = torch.rand(6, 9, generator=generator) < 0.3
    positive = (queries * targets).sum(dim=-1, keepdim=True)
    negative = (queries @ candidates.t()).masked_fill(excluded, float("-inf"))
    reference = functional.cross_entropy(torch.cat([positive, negative], dim=-1), torch.zeros(6, dtype=torch.long))
    loss = sampled_softmax_loss(queries, targets, candidates, excluded.nonzero(as_tuple=True))  # type: ignore[arg-type]
    torch.testing.assert_close(loss, reference)
    actual = torch.autograd.grad(3 * loss, tensors)
    torch.testing.assert_close(actual, torch.autograd.grad(3 * reference, tensors))


def test_loss_is_stable() -> None:
    """Large logits do not overflow, and where all candidates are left out, there is no gradient and no loss."""
    queries = torch.full((2, 1), 1000.0).requires_grad_()
    targets, candidates = torch.as_tensor([[1.0], [0.0]]), torch.as_tensor([[1.0], [2.0]])
    loss = sampled_softmax_loss(queries, targets, candidates, (torch.tensor([0, 0]), torch.tensor([0, 1])))
    torch.testing.assert_close(loss, torch.tensor(1000.0))
    (gradient,) = torch.autograd.grad(loss, queries)
    torch.testing.assert_close(gradient, torch.as_tensor([[0.0], [1.0]]))
