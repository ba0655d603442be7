"""Scores of filtered negatives: PyKEEN's sparse form, and the dense form with a mask that this package works with."""

from torch import Tensor

__all__ = ["to_dense", "to_sparse"]


def to_dense(values: Tensor, mask: Tensor | None) -> Tensor:
    """Undo PyKEEN's filtering.

    :param values: shape: (batch_size, num_negatives) or, if a filter has left out some, (num_unfiltered_negatives,)
    :param mask: shape: (batch_size, num_negatives) which negatives the filter has left. None means all.

    :returns: shape: (batch_size, num_negatives) the values, 0 where the filter has left out a negative
    """
    if mask is None or values.ndim > 1:
        return values
    return values.new_zeros(mask.shape).masked_scatter(mask, values)


def to_sparse(values: Tensor, mask: Tensor | None) -> Tensor:
    """Filter values as PyKEEN does.

    :param values: shape: (batch_size, num_negatives) the values
    :param mask: shape: (batch_size, num_negatives) which negatives the filter has left. None means all.

    :returns: shape: (batch_size, num_negatives) or (num_unfiltered_negatives,) the values. Contiguous, since some of
        PyKEEN's losses need it.
    """
    return values.contiguous() if mask is None else values[mask]
