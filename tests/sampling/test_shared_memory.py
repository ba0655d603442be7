"""Tests for learning in the worker processes of a data loader."""

import logging
from pathlib import Path
from typing import Any

import pytest
from pykeen.datasets import Nations
from pykeen.pipeline import pipeline
from pykeen.triples.instances import BatchedSLCWAInstances
from torch import Tensor
from torch.utils.data import DataLoader

from pykeen_dhns import DHNSNegativeSampler
from pykeen_dhns.sampling.shared_memory import share_memory


def instances(**kwargs: Any) -> BatchedSLCWAInstances:
    """Create training instances."""
    return BatchedSLCWAInstances.from_triples_factory(
        Nations().training,
        batch_size=64,
        drop_last=False,
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=8, hard_fraction=0.5, **kwargs),
    )


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("num_workers", [1, 2])
def test_workers_learn(num_workers: int) -> None:
    """What is learned in worker processes arrives in the main process, with the optimiser's state and all scales."""
    dataset = instances()
    sampler = dataset.negative_sampler
    assert isinstance(sampler, DHNSNegativeSampler)
    module = sampler.entity_generator
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    tensors |= {f"optimizer {i}": x for i, x in enumerate(module.proxy_model.optimizer_tensors())}
    tensors |= {f"adam {i}": x for i, x in enumerate(module.generator.optimizer_tensors())}
    before = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    loader = DataLoader(dataset, batch_size=None, num_workers=num_workers)
    for batch in loader:
        assert batch["negatives"].shape[1:] == (8, 3)
    constant = {
        f"generator.{name}" for name in ("process.betas", "process.alphas_cumprod", "denoiser.time_embedding.table")
    }
    assert {name for name, tensor in tensors.items() if tensor.equal(before[name])} == constant
    after = module.proxy_model.entity.weight.detach().clone()
    # the next epoch, with new workers, goes on from there
    list(loader)
    assert not module.proxy_model.entity.weight.equal(after)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Length of IterableDataset:UserWarning")
def test_pipeline_with_workers() -> None:
    """PyKEEN's own loop with workers."""
    result = pipeline(
        dataset="nations",
        model="TransE",
        model_kwargs=dict(embedding_dim=8),
        negative_sampler="dhns",
        training_kwargs=dict(num_epochs=2, num_workers=2, use_tqdm=False),
        evaluation_kwargs=dict(use_tqdm=False),
        random_seed=0,
        device="cpu",
    )
    assert len(result.losses) == 2


@pytest.mark.parametrize("error", [RuntimeError, OSError])
def test_no_shared_memory(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """Where memory cannot be shared, the sampler works without."""

    def fail(*_: object) -> Tensor:
        raise error

    monkeypatch.setattr(Tensor, "share_memory_", fail)
    sampler = instances().negative_sampler
    assert isinstance(sampler, DHNSNegativeSampler)
    assert not sampler.is_shared
    assert sampler.corrupt_batch(Nations().training.mapped_triples).shape[1:] == (8, 3)


def test_too_little_shared_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Where there is too little, nothing breaks, and a worker says what is lost and what to do, once."""
    monkeypatch.setattr("pykeen_dhns.sampling.shared_memory.SHARED_MEMORY", tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), dict(free=1000)))
    sampler = instances().negative_sampler
    assert isinstance(sampler, DHNSNegativeSampler)
    assert not sampler.is_shared
    assert not sampler.entity_generator.proxy_model.entity.weight.is_shared()
    triples = Nations().training.mapped_triples[:8]
    with caplog.at_level(logging.WARNING):
        sampler.corrupt_batch(triples)
        assert not caplog.messages
        monkeypatch.setattr("pykeen_dhns.sampling.sampler.get_worker_info", lambda: object())
        for _ in range(2):
            sampler.corrupt_batch(triples)
    assert len(caplog.messages) == 1
    assert "num_workers=0" in caplog.messages[0]


def test_sharing_again_needs_no_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is shared already stays shared, e.g., in a worker process, even if there is no room left."""
    sampler = instances().negative_sampler
    assert isinstance(sampler, DHNSNegativeSampler)
    monkeypatch.setattr("pykeen_dhns.sampling.shared_memory.SHARED_MEMORY", tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), dict(free=0)))
    assert share_memory(sampler.entity_generator)
