"""Loading datasets before runs do, in a process of its own.

PyKEEN downloads a dataset, and caches it, when it is first asked for. Processes that do so at the same time see parts
of what the others write. It also warns of triples which it leaves out, which should be said once, not by every run.
"""

import contextlib
import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from .configuration import DATASET_ARGUMENTS, FILES, Run

__all__ = ["load_datasets"]


def load_datasets(runs: Sequence[Run]) -> list[str]:
    """Load the datasets of runs, such that they are in PyKEEN's cache afterwards.

    If this fails, it is up to the runs to say so.

    :param runs: the runs

    :returns: what PyKEEN warns of
    """
    datasets = {json.dumps(dataset): dataset for dataset in map(_dataset, runs)}
    process = subprocess.run(
        [sys.executable, "-m", "pykeen_dhns.comparison.preparation"],
        input=json.dumps(list(datasets.values())),
        capture_output=True,
        text=True,
        check=False,
    )
    return process.stdout.splitlines()


def _dataset(run: Run) -> dict[str, Any]:
    return {name: run.arguments[name] for name in DATASET_ARGUMENTS if name in run.arguments}


def _name(arguments: dict[str, Any]) -> str:
    name = arguments.get("dataset") or ", ".join(str(arguments[key]) for key in FILES)
    # a percent sign would be a field of the format
    return str(name).replace("%", "%%")


def main() -> None:
    """Load those datasets which are read from the standard input."""
    from pykeen.datasets import get_dataset

    handler = logging.StreamHandler(sys.stdout)
    handler.setLevel(logging.WARNING)
    logging.getLogger("pykeen.triples").addHandler(handler)
    for arguments in json.load(sys.stdin):
        handler.setFormatter(logging.Formatter(f"{_name(arguments)}: %(message)s"))
        # a run that needs it will fail, and say why
        with contextlib.suppress(Exception):
            dataset = get_dataset(**arguments)
            # some are loaded when asked for
            _ = dataset.training, dataset.testing, dataset.validation


if __name__ == "__main__":
    main()
