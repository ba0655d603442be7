"""Tests for the shadow."""

import math

import torch

from pykeen_dhns.sampling.proxy_model import ShadowEmbedding


def test_score_is_the_same_from_both_ends() -> None:
    """Query times target is the ComplEx score, whichever side is missing."""
    shadow = ShadowEmbedding(num_entities=10, num_relations=3, dim=8)
    triples = torch.as_tensor([[0, 1, 2], [3, 0, 3], [9, 2, 0]])
    from_tail, from_head = (shadow.queries(triples) * shadow.targets(triples)).sum(dim=-1)
    torch.testing.assert_close(from_tail, from_head)
    h, t = (torch.view_as_complex(shadow.entity(triples[:, i]).unflatten(-1, (-1, 2))) for i in (0, 2))
    r = torch.view_as_complex(shadow.relation(triples[:, 1]).unflatten(-1, (-1, 2)))
    torch.testing.assert_close(from_head, (h * r * t.conj()).sum(dim=-1).real)


def test_learns() -> None:
    """On a graph with a rule (the tail is the head plus the relation), positives win against all corruptions."""
    torch.manual_seed(0)
    head, relation = torch.cartesian_prod(torch.arange(20), torch.arange(3)).unbind(dim=-1)
    triples = torch.stack([head, relation, (head + relation + 1) % 20], dim=-1)
    shadow = ShadowEmbedding(num_entities=20, num_relations=3, dim=16)
    candidates = torch.arange(20)
    first = shadow.update(triples, candidates)
    for _ in range(200):
        last = shadow.update(triples, candidates)
    assert first > 0.8 * math.log(20)
    assert last < 0.1 * math.log(20)
    with torch.no_grad():
        scores = shadow.queries(triples) @ shadow.entity.weight.t()
        assert scores.argmax(dim=-1).equal(triples[:, ::2].t())


def test_untouched_entities_do_not_move() -> None:
    """A step only concerns the entities in it: its cost does not grow with the graph."""
    shadow = ShadowEmbedding(num_entities=10, num_relations=2, dim=4)
    before = shadow.entity.weight.detach().clone()
    shadow.update(torch.as_tensor([[0, 0, 1]]), torch.as_tensor([2, 3]))
    moved = (shadow.entity.weight != before).any(dim=-1)
    assert moved.tolist() == [True] * 4 + [False] * 6
