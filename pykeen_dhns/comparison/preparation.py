"""Loading datasets before runs do, in a process of its own.

PyKEEN downloads a dataset, and caches it, when it is first asked for. Processes that do so at the same time see parts
of what the others write.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from .configuration import DATASET_ARGUMENTS, Run

__all__ = ["load_datasets"]


def load_datasets(runs: Sequence[Run]) -> None:
    """Load the datasets of runs, such that they are in PyKEEN's cache afterwards.

    If this fails, it is up to the runs to say so.

    :param runs: the runs
    """
    datasets = {json.dumps(dataset): dataset for dataset in map(_dataset, runs)}
    subprocess.run(
        [sys.executable, "-m", "pykeen_dhns.comparison.preparation"],
        input=json.dumps(list(datasets.values())),
        capture_output=True,
        text=True,
        check=False,
    )


def _dataset(run: Run) -> dict[str, Any]:
    return {name: run.arguments[name] for name in DATASET_ARGUMENTS if name in run.arguments}


def main() -> None:
    """Load those datasets which are read from the standard input."""
    from pykeen.datasets import get_dataset

    for arguments in json.load(sys.stdin):
        # a run that needs it will fail, and say why
        with contextlib.suppress(Exception):
            dataset = get_dataset(**arguments)
            # some are loaded when asked for
            _ = dataset.training, dataset.testing, dataset.validation


if __name__ == "__main__":
    main()
