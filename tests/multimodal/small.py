"""Small multimodal representations and models."""

from typing import Any

import torch
from pykeen.pipeline import PipelineResult, pipeline
from torch import Tensor, nn

from pykeen_dhns.multimodal.representation import MultimodalRepresentation

MAX_ID = 7


def make_features(max_id: int = MAX_ID, dim: int = 5, missing: tuple[int, ...] = (3,), seed: int = 0) -> Tensor:
    """Make features of an awkward scale, which some entities lack."""
    features = 10 * torch.randn(max_id, dim, generator=torch.Generator().manual_seed(seed)) + 100
    features[list(missing)] = torch.nan
    return features


def make_representation(**kwargs: Any) -> MultimodalRepresentation:
    """Make a representation with two further modalities, of different dimensions, and initialize it."""
    modalities = dict(textual=make_features(), visual=make_features(dim=3, missing=(3, 4), seed=1))
    defaults: dict[str, Any] = dict(max_id=MAX_ID, shape=(4,), modalities=modalities)
    representation = MultimodalRepresentation(**(defaults | kwargs))
    representation.reset_parameters()
    return representation


def randomize(module: nn.Module) -> None:
    """Draw all parameters at random, so that none is zero."""
    for parameter in module.parameters():
        nn.init.normal_(parameter)


def run(**kwargs: Any) -> PipelineResult:
    """Run the pipeline for a moment."""
    defaults: dict[str, Any] = dict(
        dataset="nations",
        model="multimodal",
        training_kwargs=dict(num_epochs=2, batch_size=256, use_tqdm=False),
        evaluation_kwargs=dict(use_tqdm=False, batch_size=64),
        random_seed=0,
        device="cpu",
    )
    return pipeline(**(defaults | kwargs))
