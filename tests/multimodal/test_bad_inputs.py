"""Bad input for multimodal representations and models."""

import pytest

from pykeen_dhns.multimodal.fusion import AttentionFusion, GateFusion, MeanFusion, SumFusion

from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused


def _with(call, **defaults):
    """Make a call with other arguments that are fine."""

    def make(**kwargs):
        return call(**(defaults | kwargs))

    make.__name__ = call.__name__
    return make


CASES = [
    case
    for cls in (AttentionFusion, GateFusion, MeanFusion, SumFusion)
    for name in ("dim", "num_modalities")
    for error, values in ((TypeError, (*NO_NUMBERS, 1.5)), (ValueError, (0, -1)))
    for case in bad_values(_with(cls, dim=4, num_modalities=2), name, error, *values)
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Test that bad values are refused by the argument's name."""
    check_refused(case)
