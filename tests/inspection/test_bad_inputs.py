"""Bad input for inspections."""

import functools
from pathlib import Path
from typing import Any

import pytest
from pykeen.pipeline import PipelineResult

from pykeen_dhns.inspection import (
    Inspection,
    inspect_directory,
    inspect_result,
    inspect_source,
    load_source,
    save_result,
)

from .runs import Planted, run
from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused


@functools.cache
def make_result() -> PipelineResult:
    """Run a short pipeline."""
    return run(training_loop="dhns")


@functools.cache
def make_inspection() -> Inspection:
    """Inspect a planted source."""
    return inspect_source(Planted(dim=2))


def inspect(**settings: Any) -> Inspection:
    """Inspect a planted source, or another one."""
    return inspect_source(**{"source": Planted(dim=2), **settings})


def inspect_run(**settings: Any) -> Inspection:
    """Inspect a run."""
    return inspect_result(**{"result": make_result(), **settings})


def inspect_nothing(**settings: Any) -> Inspection:
    """Inspect a folder without a run."""
    return inspect_directory(**{"directory": Path("nowhere"), **settings})


def save(**settings: Any) -> None:
    """Save a run."""
    save_result(**{"result": make_result(), "directory": Path("nowhere"), **settings})


def save_report(**settings: Any) -> None:
    """Save a report."""
    make_inspection().save(**{"directory": Path("nowhere"), **settings})


def show(**settings: Any) -> None:
    """Write a report."""
    make_inspection().to_markdown(**settings)


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
    *bad_values(inspect, "source", TypeError, None, "sampler", make_inspection),
    *bad_values(inspect_run, "result", TypeError, None, "folder", {}),
    *bad_values(inspect_run, "sampler", TypeError, "dhns", 1, {}),
    *bad_values(inspect_nothing, "directory", TypeError, None, 1, ["nowhere"]),
    *bad_values(load_source, "directory", TypeError, None, 1, ["nowhere"]),
    *bad_values(save, "result", TypeError, None, "folder", {}),
    *bad_values(save, "sampler", TypeError, "dhns", 1, {}),
    *bad_values(save, "directory", TypeError, None, 1, ["nowhere"]),
    *bad_values(save_report, "directory", TypeError, None, 1, ["nowhere"]),
    *bad_values(save_report, "plots", TypeError, "false", 0, None),
    *bad_values(show, "plots", TypeError, "false", 0, None),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Values of a wrong type and values out of range are refused before anything is computed."""
    check_refused(case)
