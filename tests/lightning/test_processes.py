"""Tests for training in two processes, on the CPU."""

from pathlib import Path
from typing import Any

import pytest
import torch

from .launching import launch, needs_groups
from .processes import WHOLE, whole
from .small import NATIONS, ODD, assert_same

pytestmark = [needs_groups, pytest.mark.slow]

Results = list[dict[str, Any]]


@pytest.fixture(name="results", scope="module")
def _results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return what each of two processes has seen."""
    folder = tmp_path_factory.mktemp("processes")
    launch("-m", "tests.lightning.processes", folder, cwd=Path(__file__).parents[2])
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def count(results: Results, name: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the triples of each epoch, and how often each was seen."""
    epochs = zip(*(result[name]["positives"] for result in results), strict=True)
    return [
        torch.cat([x for batches in shares for x in batches]).unique(dim=0, return_counts=True) for shares in epochs
    ]


RUNS = [*(f"whole-{name}" for name in WHOLE), "remainder", "uninterrupted-end", "uninterrupted-middle", "multimodal"]


@pytest.mark.parametrize("name", RUNS)
def test_every_triple_is_seen_once(name: str, results: Results) -> None:
    """Each triple is trained on by exactly one of the processes, in each epoch."""
    dataset = NATIONS if name == "multimodal" else ODD
    for triples, counts in count(results, name):
        assert triples.equal(dataset.training.mapped_triples.unique(dim=0))
        assert counts.eq(1).all()


@pytest.mark.parametrize("name", RUNS)
def test_processes_agree(name: str, results: Results) -> None:
    """After each step, all parameters and scales are the same, bit for bit, also with different seeds."""
    first, second = (result[name] for result in results)
    assert first["steps"].equal(second["steps"])
    assert first["losses"].equal(second["losses"])
    assert first["steps"].isfinite().all()
    # they do change
    assert not first["steps"][0].equal(first["steps"][-1])


def test_order(results: Results) -> None:
    """Each epoch has an order of its own, and shares are as large as they should be."""
    first, second = (result["whole-sampled"]["positives"] for result in results)
    assert [len(x) for x in first[0]] == [61] * 13 + [3]
    assert [len(x) for x in second[0]] == [61] * 13 + [2]
    assert not first[0][0].equal(first[1][0])
    assert [len(x) for x in results[0]["remainder"]["positives"][0]] == [159] * 4 + [160]


@pytest.mark.parametrize("name", WHOLE)
def test_half_the_batch(name: str, results: Results) -> None:
    """Two processes with half of the batch each do what one does with all of it."""
    one, two = whole(1, **WHOLE[name]), results[0][f"whole-{name}"]
    torch.testing.assert_close(one["losses"], two["losses"], rtol=1e-5, atol=0)
    torch.testing.assert_close(one["steps"], two["steps"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one["val_loss"], two["val_loss"], rtol=1e-4, atol=0)
    # this says something: the model has moved by much more
    assert (one["models"][-1] - one["models"][0]).abs().max() > 1e-2


@pytest.mark.parametrize(("when", "num_steps"), [("end", 14), ("middle", 17)])
def test_resumed(when: str, num_steps: int, results: Results) -> None:
    """A run that is resumed ends like one that was not, in all processes, with what the sampler has learned."""
    names = f"uninterrupted-{when}", f"resumed-{when}"
    states = [result[name]["state"] for result in results for name in names]
    # only one of the runs has a sampler that learns
    assert any(key.startswith("sampler.entity_generator.proxy_model") for key in states[0]) == (when == "end")
    for state in states[1:]:
        assert_same(states[0], state)
    for result in results:
        uninterrupted, resumed = (result[name] for name in names)
        assert len(uninterrupted["steps"]) == 3 * 14
        assert uninterrupted["steps"][-num_steps:].equal(resumed["steps"])
        assert uninterrupted["losses"][2].equal(resumed["losses"][-1])


def test_validation(results: Results) -> None:
    """The loss of the validation triples is that of all of them."""
    first, second = (result["multimodal"]["val_loss"] for result in results)
    assert first == second
    assert first.isfinite()


def test_stock(results: Results) -> None:
    """PyKEEN's own module works with our sampler, too, but both processes train on the same triples."""
    assert results[0]["stock"]["losses"].isfinite().all()
    for _, counts in count(results, "stock"):
        assert counts.eq(2).all()
