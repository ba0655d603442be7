"""Tests that the same seeds give the same losses as ever."""

import json

import pytest

from .cases import CASES, PATH, compute_losses

#: One case for each part of the package: the sampler alone, with the loss, the loop, and the multimodal model
QUICK = {"sampler", "sampler-and-loss", "loop", "multimodal"}
STORED: dict[str, list[float]] = json.loads(PATH.read_text(encoding="utf8"))
#: The cases in which the sampler generates. Processors and versions of PyTorch round in different ways, and a rounding
#: can make the sampler choose another negative. Random draws may differ from there on.
CHAOTIC = {name for name in STORED if name.startswith("sampler")} | {"loop-and-loss", "loop-filtered"}


def test_all_cases_are_stored() -> None:
    """Each case has losses, and all losses are of a case. To store new ones, run ``tests.regression.cases``."""
    assert STORED.keys() == CASES.keys()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in STORED]
)
def test_losses(name: str) -> None:
    """The losses of the first epochs are those that are stored."""
    assert compute_losses(name) == pytest.approx(STORED[name], rel=1e-2 if name in CHAOTIC else 1e-4)
