"""Tests that the index of known triples agrees with a set of tuples."""

import pytest
import torch
from torch import Tensor

from pykeen_dhns.sampling.known_triples import KnownTriples

#: The last relation has no triples
NUM_ENTITIES, NUM_RELATIONS = 12, 4
QUERIES = torch.cartesian_prod(torch.arange(NUM_RELATIONS), torch.arange(NUM_ENTITIES), torch.as_tensor([0, 2]))


def make_triples() -> Tensor:
    """Make triples, some of them repeated, with queries of no, some, all but one, and all entities as answers."""
    generator = torch.Generator().manual_seed(0)
    sizes = (NUM_ENTITIES, 2, NUM_ENTITIES)
    random = torch.stack([torch.randint(n, size=(60,), generator=generator) for n in sizes], dim=-1)
    entities = torch.arange(NUM_ENTITIES)
    relation = torch.full_like(entities, 2)
    hub = torch.stack([entities, relation, torch.full_like(entities, 4)], dim=-1)
    nearly = torch.stack([torch.full_like(entities, 7), relation, entities], dim=-1)[:-1]
    return torch.cat([random, random[:5], hub, nearly])


TRIPLES = make_triples()
KNOWN = KnownTriples(TRIPLES, num_entities=NUM_ENTITIES, num_relations=NUM_RELATIONS)


def find_answers(relation: int, entity: int, column: int) -> set[int]:
    """Find the answers of a query, one triple after the other."""
    return {t[column] for t in TRIPLES.tolist() if t[1] == relation and t[2 - column] == entity}


def test_contains() -> None:
    """Look-ups agree with a set, whatever the number of batch dimensions and the dtype."""
    everything = torch.cartesian_prod(
        torch.arange(NUM_ENTITIES), torch.arange(NUM_RELATIONS), torch.arange(NUM_ENTITIES)
    )
    expected = {tuple(triple) for triple in TRIPLES.tolist()}
    result = KNOWN.contains(everything)
    assert result.tolist() == [tuple(triple) in expected for triple in everything.tolist()]
    assert KNOWN.contains(everything.int().view(4, -1, 3)).equal(result.view(4, -1))


@pytest.mark.parametrize("column", range(3))
def test_padding(column: int) -> None:
    """Triples with negative IDs are not known."""
    padded = TRIPLES.clone()
    padded[:, column] = -1
    assert not KNOWN.contains(padded).any()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_answers(device: str) -> None:
    """The answers of a batch of queries are those of each query on its own."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    known = KnownTriples(TRIPLES, num_entities=NUM_ENTITIES, num_relations=NUM_RELATIONS).to(device)
    queries = QUERIES.to(device)
    row, answer = known.find_answers(known.find_query(*queries.unbind(dim=-1)))
    expected = [(i, e) for i, query in enumerate(queries.tolist()) for e in sorted(find_answers(*query))]
    assert list(zip(row.tolist(), answer.tolist(), strict=True)) == expected
    # a single column for all
    tails = queries[queries[:, 2] == 2]
    assert known.find_query(tails[:, 0], tails[:, 1], 2).equal(known.find_query(*tails.unbind(dim=-1)))
    # no query, and no answer
    for relation, entity in ((tails[:0, 0], tails[:0, 1]), (tails[-1:, 0], tails[-1:, 1])):
        assert [len(x) for x in known.find_answers(known.find_query(relation, entity, 2))] == [0, 0]


def test_draw_unknown() -> None:
    """Each entity that makes no known triple is drawn equally often, and no other one, unless there is none."""
    torch.manual_seed(0)
    excluded = torch.arange(len(QUERIES)) % NUM_ENTITIES
    num_draws = 2000
    arguments = [x.repeat_interleave(num_draws) for x in (*QUERIES.unbind(dim=-1), excluded)]
    drawn = KNOWN.draw_unknown(*arguments).view(len(QUERIES), num_draws)
    num_fallbacks = 0
    for query, entity, row in zip(QUERIES.tolist(), excluded.tolist(), drawn, strict=True):
        others = set(range(NUM_ENTITIES)) - {entity}
        unknown = others - find_answers(*query)
        num_fallbacks += not unknown
        expected = sorted(unknown or others)
        entities, counts = row.unique(return_counts=True)
        assert entities.tolist() == expected
        # six standard deviations
        share = num_draws / len(expected)
        assert (counts - share).abs().max() <= 6 * share**0.5
    assert num_fallbacks


def test_large_graphs() -> None:
    """Freebase, with more possible triples than 64 bit integers can number, has an index."""
    num_entities, num_relations = 86_054_151, 14_824
    last = num_entities - 1
    triples = torch.as_tensor([[last, num_relations - 1, last], [0, 0, 0], [last, 5, 3], [last, 5, last]])
    known = KnownTriples(triples, num_entities=num_entities, num_relations=num_relations)
    assert known.contains(triples).all()
    assert not known.contains(triples - torch.as_tensor([0, 0, 1])).any()
    assert [x.tolist() for x in known.find_answers(known.find_query(triples[:, 1], triples[:, 0], 2))] == [
        [0, 1, 2, 2, 3, 3],
        [last, 0, 3, last, 3, last],
    ]
    drawn = known.draw_unknown(triples[:, 1], triples[:, 0], 2, triples[:, 2])
    assert ((drawn >= 0) & (drawn < num_entities) & (drawn != triples[:, 2])).all()


def test_too_large() -> None:
    """More entities than 64 bit integers can number with relations are refused."""
    with pytest.raises(ValueError, match=r"num_entities=4611686018427387904, num_relations=1 .*64 bit"):
        KnownTriples(torch.zeros(1, 3, dtype=torch.long), num_entities=2**62, num_relations=1)


def test_hub() -> None:
    """The cost of a draw does not grow with the number of entities: with all of them, it would take gigabytes."""
    num_entities = 1_000_000
    entities = torch.arange(num_entities)
    zeros = torch.zeros_like(entities)
    # all entities but the first are of the same type
    known = KnownTriples(torch.stack([entities, zeros, zeros], dim=-1)[1:], num_entities=num_entities, num_relations=1)
    queries = zeros[:10_000]
    assert known.draw_unknown(queries, queries, 0, entities[1:10_001]).eq(0).all()


def test_shared() -> None:
    """Indices of the same triples share their memory, and one can be moved without the others."""
    first, second = (KnownTriples(TRIPLES, num_entities=NUM_ENTITIES, num_relations=NUM_RELATIONS) for _ in range(2))
    assert all(x is y for x, y in zip(first.buffers(), second.buffers(), strict=True))
    first.to("meta")
    assert second.contains(TRIPLES).all()
