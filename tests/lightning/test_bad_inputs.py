"""Bad input for the module of PyTorch Lightning."""

import pytest

from .small import make_module
from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused

NAN, INF = float("nan"), float("inf")
NUMBERS = tuple(value for value in NO_NUMBERS if value is not None)

CASES = [
    *(
        case
        for name in ("batch_size", "num_workers", "random_seed")
        for case in (
            *bad_values(make_module, name, TypeError, *NUMBERS, 4.0),
            *bad_values(make_module, name, ValueError, -1),
        )
    ),
    *bad_values(make_module, "batch_size", TypeError, None),
    *bad_values(make_module, "batch_size", ValueError, 0),
    *bad_values(make_module, "num_workers", TypeError, None),
    *bad_values(make_module, "num_workers", ValueError, 10**400),
    *(
        case
        for name in ("dataset", "model")
        for case in (
            *bad_values(make_module, name, TypeError, 5, True, ["nations"]),
            *bad_values(make_module, f"{name}_kwargs", TypeError, 0, "", [], {1: 2}),
        )
    ),
    *bad_values(make_module, "random_seed", ValueError, 2**64),
    *(
        case
        for name in ("learning_rate", "generator_learning_rate")
        for case in (
            *bad_values(make_module, name, TypeError, *NUMBERS),
            *bad_values(make_module, name, ValueError, 0, -1, NAN, INF),
        )
    ),
    *bad_values(make_module, "label_smoothing", TypeError, *NUMBERS),
    *bad_values(make_module, "label_smoothing", ValueError, -0.1, 1.1, NAN),
    *(
        case
        for name in ("optimizer", "loss_weighter")
        for case in (
            *bad_values(make_module, name, TypeError, 5, True, ["adam"]),
            *bad_values(make_module, name, ValueError, "gan"),
        )
    ),
    *bad_values(make_module, "optimizer_kwargs", TypeError, "lr", 5),
    # those of the training loop are checked in the same way
    *bad_values(make_module, "multimodal", TypeError, "false"),
    *bad_values(make_module, "generated_share", ValueError, 2),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Values of a wrong type or out of range are refused, and the message names the argument."""
    check_refused(case)
