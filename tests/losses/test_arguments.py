"""Tests of how the loss is made: names, defaults, its base, and bad arguments."""

import inspect
import math
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


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        (dict(margin=-1), "margin=-1"),
        (dict(margin=math.nan), "margin=nan"),
        (dict(margin=math.inf), "margin=inf"),
        (dict(adaptivity=-0.1), "adaptivity=-0.1"),
        (dict(positive_weight=-0.1), "positive_weight=-0.1"),
        (dict(hardness_weight=-0.1), "hardness_weight=-0.1"),
        (dict(hard_fraction=1.5), "hard_fraction=1.5"),
        (dict(levels=[]), "levels"),
        (dict(levels=[0.1, 1.1]), "levels"),
        (dict(margins=[1, 2, 3, 2]), "non-decreasing"),
        (dict(margins=[1, 2, 3, math.inf]), "finite"),
        (dict(margins=[math.nan, 2, 3, 4]), "finite"),
        (dict(margins=[1, 2]), r"margins=\(1.0, 2.0\) has 2 values for 4 levels"),
        (dict(weights=[1, 2, 3, -1]), "non-negative"),
        (dict(weights=[1, 2, 3, math.nan]), "finite"),
        (dict(weights=[1, 2], levels=[0.1, 0.2, 0.3]), "weights=.* has 2 values for 3 levels"),
        (dict(reduction="none"), "reduction='none'"),
        (dict(base=NSSALoss(reduction="sum")), "differs from the base loss's 'sum'"),
        (dict(base="nssa", base_kwargs=dict(reduction="sum")), "differs from the base loss's 'sum'"),
        (dict(base=NSSALoss(), reduction="sum"), "differs from the base loss's 'mean'"),
        (dict(base=NSSALoss(), base_kwargs=dict(margin=3)), "have no effect"),
        (dict(base="dhns"), "is this loss itself"),
        (dict(base=HardnessAdaptiveLoss), "is this loss itself"),
        (dict(base=HardnessAdaptiveLoss()), "is this loss itself"),
    ],
)
def test_errors(kwargs: dict[str, Any], match: str) -> None:
    """Each argument out of its range is refused, by name."""
    with pytest.raises(ValueError, match=match):
        HardnessAdaptiveLoss(**kwargs)
