"""Bad input for datasets."""

from pathlib import Path
from typing import Any

import pytest
import torch

from .small import Small
from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused


def features(modality: Any) -> torch.Tensor:
    """Load features."""
    return Small(cache_root=Path("nowhere")).features(modality)


CASES = [
    *bad_values(Small, "validation", ValueError, "test", ""),
    *bad_values(Small, "validation", TypeError, None, True, ["published"]),
    *bad_values(Small, "random_state", TypeError, *NO_NUMBERS, 1.5, torch.Generator()),
    *bad_values(Small, "random_state", ValueError, 2**64),
    *bad_values(Small, "create_inverse_triples", TypeError, "false", 0, None),
    *bad_values(Small, "eager", TypeError, "false", 1, None),
    *bad_values(Small, "cache_root", TypeError, 1, ["folder"], True),
    *bad_values(features, "modality", ValueError, "", "../textual", "a b", ".hidden", "textual\n"),
    *bad_values(features, "modality", TypeError, None, 3, ["textual"]),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Values of a wrong type and values out of range are refused before anything is read."""
    check_refused(case)
