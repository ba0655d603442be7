"""Bring embeddings to unit scale before diffusion, and back after it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..utils.validation import check_number, check_positive, check_size

__all__ = ["NonFiniteEmbeddingsError", "RunningScale"]


class NonFiniteEmbeddingsError(RuntimeError):
    """Embeddings that a generator should learn from are infinite or NaN, or too large to be squared.

    PyKEEN's hyper-parameter search goes on with the next trial after a :class:`RuntimeError`.
    """


class RunningScale(nn.Module):
    """A running standardisation of each dimension.

    Diffusion adds noise of unit variance. Embeddings with a spread of, e.g., 0.05 would drown in it at the first step.
    And embeddings change while they are trained. So an exponential moving average follows their mean and variance, with
    a bias correction, so that the first batch counts in full. Both are part of the state dict.
    """

    #: The moving average of the mean, shape: (num_groups, dim)
    mean: Tensor
    #: The moving average of the variance around it, shape: (num_groups, dim)
    variance: Tensor
    #: The total weight of what was averaged so far, between 0 (nothing) and 1, shape: (num_groups, 1)
    weight: Tensor

    def __init__(self, dim: int, num_groups: int = 1, momentum: float = 0.05, eps: float = 1e-6) -> None:
        """Initialize the module.

        :param dim: the number of (real) dimensions
        :param num_groups: the number of groups with statistics of their own, e.g., one for each modality
        :param momentum: the weight of a new batch in the moving averages. The default follows embeddings that move,
            and still averages over about 20 batches.
        :param eps: the smallest variance, for dimensions that do not vary at all

        :raises ValueError: if an argument is out of its range
        """  # noqa: DOC502
        check_size("dim", dim)
        check_size("num_groups", num_groups)
        check_number("momentum", momentum, minimum=0, exclude_minimum=True, maximum=1)
        check_positive("eps", eps)
        super().__init__()
        self.momentum = momentum
        self.eps = eps
        #: Adds up a tensor over all processes that learn together, if there are several. They need the same scale.
        self.sum_over_processes: Callable[[Tensor], Tensor] | None = None
        self.register_buffer("mean", torch.zeros(num_groups, dim))
        self.register_buffer("variance", torch.ones(num_groups, dim))
        self.register_buffer("weight", torch.zeros(num_groups, 1))

    @torch.no_grad()
    def update(self, x: Tensor, mask: Tensor | None = None) -> None:
        """Update the statistics, by the formula of [chan1983]_ for the variance of two samples together.

        A difference of means of squares would be simpler. But where the mean is large, it cancels out.

        :param x: shape: `(num_groups, *batch_dims, dim)` the embeddings
        :param mask: shape: `(num_groups, *batch_dims)` which of them count. If None, all do. A group without any keeps
            its statistics.

        :raises NonFiniteEmbeddingsError: if a value that counts is infinite or NaN, or too large to be squared. The
            statistics stay what they are.
        """
        # in full precision, also where a model computes in mixed precision
        x = x.flatten(start_dim=1, end_dim=-2).to(dtype=self.mean.dtype)
        with torch.autocast(device_type=x.device.type, enabled=False):
            mean, variance, number = _moments(x, mask)
        if self.sum_over_processes is not None:
            mean, variance, number = _pool(mean, variance, number, self.sum_over_processes)
        if not variance.isfinite().all():
            raise NonFiniteEmbeddingsError(
                "Embeddings or conditions are infinite or NaN, or too large to be squared, so a generator cannot learn "
                "from them. Has the training diverged? Try a smaller learning rate."
            )
        momentum = self.momentum * (number > 0).to(dtype=x.dtype)
        self.weight.lerp_(torch.ones_like(self.weight), momentum)
        # the share of this batch in all so far
        share = momentum / self.weight.clamp(min=self.momentum)
        self.variance.addcmul_(share, (mean - self.mean).square()).lerp_(variance, share)
        self.mean.lerp_(mean, share)

    def _statistics(self, ndim: int) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation, (0, 1) before the first update, broadcastable to ``ndim`` dimensions."""
        shape = (self.mean.shape[0], *(1 for _ in range(ndim - 2)), self.mean.shape[1])
        return self.mean.view(shape), self.variance.clamp(min=self.eps).sqrt().view(shape)

    def normalize(self, x: Tensor) -> Tensor:
        """Bring embeddings to zero mean and unit variance.

        :param x: shape: `(num_groups, *batch_dims, dim)` the embeddings

        :returns: shape: `(num_groups, *batch_dims, dim)` the normalized embeddings
        """
        mean, std = self._statistics(x.ndim)
        return (x - mean) / std

    def denormalize(self, x: Tensor) -> Tensor:
        """Invert :meth:`normalize`.

        :param x: shape: `(num_groups, *batch_dims, dim)` the normalized embeddings

        :returns: shape: `(num_groups, *batch_dims, dim)` the embeddings
        """
        mean, std = self._statistics(x.ndim)
        return x * std + mean


def _moments(x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Compute means and variances.

    :param x: shape: (num_groups, num_rows, dim) the embeddings
    :param mask: shape: `(num_groups, *batch_dims)` which of them count. If None, all do.

    :returns: shape: (num_groups, dim) the means and the variances, and shape: (num_groups, 1) the number of rows that
        count
    """
    if mask is None:
        number = x.new_full((len(x), 1), x.shape[1])
        mean = x.sum(dim=1) / number.clamp(min=1)
        return mean, (x - mean.unsqueeze(dim=1)).square().sum(dim=1) / number.clamp(min=1), number
    mask = mask.flatten(start_dim=1).unsqueeze(dim=-1)
    number = mask.sum(dim=1).to(dtype=x.dtype)
    mean = x.masked_fill(~mask, 0).sum(dim=1) / number.clamp(min=1)
    deviation = (x - mean.unsqueeze(dim=1)).masked_fill(~mask, 0)
    return mean, deviation.square().sum(dim=1) / number.clamp(min=1), number


def _pool(
    mean: Tensor, variance: Tensor, number: Tensor, sum_over_processes: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the moments over all processes, from those of this one."""
    # sums of squares need double precision
    wide = mean.double()
    sums = torch.cat([number * wide, number * (variance + wide.square()), number], dim=-1)
    total, total_square, number = sum_over_processes(sums).split([mean.shape[-1], mean.shape[-1], 1], dim=-1)
    wide, mean_square = total / number.clamp(min=1), total_square / number.clamp(min=1)
    return wide.to(mean.dtype), (mean_square - wide.square()).clamp(min=0).to(mean.dtype), number
