"""Rows that are already encoded, such that a run that was stopped can be continued."""

import logging
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .files import FloatArray, read_json, write_array, write_json
from .provenance import check_same

__all__ = ["PartialRows"]

logger = logging.getLogger(__name__)


class PartialRows:
    """Rows that are already encoded, in a folder with one file per batch, next to where all of them will be.

    Each file is complete or not there, so what a stopped run has lost is the batch it was at. Files are named by their
    first row, since the next run may use batches of another size.
    """

    def __init__(self, target: Path) -> None:
        """Initialize, without touching any file.

        :param target: where all rows will be
        """
        self.target = target
        self.folder = target.with_name(f"{target.name}.partial")
        #: What was asked for. Without this file, nothing is known about the rows.
        self.request_path = self.folder / "request.json"

    def exists(self) -> bool:
        """Return whether a run was stopped here."""
        return self.request_path.is_file()

    def check(self, request: Mapping[str, Any]) -> None:
        """Check that a run that was stopped, if there is one, is the same as the one that wants to continue it.

        :param request: what determines the rows, as far as it is known yet

        :raises ValueError: if it was another one
        """  # noqa: DOC502
        if self.exists():
            check_same(read_json(self.request_path), request, where=self.folder)

    def start(self, request: Mapping[str, Any], *, num_rows: int) -> list[FloatArray]:
        """Start a run, or continue it.

        :param request: what determines the rows
        :param num_rows: how many rows there will be

        :returns: the rows that are already there, by batch

        :raises ValueError: if the run that is there is another one
        :raises OSError: if nothing can be written there
        """  # noqa: DOC502
        self.check(request)
        if not self.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            write_json(self.request_path, request)
        batches = list(self._read_batches(num_rows))
        done = sum(map(len, batches))
        for path in self.folder.glob("[0-9]*.npy"):
            # behind a gap, which there is only if someone has deleted a file, or a disk has failed
            if int(path.stem) >= done:
                path.unlink()
        if done:
            logger.info("%d rows are already encoded, in %s", done, self.folder)
        return batches

    def append(self, start: int, rows: FloatArray) -> None:
        """Save a batch.

        :param start: the position of its first row
        :param rows: shape: (batch_size, k) the rows
        """
        write_array(self._path(start), rows)

    def remove(self) -> None:
        """Remove all files."""
        # this one first: what is left, if the process is killed now, is no run that could be continued
        self.request_path.unlink()
        shutil.rmtree(self.folder)

    def _path(self, start: int) -> Path:
        return self.folder / f"{start:012}.npy"

    def _read_batches(self, num_rows: int) -> Iterator[FloatArray]:
        start = 0
        while (path := self._path(start)).is_file():
            try:
                rows = np.load(path, allow_pickle=False)
                _check_batch(rows, limit=num_rows - start)
            except (ValueError, EOFError) as error:
                logger.warning("%s is broken, its rows are encoded again: %s", path, error)
                return
            yield rows
            start += len(rows)


def _check_batch(rows: Any, *, limit: int) -> None:
    """Check that a file has what a batch can be, since rows would get to the wrong place otherwise."""
    if not isinstance(rows, np.ndarray) or rows.dtype != np.float32 or rows.ndim != 2 or not 0 < len(rows) <= limit:
        raise ValueError(f"it does not hold 1 to {limit} rows of float32")
