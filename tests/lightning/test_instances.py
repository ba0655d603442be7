"""Tests for the batches of a process."""

import pytest
import torch
from pykeen.triples.instances import BatchedSLCWAInstances
from torch import Tensor

from pykeen_dhns.lightning.instances import ShardedInstances, ShardedLoader
from pykeen_dhns.lightning.seeds import Purpose, derive_seed
from pykeen_dhns.lightning.shards import Shards

from .small import NATIONS


def make_instances(rank: int = 0, seed: int = 0, num_processes: int = 2, is_training: bool = True) -> ShardedInstances:
    """Make instances of one of two processes."""
    instances = BatchedSLCWAInstances.from_triples_factory(
        NATIONS.training, negative_sampler="dhns", negative_sampler_kwargs=dict(num_negs_per_pos=8, hard_fraction=0.5)
    )
    shards = Shards(NATIONS.training.num_triples, 100, num_processes=num_processes, rank=rank)
    return ShardedInstances(instances, shards, seed=seed, is_training=is_training)


def test_batches_depend_on_nothing_else() -> None:
    """A batch is the same whatever was drawn before, but for another epoch, number, seed, or process."""
    reference = make_instances()[3, 2]
    torch.rand(5)
    again = make_instances()[3, 2]
    assert reference.keys() == again.keys()
    assert reference["positives"].equal(again["positives"])
    assert reference["negatives"].equal(again["negatives"])
    assert reference["total_size"] == 200
    others = [
        make_instances()[4, 2],
        make_instances()[3, 1],
        make_instances(seed=1)[3, 2],
        make_instances(rank=1)[3, 2],
    ]
    for other in others:
        assert not reference["positives"].equal(other["positives"])


def test_processes_draw_other_numbers() -> None:
    """Two processes do not draw the same negatives for different triples."""

    def entities(rank: int) -> Tensor:
        instances = BatchedSLCWAInstances.from_triples_factory(
            NATIONS.training,
            negative_sampler="basic",
            negative_sampler_kwargs=dict(num_negs_per_pos=8, corruption_scheme=("tail",)),
        )
        shards = Shards(NATIONS.training.num_triples, 100, num_processes=2, rank=rank)
        batch = ShardedInstances(instances, shards, seed=0, is_training=True)[0, 0]
        # PyKEEN draws a shift
        shifts: Tensor = (batch["negatives"][..., 2] - batch["positives"][:, None, 2]) % NATIONS.num_entities
        return shifts

    # by chance, one in 13
    assert (entities(0) == entities(1)).float().mean() < 0.2


def test_nothing_is_drawn_elsewhere() -> None:
    """The global random state stays what it is."""
    instances = make_instances()
    before = torch.random.get_rng_state()
    instances[0, 0]
    assert before.equal(torch.random.get_rng_state())


def test_validation_teaches_nothing() -> None:
    """A sampler learns from training triples, but not from those for validation, which keep their order."""
    for is_training in (False, True):
        instances = make_instances(num_processes=1, is_training=is_training)
        sampler = instances.instances.negative_sampler
        before = [p.clone() for p in sampler.parameters()]
        batch = instances[0, 0]
        assert sampler.training
        assert all(a.equal(b) for a, b in zip(before, sampler.parameters(), strict=True)) != is_training
        assert batch["positives"].equal(NATIONS.training.mapped_triples[:100]) != is_training


def collect(loader: ShardedLoader) -> list[Tensor]:
    """Return positives and negatives of all batches of a loader."""
    return [torch.cat([batch["positives"], batch["negatives"].flatten(end_dim=1)]) for batch in loader]


def test_resumption() -> None:
    """A loader goes on where another one was, but only in the same epoch, and only once."""
    epoch = 2
    first = ShardedLoader(make_instances(), epoch=lambda: epoch)
    assert len(first) == 8
    expected = collect(first)
    assert first.state_dict() == {"epoch": 2, "batch": 8}

    interrupted = ShardedLoader(make_instances(), epoch=lambda: epoch)
    iterator = iter(interrupted)
    for _ in range(3):
        next(iterator)
    state = interrupted.state_dict()
    assert state == {"epoch": 2, "batch": 3}
    second = ShardedLoader(make_instances(), epoch=lambda: epoch)
    second.load_state_dict(state)
    assert second.state_dict() == state
    positives = [x[:100] for x in collect(second)]
    assert all(a.equal(b[:100]) for a, b in zip(positives, expected[3:], strict=True))
    assert second.state_dict() == {"epoch": 2, "batch": 8}
    assert len(collect(second)) == 8

    second.load_state_dict(state)
    epoch = 3
    assert len(collect(second)) == 8


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
def test_workers() -> None:
    """Workers make the same batches, in the same order."""

    def make_loader(num_workers: int) -> ShardedLoader:
        instances = make_instances()
        # what a sampler learns depends on which worker is the first
        instances.instances.negative_sampler.eval()
        return ShardedLoader(instances, epoch=lambda: 1, num_workers=num_workers)

    for a, b in zip(collect(make_loader(0)), collect(make_loader(2)), strict=True):
        assert a.equal(b)


def test_seeds() -> None:
    """Each purpose, and each number, has another seed, also if the run's own is as large as it can be."""
    runs, numbers = (0, 1, 2**64 - 1), range(3)
    seeds = {derive_seed(seed, purpose, number) for seed in runs for purpose in Purpose for number in numbers}
    assert len(seeds) == 9 * len(Purpose)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(1, Purpose.ORDER, 2) == derive_seed(1, Purpose.ORDER, 2)
