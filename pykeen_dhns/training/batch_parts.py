"""A batch that is processed in parts (sub-batches), such that the parts add up to what the whole would have given."""

import dataclasses

from torch import Tensor

from .model_adapter import Embeddings

__all__ = ["BatchPart", "PreparedBatch"]


@dataclasses.dataclass
class PreparedBatch:
    """What is drawn and generated once for a whole batch, however it is split."""

    #: shape: (num_chosen,) the rows of the batch from which to learn, and for which to generate, ascending
    rows: Tensor
    embeddings: Embeddings
    #: shape: (num_levels, num_groups, num_chosen, dim)
    samples: Tensor
    #: shape: (num_groups, num_chosen), and (num_groups, num_chosen, dim). None, if there is nothing to learn.
    t: Tensor | None
    noise: Tensor | None


@dataclasses.dataclass
class BatchPart:
    """A part of a batch, and what of the chosen rows belongs to it."""

    start: int
    stop: int
    #: the size of the batch, and the number of its chosen rows
    size: int
    num_chosen: int
    #: which of the chosen rows are in this part
    chosen: slice
    #: shape: (num_chosen_here,) their rows, counted from the start of this part
    rows: Tensor

    @property
    def share(self) -> float:
        """Return which share of all chosen rows is in this part."""
        return len(self.rows) / self.num_chosen

    def factor(self, reduction: str) -> float:
        """Return by what to multiply a loss of the chosen rows here, such that all parts' add up to the batch's.

        :param reduction: the reduction of the loss: a mean over rows will be weighted by the part's size, a sum will
            not, and is to be as large as that of all rows

        :returns: the factor
        """
        if reduction == "mean":
            return self.share * self.size / (self.stop - self.start)
        return self.size / self.num_chosen
