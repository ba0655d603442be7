"""Check files of triples, whose mistakes PyKEEN explains by an index that is out of bounds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["check_triple_files"]

#: The number of lines to look at
NUM_LINES = 100


def check_triple_files(arguments: Mapping[str, Any]) -> None:
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
        except ValueError as error:
            raise ValueError(f"{path} cannot be read as triples: {error}") from error
        if table.shape[1] < 3:
            raise ValueError(
                f"{path} must have head, relation, and tail in each line, separated by {separator!r}, but its first "
                f"line is {separator.join(map(str, table.iloc[0]))[:80]!r}. Other separators are possible by, e.g., "
                """dataset_kwargs={"load_triples_kwargs": {"delimiter": ","}}."""
            )
