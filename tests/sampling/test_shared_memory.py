"""Tests for learning in the worker processes of a data loader."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.pipeline import pipeline
from pykeen.triples.instances import BatchedSLCWAInstances
from torch.utils.data import DataLoader

from pykeen_dhns import DHNSNegativeSampler, sampling


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
    generator = sampler.entity_generator
    tensors = {**dict(generator.named_parameters()), **dict(generator.named_buffers())}
    tensors |= {f"optimizer {i}": x for i, x in enumerate(generator.shadow.optimizer_tensors())}
    tensors |= {f"adam {i}": x for i, x in enumerate(generator.diffheg.optimizer_tensors())}
    before = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    loader = DataLoader(dataset, batch_size=None, num_workers=num_workers)
    for batch in loader:
        assert batch["negatives"].shape[1:] == (8, 3)
    constant = {"diffheg.process.betas", "diffheg.process.alphas_cumprod", "diffheg.denoiser.time_embedding.table"}
    assert {name for name, tensor in tensors.items() if tensor.equal(before[name])} == constant
    after = generator.shadow.entity.weight.detach().clone()
    # the next epoch, with new workers, goes on from there
    list(loader)
    assert not generator.shadow.entity.weight.equal(after)


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


def test_too_little_shared_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Where there is too little, nothing breaks, and a worker says what is lost and what to do, once."""
    monkeypatch.setattr("pykeen_dhns.sampling.shared_memory.SHARED_MEMORY", tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), dict(free=1000)))
    sampler = instances().negative_sampler
    assert isinstance(sampler, DHNSNegativeSampler)
    assert not sampler.is_shared
    assert not sampler.entity_generator.shadow.entity.weight.is_shared()
    triples = Nations().training.mapped_triples[:8]
    with caplog.at_level(logging.WARNING):
        sampler.corrupt_batch(triples)
        assert not caplog.messages
        monkeypatch.setattr(sampling, "get_worker_info", lambda: object())
        for _ in range(2):
            sampler.corrupt_batch(triples)
    assert len(caplog.messages) == 1
    assert "num_workers=0" in caplog.messages[0]


def test_loading_a_state_keeps_sharing() -> None:
    """A sampler whose state was loaded still shares."""
    first, second = (instances().negative_sampler for _ in range(2))
    second.load_state_dict(first.state_dict())
    assert isinstance(second, DHNSNegativeSampler)
    generator = second.entity_generator
    shared = [*generator.parameters(), *generator.diffheg.optimizer_tensors(), *generator.shadow.optimizer_tensors()]
    assert all(isinstance(tensor, torch.Tensor) and tensor.is_shared() for tensor in shared)
