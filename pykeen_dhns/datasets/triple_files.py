"""Load a dataset, from files of triples, too, whose mistakes PyKEEN explains by an index that is out of bounds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pykeen.datasets import Dataset, get_dataset

__all__ = ["DATASET_ARGUMENTS", "load_dataset"]

#: The arguments that determine the dataset, as in :func:`pykeen.datasets.get_dataset`
DATASET_ARGUMENTS = ("dataset", "dataset_kwargs", "training", "testing", "validation")

#: The number of lines to look at
NUM_LINES = 100


def load_dataset(arguments: Mapping[str, Any]) -> Dataset:
    """Load the dataset of a run.

    :param arguments: the arguments of PyKEEN's pipeline, with or without files of triples

    :returns: the dataset, with its triples loaded. PyKEEN warns of triples that it leaves out.

    :raises FileNotFoundError: if a file is not there
    :raises ValueError: if a file has no triples, if PyKEEN leaves out all of them, or if it would ignore the file
    """  # noqa: DOC503
    if arguments.get("dataset") is not None and arguments.get("validation") is not None:
        raise ValueError(
            f"validation={arguments['validation']!r} has no effect beside dataset={arguments['dataset']!r}, which has "
            "validation triples of its own. Its arguments are dataset_kwargs. For files, leave out dataset, and give "
            "training, testing, and validation."
        )
    _check_triple_files(arguments)
    dataset = get_dataset(**{name: arguments[name] for name in DATASET_ARGUMENTS if name in arguments})
    for name, factory in dataset.factory_dict.items():
        if not factory.num_triples:
            raise ValueError(
                f"{name}: {arguments.get(name, dataset)} has no triple whose entities and relation are in the training "
                "triples, too. PyKEEN leaves out all others, so there is nothing to evaluate. Split the triples anew, "
                "e.g., by TriplesFactory.split."
            )
    return dataset


def _check_triple_files(arguments: Mapping[str, Any]) -> None:
    """Check that files of triples have triples of labels.

    :param arguments: the arguments of PyKEEN's pipeline, with or without files of triples

    :raises FileNotFoundError: if there is no such file; the message has the argument, and the whole path
    :raises ValueError: if a file has no triples; the message shows the first line, and has what to do
    """
    kwargs = (arguments.get("dataset_kwargs") or {}).get("load_triples_kwargs") or {}
    separator, encoding = kwargs.get("delimiter", "\t"), kwargs.get("encoding")
    for name in ("training", "testing", "validation"):
        path = arguments.get(name)
        if path is None:
            continue
        try:
            table = pd.read_csv(path, sep=separator, encoding=encoding, header=None, dtype=str, nrows=NUM_LINES)
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{name}: there is no file {Path(path).absolute()}.") from error
        except pd.errors.EmptyDataError as error:
            raise ValueError(f"{path} is empty. It must have triples: head, relation, and tail.") from error
        except ValueError as error:
            raise ValueError(f"{path} cannot be read as triples: {error}") from error
        if table.shape[1] < 3:
            raise ValueError(
                f"{path} must have head, relation, and tail in each line, separated by {separator!r}, but its first "
                f"line is {separator.join(map(str, table.iloc[0]))[:80]!r}. Other separators are possible by, e.g., "
                """dataset_kwargs={"load_triples_kwargs": {"delimiter": ","}}."""
            )
