"""Reproductions as data: files for ``pykeen experiments run``, with what is published and what was obtained."""

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .configuration import Cell, Comparison, merge, nest
from .execution import finished_runs
from .metrics import METRICS

__all__ = ["make_experiment"]


def make_experiment(comparison: Comparison, folder: Path, cell: Cell) -> dict[str, Any]:
    """Make an experiment of what was best in a cell: its selected trial, trained up to its selected epoch.

    :param comparison: the comparison
    :param folder: where results are
    :param cell: the cell

    :returns: the experiment, as :func:`pykeen.pipeline.pipeline_from_config` takes it. It has the comparison's first
        seed, whose result is among those obtained.

    :raises ValueError: if the cell is not finished
    """
    finished = finished_runs(comparison, folder, cell)
    if len(finished) < len(comparison.seeds):
        raise ValueError(f"{comparison.name}: {cell} has {len(finished)} of {len(comparison.seeds)} seeds.")
    run, first = finished[0]
    # the epoch is selected already, so nothing has to be validated
    arguments = merge(
        run.arguments,
        dict(stopper=None, stopper_kwargs=None, training_kwargs=dict(num_epochs=first["validation"]["epoch"])),
        dict(random_seed=run.seed, evaluator_kwargs=dict(filtered=True)),
    )
    names = [name for name in METRICS if name in first["test"]]
    values = {name: [result["test"][name] for _, result in finished] for name in names}
    means = {name: statistics.fmean(numbers) for name, numbers in values.items()}
    spreads = {name: statistics.stdev(numbers) for name, numbers in values.items() if len(numbers) > 1}
    return dict(
        metadata=dict(
            title=f"{comparison.title}: {cell}",
            comments=f"Selected by {comparison.name}, trial {run.trial + 1} of {len(comparison.trials(cell))}, epoch "
            f"{first['validation']['epoch']} of {first['num_epochs']}, by the validation MRR.",
            commit=first["commit"],
            versions=first["versions"],
            machine=first["machine"],
            seeds=[seed_run.seed for seed_run, _ in finished],
            first_seed=first["test"],
            standard_deviation=spreads,
            # in percent
            published=dict(comparison.published.get(str(cell), {})),
        ),
        pipeline=arguments,
        # the means, under PyKEEN's names, with which it compares what it obtains
        results=_nest_metrics(means),
    )


def _nest_metrics(values: Mapping[str, float]) -> dict[str, Any]:
    return merge(*(nest(METRICS[name], value) for name, value in values.items()))
