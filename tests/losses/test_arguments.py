"""Tests of how the loss is made: names, defaults, its base, and bad arguments."""

import inspect
from typing import Any

import pytest
import torch
from docdata import get_docdata
from pykeen.losses import Loss, MarginRankingLoss, NSSALoss, loss_resolver

from pykeen_dhns import DHNSNegativeSampler, HardnessAdaptiveLoss
from pykeen_dhns.diffusion import Levels

from .scores import FRACTIONS


@pytest.mark.parametrize("name", ["dhns", "HAL", "hal", "hardnessadaptive", "HardnessAdaptiveLoss", "dhns-loss"])
def test_names(name: str) -> None:
    """All names lead to it, in PyKEEN's resolver."""
    assert loss_resolver.lookup(name) is HardnessAdaptiveLoss
    assert loss_resolver.normalize_cls(HardnessAdaptiveLoss) == "hardnessadaptive"
    assert loss_resolver.lookup_dict["hardnessadaptive"] is HardnessAdaptiveLoss
    assert (get_docdata(HardnessAdaptiveLoss) or {})["name"] == "Hardness-adaptive"


def test_defaults() -> None:
    """The base is NSSA with the same margin, and what the sampler has to share is what it has by default."""
    loss = HardnessAdaptiveLoss(margin=5)
    assert isinstance(loss.base, NSSALoss)
    assert loss.base.margin == 5
    margins, weights = loss.level_margins()
    assert margins.tolist() == pytest.approx([5 * fraction**0.1 for fraction in FRACTIONS])
    assert weights.tolist() == [1, 1, 1, 1]
    # the base loss has the positive already
    low, high, generated = torch.full((2, 1), -9.0), torch.full((2, 1), 9.0), torch.zeros(2, 4, 1)
    assert loss.hardness_adaptive(low, generated).equal(loss.hardness_adaptive(high, generated))
    assert loss.levels == Levels()
    for argument in ("hard_fraction", "levels"):
        own, other = (
            inspect.signature(cls).parameters[argument] for cls in (HardnessAdaptiveLoss, DHNSNegativeSampler)
        )
        assert own.default == other.default


@pytest.mark.parametrize(
    ("base", "kwargs", "margin"),
    [
        (None, None, 5),
        ("nssa", None, 5),
        (NSSALoss, dict(adversarial_temperature=0.5), 5),
        (NSSALoss, dict(margin=2.0), 2),
        (NSSALoss(margin=3, reduction="sum"), None, 3),
        (MarginRankingLoss, None, 1),
        ("marginranking", dict(margin=2), 2),
    ],
)
def test_base(base: str | type[Loss] | Loss | None, kwargs: dict[str, Any] | None, margin: float) -> None:
    """Only NSSA gets the margin, each gets the reduction, unless told otherwise."""
    loss = HardnessAdaptiveLoss(margin=5, base=base, base_kwargs=kwargs, reduction="sum")
    assert loss.base.margin == margin
    assert loss.base.reduction == "sum"
