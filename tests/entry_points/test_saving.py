"""Tests of saving and loading, also in a process that has not imported this package."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from pykeen.datasets import Nations

from pykeen_dhns import DHNSNegativeSampler

from ..helpers.pages import run_page
from ..helpers.sharing import is_shared

TRIPLES = Nations().training.mapped_triples


@pytest.mark.slow
def test_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page runs. In a new process without features, models score as where they were trained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    variables = run_page("saving", tmp_path)
    for name, folder in (("result", "trained"), ("other", "other")):
        expected = variables[name].model.predict_hrt(TRIPLES)
        assert torch.load(tmp_path / folder / "scores.pt", weights_only=True).equal(expected)
    assert variables["model"].predict_hrt(TRIPLES).equal(variables["result"].model.predict_hrt(TRIPLES))
    assert_same(variables["sampler"], variables["loaded"], variables["fresh"])


def assert_same(*samplers: DHNSNegativeSampler) -> None:
    """Check that samplers generate the same, learn the same, and have their tensors in shared memory."""
    results = []
    for sampler in samplers:
        torch.manual_seed(1)
        negatives = [sampler.corrupt_batch(TRIPLES[i : i + 64]) for i in (0, 64, 128)]
        results.append((torch.stack(negatives), sampler.state_dict()))
        assert is_shared(sampler.entity_generator)
    (expected, expected_state), *others = results
    for other, state in others:
        assert other.equal(expected)
        torch.testing.assert_close(state, expected_state, rtol=0, atol=0)


@pytest.mark.parametrize("kwargs", [dict(), dict(base_sampler="bernoulli", hard_fraction=0.5, filtered=True)])
def test_sampler(kwargs: dict[str, Any], tmp_path: Path) -> None:
    """A copied sampler, a loaded one, and one with a loaded state go on as if nothing had happened."""
    arguments: dict[str, Any] = dict(mapped_triples=TRIPLES, num_negs_per_pos=8, embedding_dim=8) | kwargs
    sampler, fresh = DHNSNegativeSampler(**arguments), DHNSNegativeSampler(**arguments)
    for start in (0, 64):
        sampler.corrupt_batch(TRIPLES[start : start + 64])
    torch.save(sampler, tmp_path / "sampler.pt")
    torch.save(sampler.state_dict(), tmp_path / "state.pt")
    fresh.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    loaded = torch.load(tmp_path / "sampler.pt", weights_only=False)
    assert_same(copy.deepcopy(sampler), sampler, loaded, fresh)
