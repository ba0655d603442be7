"""Bad input for inspections."""

from pathlib import Path
from typing import Any

import pytest

from pykeen_dhns.inspection import Inspection, inspect_directory, inspect_source

from .runs import Planted
from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused


def inspect(**settings: Any) -> Inspection:
    """Inspect a planted source."""
    return inspect_source(Planted(dim=2), **settings)


def inspect_nothing(**settings: Any) -> Inspection:
    """Inspect a folder without a run."""
    return inspect_directory(Path("nowhere"), **settings)


COUNTS = ("num_examples", "num_neighbors", "max_triples", "num_uniform", "num_relations")

CASES = [
    *(case for name in COUNTS for case in bad_values(inspect, name, TypeError, *NO_NUMBERS, 2.0)),
    *(case for name in COUNTS for case in bad_values(inspect, name, ValueError, 0, -1)),
    *bad_values(inspect, "seed", TypeError, *NO_NUMBERS, 1.5),
    *bad_values(inspect, "seed", ValueError, -1, 2**64),
    *bad_values(inspect, "target", TypeError, None, 0, ["tail"]),
    *bad_values(inspect, "target", ValueError, "relation", "Tail"),
    *bad_values(inspect, "relation", TypeError, 0, ["embassy"], True),
    *bad_values(inspect, "relation", ValueError, "", "likes"),
    *bad_values(inspect, "examples", TypeError, 1, True, "usa", {"usa"}),
    *bad_values(inspect, "examples", ValueError, [("usa", "embassy")], ["abc"], [1]),
    *bad_values(inspect_nothing, "part", TypeError, 0, True, ["loop"]),
    *bad_values(inspect_nothing, "part", ValueError, "", "both"),
    *bad_values(inspect_nothing, "device", ValueError, "gpu", "cuda:1000", 10**6),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Values of a wrong type and values out of range are refused before anything is computed."""
    check_refused(case)
