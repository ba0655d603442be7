"""Tests that the same seeds give the same losses as ever."""

import json
import re

import pytest
import torch

from .cases import CASES, PATH, compute_losses

#: One case for each part of the package: the sampler alone, with the loss, the loop, and the multimodal model
QUICK = {"sampler", "sampler-and-loss", "loop", "multimodal"}
STORED: dict[str, list[float]] = json.loads(PATH.read_text(encoding="utf8"))
PINNED = re.findall(
    r"^torch==(.*)$", PATH.parents[2].joinpath("constraints.txt").read_text(encoding="utf8"), flags=re.MULTILINE
)
#: Other versions of PyTorch, and other processors, round in other ways, and then another negative may be chosen.
TOLERANCE = 1e-4 if torch.__version__.partition("+")[0] in PINNED else 1e-2


def test_all_cases_are_stored() -> None:
    """Each case has losses, and all losses are of a case. To store new ones, run ``tests.regression.cases``."""
    assert STORED.keys() == CASES.keys()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in STORED]
)
def test_losses(name: str) -> None:
    """The losses of the first epochs are those that are stored."""
    assert compute_losses(name) == pytest.approx(STORED[name], rel=TOLERANCE)
