"""Which of the negatives of a positive are sampled, and which are generated, at which level."""

import dataclasses
import math
import weakref
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["ColumnLayout", "announce", "is_in_use"]


@dataclasses.dataclass(frozen=True)
class ColumnLayout:
    """The layout of the columns of a negative batch.

    Sampled negatives come first, then generated ones, level by level, hardest first. Both the sampler and the loss
    follow this layout.
    """

    #: The number of negatives per positive
    num_negs_per_pos: int
    #: The level of each generated column, ascending, i.e., hardest first
    levels: tuple[int, ...]
    #: The share of the generated columns' cells that are really generated, 1 unless there are too few columns
    occupancy: float

    @classmethod
    def create(cls, num_negs_per_pos: int, hard_fraction: float, num_levels: int) -> "ColumnLayout":
        """Create a layout.

        The number of generated columns is rounded, but not to zero: where the hard fraction amounts to less than a
        column, there is one, which only in this share of the rows is really generated. Generated columns are spread
        evenly over the levels, also when there are fewer of them than levels.

        :param num_negs_per_pos: the number of negatives per positive, at least 1
        :param hard_fraction: the share of generated negatives, in [0, 1]
        :param num_levels: the number of levels

        :returns: the layout
        """
        wanted = hard_fraction * num_negs_per_pos
        num_generated = max(math.floor(wanted + 0.5), 1 if wanted > 0 else 0)
        levels = tuple(int((i + 0.5) * num_levels / num_generated) for i in range(num_generated))
        return cls(num_negs_per_pos, levels=levels, occupancy=min(1.0, wanted / num_generated) if levels else 0.0)

    @property
    def num_generated(self) -> int:
        """Return the number of generated columns."""
        return len(self.levels)

    @property
    def num_sampled(self) -> int:
        """Return the number of sampled columns."""
        return self.num_negs_per_pos - self.num_generated

    @property
    def chains(self) -> tuple[int, ...]:
        """Return for each generated column which one of its level it is."""
        return tuple(self.levels[:column].count(level) for column, level in enumerate(self.levels))

    @property
    def num_chains(self) -> int:
        """Return the largest number of columns of a level."""
        return max(self.chains, default=-1) + 1

    @property
    def counts_as_sampled(self) -> bool:
        """Return whether a column that is generated in a part of the rows counts as sampled all the same.

        So it does if this part is less than half, and if it is the only column: a loss that leaves the positive to
        sampled columns would see none at all.
        """
        return 0 < self.occupancy < 1 and (self.occupancy < 0.5 or not self.num_sampled)

    def column_levels(self) -> Tensor:
        """Return the level of each column, as which a loss is to take it.

        :returns: shape: (num_negs_per_pos,) the levels, with -1 for sampled columns, and for one that counts as sampled
        """
        if self.counts_as_sampled:
            return torch.full((self.num_negs_per_pos,), -1)
        return torch.as_tensor([-1] * self.num_sampled + list(self.levels))


#: The layout, and the levels, of each sampler that there is
_in_use: weakref.WeakKeyDictionary[nn.Module, tuple[ColumnLayout, tuple[float, ...]]] = weakref.WeakKeyDictionary()


def announce(sampler: nn.Module, layout: ColumnLayout, levels: Sequence[float]) -> None:
    """Say that a sampler lays out its columns like this, as long as it lives.

    PyKEEN's losses only get scores: this is how the hardness-adaptive one can notice that its arguments do not fit.

    :param sampler: the sampler
    :param layout: its layout
    :param levels: its levels, as fractions of the time steps
    """
    _in_use[sampler] = layout, tuple(levels)


def is_in_use(layout: ColumnLayout, levels: Sequence[float]) -> bool:
    """Return whether there is a sampler which lays out its columns like this.

    :param layout: the layout
    :param levels: the levels, as fractions of the time steps

    :returns: whether there is one
    """
    return (layout, tuple(levels)) in _in_use.values()
