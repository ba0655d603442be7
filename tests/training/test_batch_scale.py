"""Tests for the factors by which the parts of a batch add up to the whole."""

import pytest
import torch
from torch import Tensor

from pykeen_dhns.training.batch_scale import BatchScale

#: The rows of the batch, each with a loss of its own
ROWS = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0])
#: By process, the sizes of its sub-batches
SPLITS = [[[10]], [[4, 4, 2]], [[5], [5]], [[6], [4]], [[3, 3, 1], [2, 1]], [[1], [2, 3], [4]]]


def split(sizes: list[list[int]]) -> list[list[Tensor]]:
    """Split the rows over processes and sub-batches."""
    rows = iter(ROWS.split([size for process in sizes for size in process]))
    return [[next(rows) for _ in process] for process in sizes]


@pytest.mark.parametrize("is_mean", [True, False])
@pytest.mark.parametrize("sizes", SPLITS, ids=str)
def test_parts_add_up(sizes: list[list[int]], is_mean: bool) -> None:
    """Added up over sub-batches, and averaged over processes, each loss is that of the whole batch."""
    losses, generators, parts_of_generators, hardnesses, shares = ([0.0] * len(sizes) for _ in range(5))
    for process, parts in enumerate(split(sizes)):
        size = sum(map(len, parts))
        for rows in parts:
            scale = BatchScale(
                is_mean=is_mean, num_rows=len(rows), size=size, num_processes=len(sizes), total_size=len(ROWS)
            )
            # what PyKEEN multiplies the loss of a sub-batch by
            weight = len(rows) / size if is_mean else 1.0
            reduce = torch.mean if is_mean else torch.sum
            losses[process] += weight * scale.loss * float(reduce(rows))
            generators[process] += weight * float(scale.generator()) * float(rows.mean())
            part = torch.tensor(len(rows) / len(ROWS))
            parts_of_generators[process] += weight * float(scale.generator(part)) * float(rows.mean())
            # as if negatives were generated for a single row, an average one
            hardnesses[process] += weight * scale.loss * scale.hardness(1) * float(rows.mean())
            shares[process] = scale.share
    whole = float(ROWS.mean() if is_mean else ROWS.sum())
    mean = float(ROWS.mean())
    for values, expected in (
        *((losses, whole), (hardnesses, whole), (generators, mean), (parts_of_generators, mean), (shares, 1)),
    ):
        assert sum(values) / len(values) == pytest.approx(expected)


def test_equal_shares() -> None:
    """If the total size is not given, all processes have equally many rows."""
    for is_mean in (True, False):
        implicit = BatchScale(is_mean=is_mean, num_rows=2, size=5, num_processes=3)
        explicit = BatchScale(is_mean=is_mean, num_rows=2, size=5, num_processes=3, total_size=15)
        assert (implicit.share, implicit.loss, implicit.generator()) == (
            explicit.share,
            explicit.loss,
            explicit.generator(),
        )
