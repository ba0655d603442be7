"""Bad input for the loss."""

import math
from typing import Any

import numpy as np
import pytest
from pykeen.losses import NSSALoss

from pykeen_dhns import HardnessAdaptiveLoss

from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused

loss = HardnessAdaptiveLoss
NOT_FINITE = (math.nan, math.inf, 1e39)

CASES = [
    *(
        case
        for name in ("margin", "adaptivity", "positive_weight", "hardness_weight")
        for case in (
            *bad_values(loss, name, TypeError, *NO_NUMBERS),
            *bad_values(loss, name, ValueError, -0.1, *NOT_FINITE),
        )
    ),
    *bad_values(loss, "hard_fraction", TypeError, *NO_NUMBERS),
    *bad_values(loss, "hard_fraction", ValueError, -0.1, 1.5, math.nan),
    *(
        case
        for name in ("margins", "weights")
        for case in (
            *bad_values(
                loss, name, TypeError, "1234", 3.0, [1, 2, 3, None], ["1", "2", "3", "4"], {1: 2}, [[1], 2, 3, 4]
            ),
            *bad_values(loss, name, ValueError, [], [1, 2], *([1, 2, 3, value] for value in NOT_FINITE)),
        )
    ),
    *bad_values(loss, "margins", ValueError, [1, 2, 3, 2]),
    *bad_values(loss, "weights", ValueError, [1, 2, 3, -1]),
    *bad_values(loss, "levels", TypeError, 0.5, "0.5", [None]),
    *bad_values(loss, "levels", ValueError, [], [0.1, 1.1]),
    *bad_values(loss, "base", TypeError, 3, int, ["nssa"], True),
    *bad_values(loss, "base", ValueError, "nope", "dhns", HardnessAdaptiveLoss, HardnessAdaptiveLoss()),
    *bad_values(loss, "base_kwargs", TypeError, 3, "margin", [1]),
    *bad_values(loss, "reduction", TypeError, None, 3),
    *bad_values(loss, "reduction", ValueError, "none"),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Values of a wrong type and values out of range are refused."""
    check_refused(case)


@pytest.mark.parametrize(
    "kwargs",
    [
        dict(base=NSSALoss(reduction="sum")),
        dict(base="nssa", base_kwargs=dict(reduction="sum")),
        dict(base=NSSALoss(), reduction="sum"),
        dict(base=NSSALoss(), base_kwargs=dict(margin=3)),
        dict(weights=[1, 2], levels=[0.1, 0.2, 0.3]),
    ],
)
def test_do_not_fit(kwargs: dict[str, Any]) -> None:
    """Arguments that do not fit to each other are refused, with the names of both."""
    with pytest.raises(ValueError, match=r"base_kwargs.* base|reduction.* base loss|weights.* 2 values for 3 levels"):
        HardnessAdaptiveLoss(**kwargs)


def test_accepted() -> None:
    """Arrays and numbers of NumPy are accepted."""
    kwargs: dict[str, Any] = dict(margins=np.arange(4), weights=np.ones(4), margin=np.float32(3))
    margins, weights = HardnessAdaptiveLoss(**kwargs).level_margins()
    assert margins.tolist() == [0, 1, 2, 3]
    assert weights.tolist() == [1, 1, 1, 1]
