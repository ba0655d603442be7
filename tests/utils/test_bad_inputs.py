"""Bad input for the checks of arguments."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.losses import loss_resolver

from pykeen_dhns.utils import validation

from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused


def _by_name(check: Callable[..., None], **kwargs: Any) -> Callable[..., None]:
    """Call a check with the argument x."""

    def call(x: Any) -> None:
        check("x", x, **kwargs)

    call.__name__ = check.__name__
    return call


CASES = [
    *bad_values(_by_name(validation.check_bool), "x", TypeError, "false", "no", 0, 1, None, []),
    *bad_values(_by_name(validation.check_choice, choices=["a"]), "x", TypeError, 1, None, ["a"], np.array(["a"])),
    *bad_values(_by_name(validation.check_choice, choices=["a"]), "x", ValueError, "b", "", "x" * 10_000),
    *bad_values(_by_name(validation.check_integer, maximum=2**20), "x", TypeError, *NO_NUMBERS, 4.0, float("nan")),
    *bad_values(_by_name(validation.check_integer, maximum=2**20), "x", ValueError, 0, -1, 2**40, 10**400),
    *bad_values(_by_name(validation.check_positive), "x", TypeError, *NO_NUMBERS),
    *bad_values(_by_name(validation.check_positive), "x", ValueError, 0, -1.0, float("nan"), float("inf"), 1e39),
    *bad_values(_by_name(validation.check_non_negative), "x", ValueError, -1, float("nan"), float("inf")),
    *bad_values(_by_name(validation.check_kwargs), "x", TypeError, 3, "a", ["a"], True, {1: 2}),
    *bad_values(_by_name(validation.check_hint, resolver=loss_resolver), "x", TypeError, 3, int, ["sum"]),
    *bad_values(_by_name(validation.check_hint, resolver=loss_resolver), "x", ValueError, "", "nothing"),
    *bad_values(_by_name(validation.check_fraction), "x", ValueError, -0.1, 1.1, float("nan"), np.float64(2)),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Test that values of a wrong type and values out of range are refused."""
    check_refused(case)


check_ids = functools.partial(validation.check_ids, num_entities=3, num_relations=2)


@pytest.mark.parametrize(
    ("triples", "error"),
    [
        ([[0, 0, 1]], TypeError),
        (None, TypeError),
        (np.array([[0, 0, 1]]), TypeError),
        (torch.tensor([[0.0, 0.0, 1.0]]), TypeError),
        (torch.tensor([[True, False, True]]), TypeError),
        (torch.tensor([0, 0, 1]), ValueError),
        (torch.empty(0, 3, dtype=torch.long), ValueError),
        (torch.tensor([[0, 0, 3]]), ValueError),
        (torch.tensor([[0, 2, 1]]), ValueError),
        (torch.tensor([[-1, 0, 1]]), ValueError),
    ],
)
def test_ids_refused(triples: Any, error: type[Exception]) -> None:
    """Test that triples of a wrong type, shape, or range are refused."""
    with pytest.raises(error, match="mapped_triples"):
        check_ids(triples)


def test_accepted() -> None:
    """Test that numbers of NumPy and the ends of ranges are accepted."""
    validation.check_bool("x", np.bool_(True))
    validation.check_integer("x", np.int32(2**20), maximum=2**20)
    validation.check_fraction("x", np.float32(1))
    validation.check_non_negative("x", 0)
    check_ids(torch.tensor([[0, 0, 1]], dtype=torch.int32))
