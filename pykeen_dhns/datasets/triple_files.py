"""Check files of triples, whose mistakes PyKEEN explains by an index that is out of bounds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["check_triple_file"]

#: The number of lines to look at
NUM_LINES = 100


def check_triple_file(path: str | Path, load_triples_kwargs: Mapping[str, Any] | None = None) -> None:
    """Check that a file has triples of labels.

    :param path: the file
    :param load_triples_kwargs: how PyKEEN is told to read it, in ``dataset_kwargs``

    :raises ValueError: if it has no triples; the message shows the first line, and has what to do
    """
    kwargs = dict(load_triples_kwargs or {})
    separator, encoding = kwargs.get("delimiter", "\t"), kwargs.get("encoding")
    try:
        table = pd.read_csv(path, sep=separator, encoding=encoding, header=None, dtype=str, nrows=NUM_LINES)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as triples: {error}") from error
    if table.shape[1] < 3:
        raise ValueError(
            f"{path} must have head, relation, and tail in each line, separated by {separator!r}, but its first line "
            f"is {separator.join(map(str, table.iloc[0]))[:80]!r}. Other separators are possible by, e.g., "
            """dataset_kwargs={"load_triples_kwargs": {"delimiter": ","}}."""
        )
