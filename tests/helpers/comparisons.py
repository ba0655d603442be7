"""A tiny comparison, and results that no run gave."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pykeen_dhns.comparison import Cell, Comparison, Results, Run, execution, load_results
from pykeen_dhns.comparison.reading import make_comparison
from pykeen_dhns.comparison.running import execute
from pykeen_dhns.comparison.store import save_result

from .fresh import PRELOADED

# one server starts the processes of all tests, and some of these must not have imported PyKEEN
execution.PRELOADED = PRELOADED

#: Two samplers, with two trials each, and two other seeds. Each run takes a fraction of a second.
CONTENT: dict[str, Any] = {
    "title": "Tiny",
    "pipeline": {
        "dataset": "nations",
        "model": "RotatE",
        "model_kwargs": {"embedding_dim": 4},
        "training_kwargs": {"num_epochs": 2, "batch_size": 512},
        "stopper_kwargs": {"frequency": 1},
        "device": "cpu",
    },
    "axes": {"sampler": {"basic": {}, "dhns": {"negative_sampler": "dhns"}}},
    "baseline": {"sampler": "basic"},
    "search": [{"space": {"optimizer_kwargs.lr": [0.01, 0.1]}}],
    "trials": 2,
    "seeds": [0, 1, 2],
}

MACHINE = {"processor": "abacus", "cores": 1, "threads": 1, "device": "cpu"}


def make(**changes: Any) -> Comparison:
    """Make a comparison."""
    return make_comparison("tiny", {**copy.deepcopy(CONTENT), **changes})


def find_cell(comparison: Comparison, name: str) -> Cell:
    """Find a cell by its name."""
    return next(cell for cell in comparison.cells if str(cell) == name)


def load(comparison: Comparison, folder: Path) -> Results:
    """Load the results of a comparison."""
    return Results(comparison, load_results(folder))


def run_here(run: Run, folder: Path, processes: int) -> None:
    """Execute a run in this process, which saves the time of imports."""
    assert processes >= 1
    try:
        execute(json.loads(json.dumps(run.to_dict())), folder)
    except Exception as error:
        raise RuntimeError(f"exit status 1\n{error}") from error


def save_fake(
    folder: Path,
    run: Run,
    *,
    test: float = 0.5,
    validation: float = 0.5,
    epoch: int = 10,
    seconds: float = 1.0,
    memory: float = 100.0,
    machine: Mapping[str, Any] = MACHINE,
) -> None:
    """Save a result as a run would, with the given numbers."""
    content = dict(
        **run.to_dict(),
        validation=dict(
            mrr=validation,
            epoch=epoch,
            curve=[dict(epoch=each, seconds=seconds * each, mrr=validation) for each in (10, 20)],
        ),
        # the last ones are not validated
        num_epochs=25,
        test=dict(mrr=test, hits_at_1=test / 2, hits_at_3=test, hits_at_10=1.0),
        seconds=dict(epoch=seconds, best=seconds * epoch),
        peak_memory=dict(process=memory),
        machine=dict(machine),
    )
    save_result(folder, content)
