"""Training instances that are divided among workers."""

from collections.abc import Iterable
from typing import Any

from pykeen.sampling import NegativeSampler
from pykeen.triples.instances import BatchedSLCWAInstances
from pykeen.typing import LongTensor
from torch.utils import data
from typing_extensions import override

__all__ = ["DividedSLCWAInstances", "NoNegativeSampler"]


class NoNegativeSampler(NegativeSampler):
    """Samples no negatives, for a training whose negatives come from elsewhere."""

    @override
    def corrupt_batch(self, positive_batch: LongTensor) -> LongTensor:
        return positive_batch.new_empty(*positive_batch.shape[:-1], 0, 3)


class DividedSLCWAInstances(BatchedSLCWAInstances):
    """Training instances that see each triple once an epoch, however many workers there are.

    With a single process, these are PyKEEN's own, in the same order. With several workers, PyKEEN 1.11.1 takes
    positions within a worker's share for positions in the whole. So each worker sees the first share, and none the
    others.
    """

    def __init__(self, *, num_workers: int = 0, **kwargs: Any) -> None:
        """Initialize the instances.

        :param num_workers: the number of workers, 0 means that the main process makes the batches
        :param kwargs: additional keyword-based parameters of PyKEEN's instances
        """  # noqa: DOC103
        super().__init__(**kwargs)
        self.num_workers = num_workers

    def _share(self, worker: int) -> range:
        return range(worker, len(self.mapped_triples), max(1, self.num_workers))

    @override
    def iter_triple_ids(self) -> Iterable[list[int]]:
        info = data.get_worker_info()
        share = self._share(0 if info is None else info.id)
        if not len(share):
            # more workers than triples
            return
        for positions in data.BatchSampler(
            sampler=data.RandomSampler(data_source=share), batch_size=self.batch_size, drop_last=self.drop_last
        ):
            yield [share[position] for position in positions]

    def __len__(self) -> int:
        """Return the number of batches."""
        sizes = [len(self._share(worker)) for worker in range(max(1, self.num_workers))]
        if self.drop_last:
            return sum(size // self.batch_size for size in sizes)
        return sum(-(-size // self.batch_size) for size in sizes)
