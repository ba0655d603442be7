"""Tests for the contract of the sampler: what its negatives are."""

import math
from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.sampling import negative_sampler_resolver
from pykeen.sampling.filtering import filterer_resolver

from pykeen_dhns import DHNSNegativeSampler

from .samplers import GENERATORS, NUM_ENTITIES, TRIPLES, check, make, sparse_graph


@pytest.mark.parametrize(
    ("batch_dims", "hard_fraction", "num_negs_per_pos"),
    [
        # without, with some, and with generated negatives only; with one, fewer than levels, and many negatives
        ((7,), 0.0, 1),
        ((7,), 0.0, 5),
        ((7,), 0.25, 1),
        ((7,), 0.25, 3),
        ((7,), 0.25, 16),
        ((7,), 1.0, 1),
        ((7,), 1.0, 3),
        ((7,), 1.0, 33),
        # any batch dimensions
        ((), 0.25, 5),
        ((1,), 1.0, 4),
        ((4, 5), 0.25, 5),
        ((2, 3, 4), 1.0, 2),
    ],
)
def test_shapes(batch_dims: tuple[int, ...], hard_fraction: float, num_negs_per_pos: int) -> None:
    """Shapes and values are those of PyKEEN's samplers."""
    sampler = make(num_negs_per_pos=num_negs_per_pos, hard_fraction=hard_fraction)
    positives = TRIPLES[: max(1, math.prod(batch_dims))].view(*batch_dims, 3)
    negatives = sampler.corrupt_batch(positives)
    assert negatives.shape == (*batch_dims, num_negs_per_pos, 3)
    assert negatives.dtype == torch.long
    check(positives, negatives)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize(
    ("selection", "reverse", "schedule", "base_sampler"),
    [
        ("nearest", "short", "linear", "basic"),
        ("band", "ddpm", "cosine", "bernoulli"),
        ("semihard", "short", "unscaled", "pseudotyped"),
    ],
)
def test_variants(generator: Any, selection: str, reverse: Any, schedule: str, base_sampler: str) -> None:
    """All choices fulfil the contract."""
    sampler = make(
        hard_fraction=0.5,
        generator=generator,
        selection=selection,
        reverse=reverse,
        schedule=schedule,
        base_sampler=base_sampler,
    )
    for positives in TRIPLES.split(512):
        check(positives, sampler.corrupt_batch(positives))


@pytest.mark.parametrize("selection", ["nearest", "band", "semihard"])
def test_unknown_positives(selection: str) -> None:
    """Positives that the sampler has not been built from are no negatives either."""
    validation = Nations().validation
    assert validation is not None
    positives = validation.mapped_triples
    check(positives, make(selection=selection).eval().corrupt_batch(positives))


def test_positives_are_not_modified() -> None:
    """The positives stay what they are."""
    positives = TRIPLES[:16].clone()
    make().corrupt_batch(positives)
    assert positives.equal(TRIPLES[:16])


@pytest.mark.parametrize("num_negs_per_pos", [1, 3, 4, 8])
@pytest.mark.parametrize("batch_size", [32, 33])
def test_equal_shares(batch_size: int, num_negs_per_pos: int) -> None:
    """Heads and tails get equal shares, in each column."""
    positives = TRIPLES[:batch_size]
    negatives = make(num_negs_per_pos=num_negs_per_pos).corrupt_batch(positives)
    is_head = negatives[..., 0] != positives[:, None, 0]
    assert (is_head.sum(dim=0) - batch_size / 2).abs().max() <= 0.5


def test_single_positives() -> None:
    """Batches of one positive get heads in one half of them, and tails in the other."""
    torch.manual_seed(0)
    sampler = make(num_negs_per_pos=1)
    negatives = torch.cat([sampler.corrupt_batch(TRIPLES[:1]) for _ in range(100)])
    assert 30 <= (negatives[:, 0, 0] != TRIPLES[0, 0]).sum() <= 70


