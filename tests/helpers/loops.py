"""Small training loops, and everything that they learn."""

from collections.abc import Callable
from typing import Any

import torch
from pykeen.datasets import Nations
from pykeen.models import RotatE
from pykeen.triples.instances import SLCWABatch
from torch import Tensor

from pykeen_dhns import DHNSTrainingLoop
from pykeen_dhns.training.model_adapter import AnyModel

__all__ = ["FACTORY", "assert_same", "make_batch", "make_loop", "state", "train"]

FACTORY = Nations().training


def make_loop(
    model: Callable[..., AnyModel] = RotatE, seed: int = 0, model_kwargs: dict[str, Any] | None = None, **kwargs: Any
) -> DHNSTrainingLoop:
    """Create a loop with a small model."""
    torch.manual_seed(seed)
    model_kwargs = dict(embedding_dim=6, loss="nssa", random_seed=seed) | (model_kwargs or {})
    defaults: dict[str, Any] = dict(optimizer="adam", num_negs_per_pos=4, num_timesteps=20)
    return DHNSTrainingLoop(
        model=model(triples_factory=FACTORY, **model_kwargs), triples_factory=FACTORY, **(defaults | kwargs)
    )


def train(loop: DHNSTrainingLoop, num_epochs: int = 2, **kwargs: Any) -> list[float]:
    """Train for a moment."""
    defaults: dict[str, Any] = dict(batch_size=256, use_tqdm=False)
    losses = loop.train(FACTORY, num_epochs=num_epochs, **(defaults | kwargs))
    assert losses is not None
    return losses


def state(loop: DHNSTrainingLoop) -> dict[str, Tensor]:
    """Return all tensors of a loop: of the model, the generator, the sampler, and all optimisers."""
    tensors = {f"model.{key}": value for key, value in loop.model.state_dict().items()}
    for name, module in (("generator", loop.objective.generator), ("sampler", loop.sampler)):
        if module is not None:
            tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items() if torch.is_tensor(value)}
    for name, optimizer in (("own", loop.optimizer), ("generator's", loop.objective.generator_optimizer)):
        if optimizer is not None:
            for i, values in enumerate(optimizer.state.values()):
                tensors |= {f"{name}.{i}.{key}": value for key, value in values.items()}
    return tensors


def assert_same(first: DHNSTrainingLoop, second: DHNSTrainingLoop) -> None:
    """Check that two loops ended in the same state, bit for bit, with the same losses."""
    a, b = state(first), state(second)
    assert a.keys() == b.keys()
    for key, value in a.items():
        assert value.equal(b[key]), key
    assert first.losses_per_epochs == second.losses_per_epochs


def make_batch(size: int = 32, num_negs_per_pos: int = 4, positives: Tensor | None = None) -> SLCWABatch:
    """Create a batch of positives, by default the first ones, with negatives whose tails are corrupted."""
    positives = FACTORY.mapped_triples[:size] if positives is None else positives
    negatives = positives.unsqueeze(dim=1).repeat(1, num_negs_per_pos, 1)
    negatives[..., 2] = (negatives[..., 2] + 1) % FACTORY.num_entities
    return SLCWABatch(positives=positives, negatives=negatives)
