"""Tests for learning in the worker processes of a data loader."""

import copy
from pathlib import Path
from typing import Any

import pytest
from pykeen.datasets import Nations
from pykeen.pipeline import pipeline
from pykeen.triples.instances import BatchedSLCWAInstances
from torch.utils.data import DataLoader

from pykeen_dhns import DHNSNegativeSampler

#: Where Linux lists the open files of a process
DESCRIPTORS = Path("/proc/self/fd")


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
@pytest.mark.parametrize(
    ("num_workers", "method"), [(1, "fork"), (2, "fork"), pytest.param(1, "spawn", marks=pytest.mark.slow)]
)
def test_workers_learn(num_workers: int, method: str) -> None:
    """What is learned in worker processes arrives in the main process, with the optimiser's state and all scales."""
    dataset = instances()
    sampler = dataset.negative_sampler
    assert isinstance(sampler, DHNSNegativeSampler)
    module = sampler.entity_generator
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    tensors |= {f"optimizer {i}": x for i, x in enumerate(module.proxy_model.optimizer_tensors())}
    tensors |= {f"adam {i}": x for i, x in enumerate(module.generator.optimizer_tensors())}
    before = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    loader = DataLoader(dataset, batch_size=None, num_workers=num_workers, multiprocessing_context=method)
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


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="there is no list of open files")
def test_no_file_descriptors() -> None:
    """Samplers hold no files open, so there can be many of them."""
    samplers = [instances().negative_sampler]
    before = len(list(DESCRIPTORS.iterdir()))
    samplers += [instances().negative_sampler for _ in range(3)]
    samplers += [copy.deepcopy(sampler) for sampler in samplers]
    assert len(list(DESCRIPTORS.iterdir())) == before
