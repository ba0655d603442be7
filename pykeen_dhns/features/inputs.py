"""Check and describe what users give: one input and one label for each row, and paths."""

import hashlib
import os
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

__all__ = ["check_labels", "hash_strings", "is_missing", "name_some", "split_labels", "to_path"]

T = TypeVar("T")


def to_path(name: str, value: Any) -> Path:
    """Convert to a path, with ``~`` and ``$NAME`` replaced by the home directory and the environment variable."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name}={reprlib.repr(value)} is a {type(value).__name__}: it must be a path.")
    # unlike Path.expanduser, this leaves the home directory of an unknown user as it is
    return Path(os.path.expanduser(os.path.expandvars(value)))  # noqa: PTH111


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or what else pandas has for empty cells."""
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def split_labels(
    name: str, inputs: Sequence[T] | Mapping[str, T], labels: Sequence[str] | None
) -> tuple[list[T], list[str]]:
    """Separate inputs and labels. By default, these are the keys of a mapping, or else the inputs themselves."""
    if isinstance(inputs, Mapping):
        if labels is not None:
            raise ValueError(f"{name} is a mapping, whose keys are the labels. Do not give labels in addition.")
        labels, inputs = list(inputs), list(inputs.values())
    inputs = _to_list(name, inputs)
    if not inputs:
        raise ValueError(f"{name} is empty: there must be at least one.")
    if labels is None:
        labels = ["" if is_missing(value) else str(value) for value in inputs]
    return inputs, check_labels(labels, n=len(inputs))


def check_labels(labels: Sequence[str], n: int) -> list[str]:
    """Check that there is one label for each of n rows."""
    labels = _to_list("labels", labels)
    for row, label in enumerate(labels):
        if not isinstance(label, str):
            raise TypeError(f"labels[{row}]={reprlib.repr(label)} is a {type(label).__name__}: labels must be strings.")
    if len(labels) != n:
        raise ValueError(f"There are {len(labels)} labels, but {n} rows: there must be one label for each row.")
    return labels


def _to_list(name: str, values: Any) -> list[Any]:
    """List the values of all rows. Sets, mappings, and data frames would not give these in their order."""
    if isinstance(values, str | bytes):
        raise TypeError(f"{name}={reprlib.repr(values)} is a single string: there must be one for each row.")
    if not isinstance(values, Iterable) or isinstance(values, set | frozenset | Mapping | pd.DataFrame):
        raise TypeError(
            f"{name} is a {type(values).__name__}: it must be a list, an array, or a series, with one item for each "
            f"row, in their order."
        )
    return list(values)


def name_some(names: Iterable[Any]) -> str:
    """Name the first three of many, for messages."""
    names = list(names)
    more = f", and {len(names) - 3} more" if len(names) > 3 else ""
    # a path as a string, but a tuple as it is
    return ", ".join(repr(name if isinstance(name, tuple) else str(name)) for name in names[:3]) + more


def hash_strings(strings: Iterable[str]) -> str:
    """Hash strings, including their order, and where each one ends."""
    digest = hashlib.sha256()
    for string in strings:
        # a label may come from the name of a file, which is not always valid Unicode
        content = string.encode("utf8", errors="surrogatepass")
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()
