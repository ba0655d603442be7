"""Generate fewer negatives with each pass over the triples."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import data

from .columns import ColumnLayout
from .shared_memory import share_memory

__all__ = ["Annealing"]

#: The number of counters, at least that of worker processes
NUM_COUNTERS = 64


class Annealing(nn.Module):
    """Counts passes over the triples, and lays out fewer generated columns in each, until there are none.

    The share of generated negatives decreases linearly from pass to pass, and is constant within a pass. So, within a
    pass, it does not matter in which order worker processes make their batches.
    """

    #: The number of triples seen, shape: (NUM_COUNTERS,). Each worker process of a data loader has its own counter, so
    #: none undoes what another one has counted.
    num_seen: Tensor

    def __init__(self, layout: ColumnLayout, hard_fraction: float, num_epochs: int, num_triples: int) -> None:
        """Initialize the module.

        :param layout: the layout of the columns in the first pass
        :param hard_fraction: the share of generated negatives in the first pass, in [0, 1]
        :param num_epochs: the number of passes with generated negatives
        :param num_triples: the number of triples in a pass
        """
        super().__init__()
        self.first_layout = layout
        self.hard_fraction = hard_fraction
        self.num_epochs = num_epochs
        self.num_triples = num_triples
        self.register_buffer("num_seen", torch.zeros(NUM_COUNTERS, dtype=torch.long))
        share_memory(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # a copy, or one from a file, is not in shared memory yet
        super().__setstate__(state)
        share_memory(self)

    def next_layout(self, batch_size: int, *, count: bool) -> ColumnLayout:
        """Return the layout of the columns of a batch.

        :param batch_size: the number of triples in it
        :param count: whether to count them

        :returns: the layout. It is that of the pass to which the first triple of the batch belongs.
        """
        num_passes = int(self.num_seen.sum()) // self.num_triples
        if count:
            worker = data.get_worker_info()
            self.num_seen[0 if worker is None else worker.id % NUM_COUNTERS] += batch_size
        share = max(0, self.num_epochs - num_passes) / self.num_epochs
        first = self.first_layout
        return ColumnLayout.create(first.num_negs_per_pos, self.hard_fraction * share, first.levels)
