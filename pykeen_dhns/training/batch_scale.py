"""By what the terms of a loss are multiplied, so that the parts of a batch add up to the whole."""

import dataclasses

from torch import Tensor

__all__ = ["BatchScale"]


@dataclasses.dataclass(frozen=True)
class BatchScale:
    """The factors of a sub-batch.

    A batch can be shared by several processes, which average their gradients, and each process can split its share
    into sub-batches, which add up their gradients. PyKEEN weighs a sub-batch by its share of the rows if the loss is a
    mean, and not at all if it is a sum.
    """

    #: Whether the loss is a mean over rows, else it is a sum
    is_mean: bool
    #: The number of rows of the sub-batch, and of this process's share of the batch
    num_rows: int
    size: int
    #: The number of processes, and the number of rows of all of their shares
    num_processes: int = 1
    total_size: int | None = None

    @property
    def share(self) -> float:
        """Return the factor of a mean over the rows of this process."""
        return 1.0 if self.total_size is None else self.num_processes * self.size / self.total_size

    @property
    def loss(self) -> float:
        """Return the factor of the model's loss."""
        return self.share if self.is_mean else float(self.num_processes)

    def generator(self, part: Tensor | None = None) -> Tensor | float:
        """Return the factor of the generator's loss, which is a mean also where the model's is a sum.

        :param part: shape: () this sub-batch's part of what the generator learns from in the whole batch. If None, it
            is the part of the rows.

        :returns: the factor
        """
        if part is None:
            return self.share if self.is_mean else self.share * self.num_rows / self.size
        part = self.num_processes * part
        return part * self.size / self.num_rows if self.is_mean else part

    def hardness(self, num_chosen: int) -> float:
        """Return the factor of a loss over some of the rows, within the model's loss.

        :param num_chosen: the number of these rows

        :returns: the factor: a sum over them is to be as large as that over all rows
        """
        return 1.0 if self.is_mean else self.num_rows / num_chosen