@pytest.mark.parametrize("batch_dims", [(0,), (3, 0)])
def test_empty_batch(batch_dims: tuple[int, ...]) -> None:
    """There are no negatives for no positives."""
    for hard_fraction in (0.0, 0.5, 1.0):
        negatives = make(hard_fraction=hard_fraction).corrupt_batch(torch.empty(*batch_dims, 3, dtype=torch.long))
        assert negatives.shape == (*batch_dims, 8, 3)


def test_short_integers() -> None:
    """IDs of 32 bits do not overflow where those of 64 bits do not."""
    triples = torch.as_tensor([[59_999, 1, 59_998], [0, 0, 59_999]])
    expected, sampler = (
        make(x, num_entities=60_000, num_relations=2, hard_fraction=0.5) for x in (triples, triples.int())
    )
    assert sampler.known.contains(triples.int()).all()
    results = []
    for s, positives in ((expected, triples), (sampler, triples.int())):
        torch.manual_seed(0)
        results.append(s.corrupt_batch(positives))
    assert results[0].dtype == results[1].dtype == torch.long
    assert results[0].equal(results[1])


@pytest.mark.parametrize("num_candidates", [16, 1000])
@pytest.mark.parametrize("selection", ["nearest", "band", "semihard"])
def test_every_entity_can_be_drawn(selection: str, num_candidates: int) -> None:
    """All entities occur among the generated ones, the first and the last included."""
    triples = sparse_graph(num_entities=100)
    sampler = make(triples, num_entities=100, selection=selection, num_candidates=num_candidates)
    missing = {0: set(range(100)), 2: set(range(100))}
    for positives in 20 * triples.split(250):
        negatives = sampler.corrupt_batch(positives)
        for column, entities in missing.items():
            entities.difference_update(
                negatives[..., column][negatives[..., column] != positives[:, None, column]].tolist()
            )
        if not any(missing.values()):
            return
    pytest.fail(f"{missing} have not been drawn.")


@pytest.mark.parametrize("base_sampler", [None, "bernoulli"])
def test_share_of_hard_negatives(base_sampler: str | None) -> None:
    """Less than one column is reached on average over the rows."""
    triples = sparse_graph()
    sampler = make(triples, num_negs_per_pos=1, hard_fraction=0.25, base_sampler=base_sampler, num_candidates=2)
    # with two candidates, generated entities are recognized by their number in the batch
    shares = []
    for _ in range(30):
        values = sampler.corrupt_batch(triples)[:, 0]
        entities = torch.where(values[:, 0] != triples[:, 0], values[:, 0], values[:, 2])
        shares.append(entities.bincount().topk(2).values.sum() / len(triples))
    assert torch.stack(shares).mean().item() == pytest.approx(0.25, abs=0.02)


def count_completions(columns: list[int]) -> dict[tuple[int, ...], int]:
    """Count the known completions of each pair."""
    pairs, counts = TRIPLES[:, columns].unique(dim=0, return_counts=True)
    return {(a, b): count for (a, b), count in zip(pairs.tolist(), counts.tolist(), strict=True)}


@pytest.mark.parametrize("selection", ["nearest", "semihard"])
def test_no_known_triples(selection: str) -> None:
    """Known triples are replaced."""
    sampler = make(selection=selection)
    known = {tuple(triple) for triple in TRIPLES.tolist()}
    # in this dense graph, some pairs of relation and entity have no unknown completion
    heads, tails = (
        {pair for pair, count in count_completions(columns).items() if count == NUM_ENTITIES}
        for columns in ([0, 1], [1, 2])
    )
    for positives in TRIPLES.split(200):
        negatives = sampler.corrupt_batch(positives)
        repeated = positives.repeat_interleave(8, dim=0)
        for positive, (h, r, t) in zip(repeated.tolist(), negatives.view(-1, 3).tolist(), strict=True):
            assert (h, r, t) not in known or ((h, r) in heads if h == positive[0] else (r, t) in tails)


