"""Training triples of one process among several, in an order that all of them share."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from pykeen.triples.instances import BatchedSLCWAInstances, SLCWABatch
from torch import Tensor
from torch.utils import data

from .seeds import Purpose, derive_seed
from .shards import Shards
from ..utils.random_state import seeded

__all__ = ["ShardedBatch", "ShardedInstances", "ShardedLoader"]


class ShardedBatch(SLCWABatch):
    """A process's share of a batch."""

    #: the number of positives in the shares of all processes
    total_size: int


class ShardedInstances(data.Dataset[ShardedBatch]):
    """Batches, by epoch and number.

    A batch depends on these two, on the seed, and on what the sampler has learned. So it does not matter whether a
    worker makes it, or whether a run has been resumed.
    """

    def __init__(self, instances: BatchedSLCWAInstances, shards: Shards, *, seed: int, is_training: bool) -> None:
        """Initialize the instances.

        :param instances: the triples, and the sampler of their negatives
        :param shards: tells which of them belong to this process
        :param seed: the seed, the same for all processes
        :param is_training: whether to shuffle, and to let the sampler learn
        """
        self.instances = instances
        self.shards = shards
        self.seed = seed
        self.is_training = is_training
        self._order: tuple[int, Tensor] | None = None

    def order(self, epoch: int) -> Tensor:
        """Return the order of the triples in an epoch.

        :param epoch: the epoch

        :returns: shape: (num_triples,) the order, the same for all processes
        """
        if self._order is None or self._order[0] != epoch:
            if self.is_training:
                generator = torch.Generator().manual_seed(derive_seed(self.seed, Purpose.ORDER, epoch))
                order = torch.randperm(self.shards.num_triples, generator=generator)
            else:
                order = torch.arange(self.shards.num_triples)
            self._order = epoch, order
        return self._order[1]

    def __getitem__(self, item: tuple[int, int]) -> ShardedBatch:
        """Make a batch.

        :param item: the epoch, and the number of the batch in it

        :returns: this process's share of it
        """
        epoch, number = item
        sampler = self.instances.negative_sampler
        was_training = sampler.training
        seed = derive_seed(self.seed, Purpose.NEGATIVES, int(self.is_training), epoch, number, self.shards.rank)
        # The validation shares the training's sampler, which must not learn from validation triples.
        sampler.train(self.is_training and was_training)
        try:
            with seeded(seed):
                batch = self.instances[self.shards.share(self.order(epoch), number)]  # type: ignore[index]
        finally:
            sampler.train(was_training)
        return ShardedBatch(**batch, total_size=self.shards.total_size(number))

    def __len__(self) -> int:
        """Return the number of batches."""
        return self.shards.num_batches


class _BatchNumbers(data.DistributedSampler[tuple[int, int]]):
    """The numbers of the batches of an epoch, which are the same for all processes.

    Since it is a distributed sampler, Lightning does not add another one.
    """

    def __init__(self, instances: ShardedInstances) -> None:
        shards = instances.shards
        super().__init__(instances, num_replicas=shards.num_processes, rank=shards.rank, shuffle=False)
        self.first = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter([(self.epoch, number) for number in range(self.first, len(self))])

    def __len__(self) -> int:
        """Return the number of batches of a whole epoch."""
        return self.dataset.shards.num_batches  # type: ignore[attr-defined, no-any-return]


class ShardedLoader(data.DataLoader[ShardedBatch]):
    """Loads the batches of the current epoch, and knows how far it got, so that a run can be resumed there."""

    sampler: _BatchNumbers

    def __init__(self, instances: ShardedInstances, *, epoch: Callable[[], int], num_workers: int = 0) -> None:
        """Initialize the loader.

        :param instances: the instances
        :param epoch: returns the current epoch. It is called when the first batch is needed: Lightning creates an
            iterator before it knows which epoch it is for.
        :param num_workers: the number of workers. 0 means that the main process makes the batches.
        """
        self.current_epoch = epoch
        self._position = self._resumed = (0, 0)
        super().__init__(instances, sampler=_BatchNumbers(instances), batch_size=None, num_workers=num_workers)

    def __iter__(self) -> Iterator[ShardedBatch]:  # type: ignore[override]
        """Iterate over the batches of the current epoch, or over what is left of it after a resumption."""
        epoch = self.current_epoch()
        resumed_epoch, resumed_batch = self._resumed
        self._resumed = (0, 0)
        self.sampler.set_epoch(epoch)
        self.sampler.first = resumed_batch if resumed_epoch == epoch else 0
        for number, batch in enumerate(super().__iter__(), start=self.sampler.first + 1):
            self._position = epoch, number
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Return the position, which Lightning puts into its checkpoints.

        :returns: the epoch, and the number of batches of it that were handed out
        """
        epoch, batch = self._position
        return {"epoch": epoch, "batch": batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a position in the next iteration, if that is in the same epoch.

        :param state: what was returned by :meth:`state_dict`
        """
        self._resumed = self._position = state["epoch"], state["batch"]
