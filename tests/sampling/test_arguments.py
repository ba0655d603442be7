"""Tests that bad arguments of the sampler are refused, and that it is found by name."""

import math
from typing import Any

import pytest
import torch
from pykeen.sampling import negative_sampler_resolver
from torch import Tensor

from pykeen_dhns import DHNSNegativeSampler

from .samplers import make


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(num_negs_per_pos=0), r"num_negs_per_pos=0 .*>= 1"),
        (dict(num_negs_per_pos=-1), r"num_negs_per_pos=-1 .*>= 1"),
        (dict(hard_fraction=-0.1), r"hard_fraction=-0.1 .*\[0, 1\]"),
        (dict(hard_fraction=1.1), r"hard_fraction=1.1 .*\[0, 1\]"),
        (dict(hard_fraction=math.nan), r"hard_fraction=nan .*\[0, 1\]"),
        (dict(levels=[1.5]), r"levels=.*\(0, 1\]"),
        (dict(num_timesteps=1), r"num_timesteps=1 .*at least 2"),
        (dict(num_candidates=0), r"num_candidates=0 .*>= 1"),
        (dict(embedding_dim=31), r"embedding_dim=31 .*multiple of 2"),
        (dict(embedding_dim=0), r"embedding_dim=0 .*multiple of 2"),
        (dict(learning_rate=0.0), r"learning_rate=0.0 .*positive"),
        (dict(learning_rate=math.nan), r"learning_rate=nan .*positive"),
        (dict(shadow_learning_rate=-1), r"shadow_learning_rate=-1 .*positive"),
        (dict(guidance=1.5), r"guidance=1\.5"),
        (dict(reverse="euler"), r"reverse='euler' .*ddpm.*short"),
        (dict(num_entities=13), r"IDs from 0 to 13.*num_entities=13.*\[0, num_entities\)"),
        (dict(num_relations=54), r"IDs from 0 to 54.*num_relations=54.*\[0, num_relations\)"),
        (dict(selection_kwargs=dict(exponent=-1)), r"exponent=-1"),
    ],
)
def test_bad_arguments(kwargs: dict[str, Any], message: str) -> None:
    """Bad arguments are refused at construction, with argument, value, and range."""
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


@pytest.mark.parametrize("argument", ["base_sampler", "generator", "selection", "schedule", "filterer"])
def test_unknown_names(argument: str) -> None:
    """Unknown names lead to the resolvers' own error."""
    kwargs: dict[str, Any] = {argument: "nope"}
    with pytest.raises(KeyError, match="nope"):
        make(**kwargs)


@pytest.mark.parametrize(
    ("triples", "message"),
    [
        (torch.empty(0, 3, dtype=torch.long), r"mapped_triples has shape \(0, 3\)"),
        (torch.zeros(5, 2, dtype=torch.long), r"mapped_triples has shape \(5, 2\)"),
        (torch.as_tensor([[0, 0, -1]]), "IDs from -1 to 0"),
        (torch.as_tensor([[0, 0, 0]]), "num_entities=1 is too small"),
    ],
)
def test_bad_triples(triples: Tensor, message: str) -> None:
    """Triples that cannot be corrupted are refused."""
    with pytest.raises(ValueError, match=message):
        make(triples)


def test_name() -> None:
    """It resolves by name."""
    assert negative_sampler_resolver.lookup("dhns") is DHNSNegativeSampler
    assert DHNSNegativeSampler.get_normalized_name() == "dhns"
