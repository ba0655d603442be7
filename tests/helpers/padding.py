"""A sampler that pads, and a filterer that leaves out the padding."""

from pykeen.sampling import BasicNegativeSampler
from pykeen.sampling.filtering import PythonSetFilterer
from torch import Tensor

__all__ = ["Padded", "PaddingFilterer"]


class Padded(BasicNegativeSampler):
    """A sampler whose last negative is padding."""

    def corrupt_batch(self, positive_batch: Tensor) -> Tensor:
        """Corrupt all but the last one."""
        negatives = super().corrupt_batch(positive_batch)
        negatives[:, -1] = -1
        return negatives


class PaddingFilterer(PythonSetFilterer):
    """A filterer that leaves out padding."""

    def contains(self, batch: Tensor) -> Tensor:
        """Take padding for known triples."""
        return super().contains(batch) | (batch < 0).any(dim=-1)
