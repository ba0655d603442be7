"""Which of the negatives of a positive are sampled, and which are generated, at which level."""

import dataclasses
import math

import torch
from torch import Tensor

from ..diffusion import Levels

__all__ = ["ColumnLayout"]


@dataclasses.dataclass(frozen=True)
class ColumnLayout:
    """The layout of the columns of a negative batch.

    Sampled negatives come first, then generated ones, level by level, hardest first. Sampler and loss follow it.
    """

    #: The number of negatives per positive
    num_negs_per_pos: int
    #: The hardness levels
    levels: Levels = dataclasses.field(default_factory=Levels)
    #: For each generated column, the index of its level, ascending, i.e., hardest first
    generated: tuple[int, ...] = ()
    #: The share of rows whose generated columns hold generated negatives. In the other rows, they hold sampled ones. It
    #: is 1, unless there are too few columns.
    occupancy: float = 1.0

    @classmethod
    def create(cls, num_negs_per_pos: int, hard_fraction: float, levels: Levels) -> "ColumnLayout":
        """Create a layout.

        The number of generated columns is rounded, to at least 1. If the hard fraction amounts to less than a column,
        there is one column, and only this share of its rows is generated. Generated columns are spread evenly over the
        levels, also when there are fewer of them than levels.

        :param num_negs_per_pos: the number of negatives per positive, at least 1
        :param hard_fraction: the share of generated negatives, in [0, 1]
        :param levels: the hardness levels

        :returns: the layout
        """
        wanted = hard_fraction * num_negs_per_pos
        if not wanted:
            return cls(num_negs_per_pos, levels)
        num_generated = max(math.floor(wanted + 0.5), 1)
        generated = tuple(int((i + 0.5) * len(levels) / num_generated) for i in range(num_generated))
        return cls(num_negs_per_pos, levels, generated, occupancy=min(1.0, wanted / num_generated))

    @property
    def num_generated(self) -> int:
        """Return the number of generated columns."""
        return len(self.generated)

    @property
    def num_sampled(self) -> int:
        """Return the number of sampled columns."""
        return self.num_negs_per_pos - self.num_generated

    @property
    def chains(self) -> tuple[int, ...]:
        """Return for each generated column how many columns of its level come before it."""
        return tuple(self.generated[:column].count(level) for column, level in enumerate(self.generated))

    @property
    def num_chains(self) -> int:
        """Return the largest number of columns of a level."""
        return max(self.chains, default=-1) + 1

    @property
    def counts_as_sampled(self) -> bool:
        """Return whether a loss should take partly generated columns for sampled ones.

        It should if less than half of their rows are generated, and if there are no sampled columns: a loss that leaves
        the positive to the sampled columns would not see the positive at all.
        """
        return self.occupancy < 1 and (self.occupancy < 0.5 or not self.num_sampled)

    @property
    def loss_levels(self) -> tuple[int, ...]:
        """Return the level of each column that a loss should take for a generated one. These are the last columns."""
        return () if self.counts_as_sampled else self.generated

    def with_more_sampled(self, num: int) -> "ColumnLayout":
        """Put further sampled columns in front.

        :param num: how many

        :returns: the layout
        """
        return dataclasses.replace(self, num_negs_per_pos=self.num_negs_per_pos + num)

    def fill(self, sampled: Tensor, generated: Tensor) -> Tensor:
        """Put generated negatives into the generated columns, or a share of their rows.

        :param sampled: shape: (batch_size, num_sampled, 3) the sampled negatives. There may be more of them, for the
            rows of generated columns that are not generated.
        :param generated: shape: (batch_size, num_generated, 3) the generated negatives

        :returns: shape: (batch_size, num_negs_per_pos, 3) all negatives
        """
        sampled, others = sampled.tensor_split([self.num_sampled], dim=1)
        if self.occupancy < 1:
            is_generated = torch.rand(generated.shape[:-1], device=generated.device) < self.occupancy
            generated = torch.where(is_generated.unsqueeze(dim=-1), generated, others)
        return torch.cat([sampled, generated], dim=1)
