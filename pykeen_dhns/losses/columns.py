"""The columns of a batch of negative scores: which are sampled, and which a filter has left."""

from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["split_columns", "to_dense", "to_sparse"]


@lru_cache(maxsize=64)
def split_columns(column_levels: tuple[int, ...], num_levels: int, device: torch.device) -> tuple[int, Tensor, Tensor]:
    """Split columns into sampled and generated ones. Cached, since it is needed for each batch.

    :param column_levels: the level of each column, -1 for sampled ones, which come first
    :param num_levels: the number of levels
    :param device: the device of the result

    :returns: the number of sampled columns, the levels that have columns, and which of these each generated column has

    :raises ValueError: if a level is out of range, or sampled columns do not come first
    """
    num_sampled = column_levels.count(-1)
    generated = column_levels[num_sampled:]
    if not all(0 <= level < num_levels for level in generated):
        raise ValueError(
            f"column_levels={column_levels} is invalid: first come sampled columns, with -1, then generated ones, with "
            f"a level in [0, {num_levels})."
        )
    present = sorted(set(generated))
    # what is made in inference mode could not be used for training later
    with torch.inference_mode(mode=False):
        return (
            num_sampled,
            torch.tensor(present, dtype=torch.long, device=device),
            torch.tensor([present.index(level) for level in generated], dtype=torch.long, device=device),
        )


def to_dense(values: Tensor, batch_filter: Tensor | None) -> Tensor:
    """Undo PyKEEN's filtering of the values of a batch.

    :param values: shape: (batch_size, num_negatives) or (num_unfiltered_negatives,) the values
    :param batch_filter: shape: (batch_size, num_negatives) which of them are left, needed if they are sparse

    :returns: shape: (batch_size, num_negatives) the values, 0 for those that are left out
    """
    if batch_filter is None or values.ndim > 1:
        return values
    return values.new_zeros(batch_filter.shape).masked_scatter(batch_filter, values)


def to_sparse(values: Tensor, batch_filter: Tensor | None) -> Tensor:
    """Filter the values of a batch, as PyKEEN does, if there is a filter.

    :param values: shape: (batch_size, num_negatives) the values
    :param batch_filter: shape: (batch_size, num_negatives) which of them are left

    :returns: shape: (batch_size, num_negatives) or (num_unfiltered_negatives,) the values. Contiguous, since
        some of PyKEEN's losses need it.
    """
    return values.contiguous() if batch_filter is None else values[batch_filter]