@pytest.mark.parametrize("filterer", sorted(filterer_resolver.options))
def test_filtered(filterer: str) -> None:
    """Filtering works as in PyKEEN: a mask of what is no training triple."""
    sampler = make(hard_fraction=0.25, filtered=True, filterer=filterer)
    negatives, mask = sampler.sample(TRIPLES)
    assert mask is not None
    assert mask.shape == negatives.shape[:-1]
    known = {tuple(triple) for triple in TRIPLES.tolist()}
    is_known = torch.as_tensor([tuple(t) in known for t in negatives.view(-1, 3).tolist()]).view_as(mask)
    assert not (mask & is_known).any()
    assert is_known.any()
    # a Bloom filter also takes about one in a thousand for known
    assert mask[~is_known].float().mean() > 0.98


@pytest.mark.parametrize("generator", GENERATORS)
def test_seed(generator: Any) -> None:
    """The same seed gives the same negatives, another seed gives others."""
    results = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        sampler = make(hard_fraction=0.5, generator=generator)
        results.append(torch.cat([sampler.corrupt_batch(positives) for positives in TRIPLES.split(400)]))
    assert results[0].equal(results[1])
    assert not results[0].equal(results[2])


def test_construction_does_not_touch_the_random_state() -> None:
    """What is drawn after the construction does not depend on it, so that runs can be resumed exactly."""
    torch.manual_seed(0)
    expected = torch.rand(5)
    torch.manual_seed(0)
    make()
    assert torch.rand(5).equal(expected)


@pytest.mark.slow
def test_learns_online() -> None:
    """On a graph with a rule, the hardest level comes near to the true entity, the easiest does not."""
    num_entities = 300
    head, relation = torch.cartesian_prod(torch.arange(num_entities), torch.arange(2)).repeat(5, 1).unbind(dim=-1)
    # entities are in 10 groups, and the relation leads to some members of the next group but one, or the one after it
    tail = (head % 10 + relation + 1) % 10 + 10 * torch.randint(num_entities // 10, size=head.shape)
    triples = torch.stack([head, relation, tail], dim=-1)
    # unguided: this is about what the diffusion model has learned
    sampler = make(triples, num_negs_per_pos=4, selection="nearest", num_candidates=num_entities, guidance=0.0)
    for _ in range(30):
        for positives in triples[torch.randperm(len(triples))].split(256):
            sampler.corrupt_batch(positives)
    negatives = torch.stack([sampler.corrupt_batch(triples) for _ in range(5)])
    is_tail = negatives[..., 2] != triples[:, None, 2]
    right_group = negatives[..., 2] % 10 == triples[:, None, 2] % 10
    share = (right_group & is_tail).sum(dim=(0, 1)) / is_tail.sum(dim=(0, 1))
    # one out of ten by chance
    assert share[0] > 0.5
    assert share[0] > 2 * share[-1]


def test_graphs_at_the_limit() -> None:
    """Two entities, one relation, a hub in every triple, a complete graph, and a single triple."""
    for triples, num_entities in (
        (torch.as_tensor([[0, 0, 1]]), 2),
        (torch.as_tensor([[0, 0, 1], [1, 0, 0], [0, 0, 0], [1, 0, 1]]), 2),
        (torch.stack([torch.zeros(50, dtype=torch.long), torch.arange(50) % 2, torch.arange(50)], dim=-1), 50),
        (torch.as_tensor([[3, 1, 3]]), 1000),
    ):
        for num_negs_per_pos in (1, 10):
            sampler = make(triples, num_entities=num_entities, num_negs_per_pos=num_negs_per_pos)
            for _ in range(3):
                check(triples, sampler.corrupt_batch(triples), num_entities)


def test_name() -> None:
    """It resolves by name."""
    assert negative_sampler_resolver.lookup("dhns") is DHNSNegativeSampler
    assert DHNSNegativeSampler.get_normalized_name() == "dhns"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda() -> None:
    """The sampler can be moved to a GPU, and takes and returns triples where they are."""
    sampler = make(hard_fraction=0.5).to("cuda")
    positives = TRIPLES.to("cuda")
    negatives = sampler.corrupt_batch(positives)
    assert negatives.device == positives.device
    check(positives, negatives)
    assert sampler.corrupt_batch(TRIPLES).device.type == "cpu"
