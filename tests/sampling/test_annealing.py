"""Tests for a share of generated negatives that decreases to zero."""

import copy
from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.models import TransE
from pykeen.sampling import BernoulliNegativeSampler, negative_sampler_resolver
from pykeen.training import SLCWATrainingLoop
from pykeen.triples.instances import BatchedSLCWAInstances
from torch.utils.data import DataLoader

from pykeen_dhns import DHNSNegativeSampler

from .samplers import TRIPLES, check, make
from ..helpers.sharing import is_shared


def num_generated(sampler: DHNSNegativeSampler) -> int:
    """Return how many columns of the next batch are generated."""
    assert sampler.annealing is not None
    return sampler.annealing.next_layout(1, count=False).num_generated


def see(sampler: DHNSNegativeSampler, num_passes: int) -> None:
    """Let a sampler see passes over the triples, in batches that do not divide them."""
    for positives in TRIPLES.repeat(num_passes, 1).split(300):
        sampler.corrupt_batch(positives)


@pytest.mark.parametrize(
    ("num_negs_per_pos", "hard_fraction", "anneal_epochs", "expected"),
    [
        (8, 1.0, 4, [8, 6, 4, 2, 0, 0]),
        # 4, 2.67 and 1.33 columns are rounded
        (8, 0.5, 3, [4, 3, 1, 0]),
        # less than one column is one column
        (8, 0.125, 2, [1, 1, 0]),
        (8, 0.5, 1, [4, 0]),
        (1, 1.0, 2, [1, 1, 0]),
    ],
)
def test_fewer_columns(num_negs_per_pos: int, hard_fraction: float, anneal_epochs: int, expected: list[int]) -> None:
    """With each pass, there are fewer generated negatives, and all negatives are valid."""
    sampler = make(num_negs_per_pos=num_negs_per_pos, hard_fraction=hard_fraction, anneal_epochs=anneal_epochs)
    numbers = []
    for _ in expected:
        numbers.append(num_generated(sampler))
        for positives in TRIPLES.split(512):
            negatives = sampler.corrupt_batch(positives)
            assert negatives.shape == (len(positives), num_negs_per_pos, 3)
            check(positives, negatives)
    assert numbers == expected


def test_share_of_rows() -> None:
    """Less than one column is reached on average over the rows, and this share decreases, too."""
    sampler = make(num_negs_per_pos=1, hard_fraction=0.5, anneal_epochs=5)
    assert sampler.annealing is not None
    shares = [sampler.annealing.next_layout(len(TRIPLES), count=True).occupancy for _ in range(6)]
    assert shares == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.1, 1.0])


@pytest.mark.parametrize(
    "kwargs", [dict(), dict(base_sampler="basic"), dict(hard_fraction=0.125, base_sampler="basic")]
)
def test_ends_as_the_base_sampler(kwargs: dict[str, Any]) -> None:
    """Afterwards, negatives are those of the base sampler, bit for bit, and nothing learns."""
    sampler = make(anneal_epochs=2, **kwargs)
    see(sampler, num_passes=2)
    before = copy.deepcopy(sampler.entity_generator.state_dict())
    base = negative_sampler_resolver.make(
        kwargs.get("base_sampler", BernoulliNegativeSampler), mapped_triples=TRIPLES, num_negs_per_pos=8
    )
    results = []
    for each in (sampler, base):
        torch.manual_seed(0)
        results.append(each.corrupt_batch(TRIPLES))
    assert results[0].equal(results[1])
    torch.testing.assert_close(sampler.entity_generator.state_dict(), before, rtol=0, atol=0)


def test_evaluation_mode_does_not_count() -> None:
    """In evaluation mode, triples are not counted."""
    sampler = make(anneal_epochs=1).eval()
    see(sampler, num_passes=3)
    assert num_generated(sampler) == 8


def test_nothing_to_anneal() -> None:
    """Without generated negatives, there is nothing to count."""
    assert make(hard_fraction=0.0, anneal_epochs=3).annealing is None


def test_state() -> None:
    """A sampler that is loaded, or copied, goes on in the pass where the original was."""
    sampler = make(anneal_epochs=3)
    see(sampler, num_passes=1)
    other = make(anneal_epochs=3)
    other.load_state_dict(sampler.state_dict())
    for restored in (other, copy.deepcopy(sampler)):
        assert restored.annealing is not None
        assert num_generated(restored) == 5
        assert is_shared(restored.annealing)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers() -> None:
    """What worker processes have seen is counted, and the next epoch goes on from there."""
    instances = BatchedSLCWAInstances.from_triples_factory(
        Nations().training,
        batch_size=64,
        drop_last=False,
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=8, hard_fraction=1.0, anneal_epochs=4),
    )
    sampler = instances.negative_sampler
    assert isinstance(sampler, DHNSNegativeSampler)
    numbers = []
    for num_workers in (2, 1, 0):
        numbers.append(num_generated(sampler))
        list(DataLoader(instances, batch_size=None, num_workers=num_workers))
    assert [*numbers, num_generated(sampler)] == [8, 6, 4, 2]


@pytest.mark.parametrize("kwargs", [dict(), dict(sub_batch_size=50)])
def test_training_loop(kwargs: dict[str, Any]) -> None:
    """In PyKEEN's own loop, a pass is an epoch, whatever the size of sub-batches."""
    factory = Nations().training
    sampler = make(num_negs_per_pos=4, anneal_epochs=4)
    model = TransE(triples_factory=factory, embedding_dim=4)
    loop = SLCWATrainingLoop(model=model, triples_factory=factory, optimizer="adam", negative_sampler=sampler)
    loop.train(factory, num_epochs=2, batch_size=100, drop_last=False, use_tqdm=False, **kwargs)
    assert num_generated(sampler) == 2
