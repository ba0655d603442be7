"""Tests for the loss in PyKEEN's own training loop."""

import math
from typing import Any

import pytest
from pykeen.pipeline import PipelineResult, pipeline

from pykeen_dhns import HardnessAdaptiveLoss


def train(**kwargs: Any) -> PipelineResult:
    """Run the pipeline for a moment, all by name."""
    defaults: dict[str, Any] = dict(
        dataset="nations",
        model="RotatE",
        model_kwargs=dict(embedding_dim=8),
        loss="dhns",
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=16),
        training_kwargs=dict(num_epochs=2, batch_size=256, use_tqdm=False),
        evaluation_kwargs=dict(use_tqdm=False, batch_size=128),
        random_seed=0,
        device="cpu",
    )
    return pipeline(**(defaults | kwargs))


@pytest.mark.parametrize(
    "kwargs",
    [
        dict[str, Any](),
        dict(negative_sampler_kwargs=dict(num_negs_per_pos=16, filtered=True)),
        dict(loss_kwargs=dict(reduction="sum")),
        dict(negative_sampler_kwargs=dict(num_negs_per_pos=5, hard_fraction=0.5), loss_kwargs=dict(hard_fraction=0.5)),
        dict(
            loss_kwargs=dict(base="bcewithlogits"),
            training_kwargs=dict(num_epochs=2, use_tqdm=False, label_smoothing=0.1),
        ),
    ],
)
def test_pipeline(kwargs: dict[str, Any]) -> None:
    """It trains in PyKEEN's own loop."""
    result = train(**kwargs)
    assert isinstance(result.model.loss, HardnessAdaptiveLoss)
    assert all(math.isfinite(loss) for loss in result.losses)
    assert result.losses[-1] < result.losses[0]
