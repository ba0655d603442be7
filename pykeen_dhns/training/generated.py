"""What a generator makes for a batch."""

import dataclasses

from torch import Tensor

from ..diffusion import Levels

__all__ = ["GeneratedNegatives", "GeneratorRun"]


@dataclasses.dataclass
class GeneratorRun:
    """What the generator has made for a batch."""

    #: The rows of the batch that it was made for, shape: (num_rows,), or all of them
    rows: Tensor | slice
    #: The embeddings, shape: (num_levels, num_groups, num_rows, dim)
    samples: Tensor
    #: shape: (num_groups, num_rows) where the condition exists. None if all do.
    usable: Tensor | None
    #: The loss of the generator, shape: (). None if it has nothing to learn.
    loss: Tensor | None


@dataclasses.dataclass
class GeneratedNegatives:
    """The generated negatives of a batch."""

    #: The rows of the batch that have generated negatives, shape: (num_rows,), or all of them
    rows: Tensor | slice
    #: Their scores, for missing heads and for missing tails, shape: (num_rows, num_levels, 2)
    scores: Tensor
    levels: Levels
