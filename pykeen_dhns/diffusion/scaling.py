"""Bring embeddings to unit scale before diffusion, and back after it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["RunningScale"]


class RunningScale(nn.Module):
    """A running standardisation of each dimension.

    Diffusion adds noise of unit variance. Embeddings with a spread of, e.g., 0.05 would drown in it at the first step.
    And embeddings change while they are trained. So an exponential moving average follows their mean and variance, with
    a bias correction, so that the first batch counts in full. Both are part of the state dict.
    """

    #: The moving average of the first moment, shape: (num_groups, dim)
    first_moment: Tensor
    #: The moving average of the second moment, shape: (num_groups, dim)
    second_moment: Tensor
    #: The total weight of what was averaged so far, between 0 (nothing) and 1, shape: (num_groups, 1)
    weight: Tensor

    def __init__(self, dim: int, num_groups: int = 1, momentum: float = 0.05, eps: float = 1e-6) -> None:
        """Initialize the module.

        :param dim: the number of (real) dimensions
        :param num_groups: the number of groups with statistics of their own, e.g., one for each modality
        :param momentum: the weight of a new batch in the moving averages. The default follows embeddings that move,
            and still averages over about 20 batches.
        :param eps: the smallest variance, for dimensions that do not vary at all
        """
        super().__init__()
        self.momentum = momentum
        self.eps = eps
        #: Adds up a tensor over all processes that learn together, if there are several. They need the same scale.
        self.sum_over_processes: Callable[[Tensor], Tensor] | None = None
        self.register_buffer("first_moment", torch.zeros(num_groups, dim))
        self.register_buffer("second_moment", torch.zeros(num_groups, dim))
        self.register_buffer("weight", torch.zeros(num_groups, 1))

    @torch.no_grad()
    def update(self, x: Tensor, mask: Tensor | None = None) -> None:
        """Update the statistics.

        :param x: shape: `(num_groups, *batch_dims, dim)` the embeddings
        :param mask: shape: `(num_groups, *batch_dims)` which of them count. If None, all do. A group without any keeps
            its statistics.
        """
        # in full precision, also where a model computes in mixed precision
        x = x.flatten(start_dim=1, end_dim=-2).to(dtype=self.first_moment.dtype)
        with torch.autocast(device_type=x.device.type, enabled=False):
            mean, mean_square, number = _moments(x, mask)
        if self.sum_over_processes is not None:
            number = x.new_full((len(x), 1), x.shape[1]) if number is None else number
            # half precision cannot hold large numbers and sums
            wide = torch.promote_types(x.dtype, torch.float)
            sums = torch.cat([number.to(wide) * mean, number * mean_square, number], dim=-1)
            total, total_square, number = self.sum_over_processes(sums).split([x.shape[-1], x.shape[-1], 1], dim=-1)
            mean, mean_square = ((y / number.clamp(min=1)).to(dtype=x.dtype) for y in (total, total_square))
        momentum = self.momentum if number is None else self.momentum * (number > 0).to(dtype=x.dtype)
        self.first_moment.lerp_(mean, momentum)
        self.second_moment.lerp_(mean_square, momentum)
        self.weight.lerp_(torch.ones_like(self.weight), momentum)

    def _statistics(self, ndim: int) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation, (0, 1) before the first update, broadcastable to ``ndim`` dimensions."""
        weight = self.weight.clamp(min=self.eps)
        mean = self.first_moment / weight
        variance = (self.second_moment / weight - mean.square()).clamp(min=self.eps)
        std = torch.where(self.weight > 0, variance.sqrt(), torch.ones_like(variance))
        shape = (mean.shape[0], *(1 for _ in range(ndim - 2)), mean.shape[1])
        return mean.view(shape), std.view(shape)

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


def _moments(x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Compute means and mean squares.

    :param x: shape: (num_groups, num_rows, dim) the embeddings
    :param mask: shape: `(num_groups, *batch_dims)` which of them count. If None, all do.

    :returns: shape: (num_groups, dim) the means and the mean squares, and shape: (num_groups, 1) the number of rows
        that count, or None if all do
    """
    if mask is None:
        return x.mean(dim=1), x.square().mean(dim=1), None
    # of shape (num_groups, 1, num_rows)
    share = mask.flatten(start_dim=1).unsqueeze(dim=1).to(dtype=x.dtype)
    number = share.sum(dim=-1)
    share = share / number.clamp(min=1).unsqueeze(dim=-1)
    x = x.masked_fill(~mask.flatten(start_dim=1).unsqueeze(dim=-1), 0)
    return (share @ x).squeeze(dim=1), (share @ x.square()).squeeze(dim=1), number
