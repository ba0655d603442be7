"""Tests for the base sampler, and for the sides that are corrupted."""

import pickle
from typing import Any

import pytest
import torch
from pykeen.sampling import BasicNegativeSampler, BernoulliNegativeSampler, NegativeSampler
from torch import Tensor

from .samplers import TRIPLES, check, make
from ..helpers.padding import Padded, PaddingFilterer


class Lazy(NegativeSampler):
    """A sampler which returns the positives."""

    def corrupt_batch(self, positive_batch: Tensor) -> Tensor:
        """Return copies."""
        return positive_batch.unsqueeze(dim=1).repeat(1, self.num_negs_per_pos, 1)


class OneSided(Lazy):
    """The same, with a corruption scheme."""

    def __init__(self, *, corruption_scheme: Any, **kwargs: Any) -> None:
        """Initialize the sampler."""
        super().__init__(**kwargs)
        self.corruption_scheme = corruption_scheme


def make_basic(num_negs_per_pos: int, **kwargs: Any) -> BasicNegativeSampler:
    """Make an instance."""
    return BasicNegativeSampler(mapped_triples=TRIPLES, num_negs_per_pos=num_negs_per_pos, **kwargs)


def test_only_base_sampler() -> None:
    """Without hard negatives, it is the base sampler, and nothing can learn."""
    sampler = make(hard_fraction=0.0)
    torch.manual_seed(1)
    negatives = sampler.corrupt_batch(TRIPLES)
    torch.manual_seed(1)
    assert negatives.equal(make_basic(8).corrupt_batch(TRIPLES))
    assert not list(sampler.parameters())
    assert not sampler.state_dict()


def test_large_graph() -> None:
    """Without hard negatives, a graph of Freebase's size takes no memory."""
    triples = torch.as_tensor([[86_054_150, 14_823, 0]])
    sampler = make(triples, num_entities=86_054_151, num_relations=14_824, hard_fraction=0.0)
    check(triples, sampler.corrupt_batch(triples), num_entities=86_054_151)
    assert pickle.loads(pickle.dumps(sampler)).num_entities == 86_054_151  # noqa: S301


def test_base_sampler_that_returns_positives() -> None:
    """Copies of the positive are replaced, whatever the base sampler does."""
    check(TRIPLES, make(hard_fraction=0.5, base_sampler=Lazy).corrupt_batch(TRIPLES))


def test_instance() -> None:
    """An instance is used as it is."""
    instance = make_basic(4)
    sampler = make(hard_fraction=0.5, base_sampler=instance)
    assert sampler.base_sampler is instance
    check(TRIPLES, sampler.corrupt_batch(TRIPLES))


def test_padding() -> None:
    """Padding passes through, and can be left out by a filterer."""
    sampler = make(hard_fraction=0.5, base_sampler=Padded, filterer=PaddingFilterer)
    negatives, mask = sampler.sample(TRIPLES)
    assert mask is not None
    assert negatives[:, 3].eq(-1).all()
    assert not mask[:, 3].any()
    check(TRIPLES, negatives[:, [0, 1, 2, 4, 5, 6, 7]])


@pytest.mark.parametrize(
    "kwargs",
    [
        dict(hard_fraction=0.5),
        # a column of which a part is generated
        dict(num_negs_per_pos=1, hard_fraction=0.5),
        dict(hard_fraction=1.0),
        dict(hard_fraction=0.0),
        dict(hard_fraction=0.5, base_sampler="basic"),
        dict(hard_fraction=0.5, base_sampler=OneSided),
    ],
)
@pytest.mark.parametrize(("side", "column"), [("head", 0), ("tail", 2)])
def test_single_side(side: str, column: int, kwargs: dict[str, Any]) -> None:
    """All negatives differ in the one side that is to be corrupted, on a dense graph, too."""
    sampler = make(corruption_scheme=(side,), **kwargs)
    negatives = sampler.corrupt_batch(TRIPLES)
    check(TRIPLES, negatives)
    assert (negatives[..., column] != TRIPLES[:, None, column]).all()


@pytest.mark.parametrize(
    "kwargs",
    [
        dict(base_sampler="basic", base_sampler_kwargs=dict(corruption_scheme=["tail"])),
        dict(base_sampler=make_basic(4, corruption_scheme=("tail",))),
    ],
)
def test_side_of_the_base_sampler(kwargs: dict[str, Any]) -> None:
    """Generated negatives differ in the side that the base sampler corrupts."""
    negatives = make(hard_fraction=0.5, **kwargs).corrupt_batch(TRIPLES)
    check(TRIPLES, negatives)
    assert negatives[..., 0].equal(TRIPLES[:, :1].expand(-1, 8))


def test_both_sides() -> None:
    """If both sides are asked for, nothing changes."""
    expected = make(hard_fraction=0.5)
    assert isinstance(expected.base_sampler, BernoulliNegativeSampler)
    results = []
    for sampler in (expected, make(hard_fraction=0.5, corruption_scheme={"head", "tail"})):
        torch.manual_seed(0)
        results.append(sampler.corrupt_batch(TRIPLES))
    assert results[0].equal(results[1])


def test_relations() -> None:
    """Relations can be corrupted if nothing is generated."""
    for kwargs in (
        dict(corruption_scheme=("relation",)),
        dict(base_sampler="basic", base_sampler_kwargs=dict(corruption_scheme=("relation",))),
    ):
        negatives = make(hard_fraction=0.0, **kwargs).corrupt_batch(TRIPLES)
        assert (negatives[..., 1] != TRIPLES[:, None, 1]).all()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(base_sampler="dhns"), r"base_sampler='dhns'"),
        (dict(base_sampler=make(num_negs_per_pos=4)), r"(?s)base_sampler=.*is this sampler itself"),
        (
            dict(base_sampler="basic", base_sampler_kwargs=dict(num_negs_per_pos=3)),
            r"base_sampler_kwargs.*num_negs_per",
        ),
        (dict(base_sampler="basic", base_sampler_kwargs=dict(filtered=True)), r"base_sampler_kwargs.*filtered"),
        (dict(base_sampler_kwargs=dict(corruption_scheme=("tail",))), r"without base_sampler.*base_sampler='basic'"),
        (dict(base_sampler=make_basic(8)), r"base_sampler.*num_negs_per_pos=8, but 4"),
        (dict(base_sampler=make_basic(4, filtered=True)), r"base_sampler.*filterer"),
        (
            dict(base_sampler=make_basic(4), base_sampler_kwargs=dict(corruption_scheme=("tail",))),
            r"base_sampler_kwargs=.*instance",
        ),
        (dict(corruption_scheme=("tail",), base_sampler="bernoulli"), r"base_sampler='bernoulli'.*Use .*'basic'"),
        (dict(corruption_scheme=("head", "relation")), r"'relation'.*hard_fraction=0"),
        (
            dict(base_sampler="basic", base_sampler_kwargs=dict(corruption_scheme=("tail", "relation"))),
            r"'relation'.*hard_fraction=0",
        ),
        (
            dict(
                corruption_scheme=("head",),
                base_sampler="basic",
                base_sampler_kwargs=dict(corruption_scheme=("tail",)),
            ),
            r"corruption_scheme=\('head',\) is given, but the base sampler has \('tail',\)",
        ),
        (dict(corruption_scheme=("head",), base_sampler=make_basic(4)), r"corruption_scheme=.*Leave one of them out"),
    ],
)
def test_refused(kwargs: dict[str, Any], message: str) -> None:
    """What does not fit, or would have no effect, is refused, with what to do."""
    with pytest.raises(ValueError, match=message):
        make(hard_fraction=0.5, **kwargs)
