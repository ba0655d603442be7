"""Which process trains on which triples."""

import dataclasses

from torch import Tensor

__all__ = ["Shards"]


@dataclasses.dataclass(frozen=True)
class Shards:
    """Splits an order of all triples into batches, and each batch into one share for each process.

    All processes have the same number of batches, since each of them waits for the others in each. All triples are in
    exactly one share. A remainder that is too small for a batch of its own joins the last batch. The shares of a
    batch may differ by one.
    """

    num_triples: int
    #: the number of triples in a share, as everywhere in Lightning
    batch_size: int
    num_processes: int = 1
    rank: int = 0
    #: the smallest share that can be trained on, e.g., 2 for batch normalisation
    min_size: int = 1

    def __post_init__(self) -> None:
        """Check the numbers.

        :raises ValueError: if some process would have too few triples
        """
        if self.batch_size < self.min_size:
            raise ValueError(f"batch_size={self.batch_size} must be at least {self.min_size}.")
        if self.num_triples < self.num_processes * self.min_size:
            raise ValueError(
                f"There are only {self.num_triples} triples for {self.num_processes} processes, each of which needs at "
                f"least {self.min_size}. Use fewer devices."
            )

    @property
    def num_batches(self) -> int:
        """Return the number of batches, which is the same for all processes."""
        full, remainder = divmod(self.num_triples, self.num_processes * self.batch_size)
        # a remainder that is too small for all processes is added to the batch before
        return max(1, full + (remainder >= self.num_processes * self.min_size))

    def _bounds(self, batch: int) -> tuple[int, int]:
        size = self.num_processes * self.batch_size
        return batch * size, self.num_triples if batch == self.num_batches - 1 else (batch + 1) * size

    def total_size(self, batch: int) -> int:
        """Return the number of triples in the shares of all processes.

        :param batch: the batch

        :returns: the number
        """
        start, stop = self._bounds(batch)
        return stop - start

    def share(self, order: Tensor, batch: int) -> Tensor:
        """Select what this process trains on.

        :param order: shape: (num_triples,) the order of all triples, the same for all processes
        :param batch: the batch

        :returns: shape: (share_size,) this process's share of the batch
        """
        start, stop = self._bounds(batch)
        return order[start:stop][self.rank :: self.num_processes]
