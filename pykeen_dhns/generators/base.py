"""What all generators of embeddings have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any

import torch
from class_resolver import Hint
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from ..diffusion import GaussianDiffusion, Levels, RunningScale, Schedule
from ..utils.optimization import SelfOptimizedModule
from ..utils.real_vectors import from_real_vector, to_real_vector
from ..utils.validation import check_type

__all__ = ["EmbeddingGenerator"]


class EmbeddingGenerator(SelfOptimizedModule, ABC):
    """Generates embeddings of missing entities, from hard to easy.

    A generator sees a *target*, the embedding of an entity, and its *condition*, what the rest of the triple tells
    about it. Both are tensors of shape `(num_groups, *batch_dims, dim)`. Groups share the generator, but each has a
    scale of its own: a group is a modality, or a side of a triple, or both.

    Embeddings may be of any floating dtype, real or complex. The generator itself computes in single precision, or in
    double precision, if it is moved to it. Half precision is not enough for the statistics and the optimiser.

    To write a generator of your own, implement :meth:`generate`, with :meth:`to_real` at its beginning and
    :meth:`to_target_scale` at its end. If it has parameters, also implement :meth:`loss`, and end the constructor with
    :meth:`set_optimizer`. The constructor passes ``num_groups`` and ``condition`` on to this one.
    """

    def __init__(
        self,
        dim: int,
        *,
        num_groups: int = 1,
        num_timesteps: int = 50,
        schedule: Hint[Schedule] = None,
        levels: Levels | Sequence[float] | None = None,
        condition: nn.Module | None = None,
    ) -> None:
        """Initialize the generator.

        :param dim: the number of real dimensions of an embedding. A complex number counts twice.
        :param num_groups: the number of groups of embeddings
        :param num_timesteps: the number of time steps $T$. The paper chooses among 20, 50, 70 and 100.
        :param schedule: the noise schedule, or its name, cf. :data:`pykeen_dhns.diffusion.schedule_resolver`
        :param levels: the hardness levels, as fractions of the number of time steps. Defaults to the paper's.
        :param condition: the module that computes the conditions, if its parameters are to be trained, too
        """
        super().__init__()
        check_type("condition", condition, (nn.Module, NoneType), "a module, or None")
        self.dim = dim
        self.num_groups = num_groups
        self.levels = Levels.make(levels)
        self.process = GaussianDiffusion(num_timesteps=num_timesteps, schedule=schedule)
        self.target_scale = RunningScale(dim=dim, num_groups=num_groups)
        self.condition = condition

    @override
    def _apply(self, fn: Callable[[Tensor], Tensor], *args: Any, **kwargs: Any) -> "EmbeddingGenerator":
        def apply(x: Tensor) -> Tensor:
            result = fn(x)
            is_half = result.is_floating_point() and torch.finfo(result.dtype).bits < 32
            # in half precision, squares of small gradients vanish, and Adam divides by their root
            return x.to(device=result.device, dtype=torch.promote_types(x.dtype, torch.float)) if is_half else result

        super()._apply(apply, *args, **kwargs)
        return self

    @property
    def time_steps(self) -> tuple[int, ...]:
        """Return the time step of each level, ascending, i.e., hardest first."""
        return self.levels.time_steps(self.process.num_timesteps)

    def to_real(self, x: Tensor) -> Tensor:
        """View embeddings as real vectors, and check their shape.

        :param x: shape: `(num_groups, *batch_dims, dim)` the embeddings. Complex ones have half as many dimensions.

        :returns: shape: `(num_groups, *batch_dims, dim)` the embeddings, real, in the generator's precision

        :raises TypeError: if they are no tensor of floating or complex numbers
        :raises ValueError: if the number of groups or dimensions is wrong
        """
        if not isinstance(x, Tensor) or not (x.is_floating_point() or x.is_complex()):
            kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise TypeError(f"Embeddings must be a tensor of floating or complex numbers, and not {kind}.")
        x = to_real_vector(x, num_batch_dims=x.ndim - 1)
        if x.shape[0] != self.num_groups or x.shape[-1] != self.dim:
            raise ValueError(
                f"Embeddings of shape {tuple(x.shape)} (complex numbers as two real ones) do not fit: the first "
                f"dimension must be num_groups={self.num_groups}, the last one dim={self.dim}."
            )
        return x.to(dtype=self.target_scale.mean.dtype)

    @torch.no_grad()
    def observe(self, target: Tensor, condition: Tensor, mask: Tensor | None = None) -> None:
        """Update the scales.

        :param target: shape: `(num_groups, *batch_dims, dim)` the embeddings to be generated
        :param condition: shape: `(num_groups, *batch_dims, dim)` their conditions
        :param mask: shape: `(num_groups, *batch_dims)` which of the embeddings exist. If None, all do.
        """
        self.target_scale.update(self.to_real(target), mask)

    def loss(
        self,
        target: Tensor,
        condition: Tensor,
        *,
        mask: Tensor | None = None,
        detach: bool = True,
    ) -> Tensor | None:
        """Compute the loss of the generator.

        :param target: shape: `(num_groups, *batch_dims, dim)` the embeddings to be generated
        :param condition: shape: `(num_groups, *batch_dims, dim)` their conditions
        :param mask: shape: `(num_groups, *batch_dims)` which of the embeddings exist. If None, all do.
        :param detach: whether to keep gradients from reaching the embeddings

        :returns: shape: () the loss, or None if there is nothing to learn
        """
        return None

    def update(self, target: Tensor, condition: Tensor) -> Tensor | None:
        """Learn from embeddings: update the scales, then take one step of the optimiser.

        :param target: shape: `(num_groups, *batch_dims, dim)` the embeddings to be generated
        :param condition: shape: `(num_groups, *batch_dims, dim)` their conditions

        :returns: shape: () the loss before the step, detached, or None if there is nothing to learn
        """
        self.observe(target, condition)
        loss = self.loss(target, condition) if target.numel() else None
        if loss is None:
            return None
        self.optimize(loss)
        return loss.detach()

    @abstractmethod
    def generate(self, condition: Tensor) -> Tensor:
        """Generate embeddings at all levels, without gradients.

        :param condition: shape: `(num_groups, *batch_dims, dim)` the conditions

        :returns: shape: `(num_levels, num_groups, *batch_dims, dim)` the embeddings, hardest level first, at the
            scale of the embeddings that were observed, and of the dtype of the conditions
        """

    def to_target_scale(self, samples: Tensor, like: Tensor) -> Tensor:
        """Bring samples from unit scale to the scale of the targets.

        :param samples: shape: `(num_levels, num_groups, *batch_dims, dim)` real samples, of zero mean and unit variance
        :param like: the conditions. The result is of their dtype.

        :returns: shape: `(num_levels, num_groups, *batch_dims, dim)` the embeddings
        """
        # the levels are one more batch dimension behind the group
        samples = self.target_scale.denormalize(samples.transpose(0, 1)).transpose(0, 1)
        result = from_real_vector(samples, shape=like.shape[-1:], is_complex=like.is_complex())
        return result.to(dtype=like.dtype)

    def similarity(self, samples: Tensor, level: Tensor, targets: Tensor) -> Tensor:
        r"""Compare generated embeddings with those of entities: the cosine of the angle between them, at unit scale.

        Only directions are compared. A dot product would prefer entities with large embeddings, i.e., frequent ones,
        and the Euclidean distance those with small embeddings, about which little is known. For a sample without any
        preferred direction, i.e., noise, each entity is equally likely to be nearest, up to how many others share its
        direction.

        Cosines are scaled by the square root of the dimension, so that those of random directions have unit variance.
        And they are discounted by the correlation $\sqrt{\bar\alpha_t}$ of sample and data: the more noise there is in
        a sample, the less it says.

        :param samples: shape: (num_groups, num_columns, num_samples, dim) the generated embeddings
        :param level: shape: (num_columns,) the index of the level at which they were generated
        :param targets: shape: (num_groups, num_targets, dim) the embeddings to compare with

        :returns: shape: (num_groups, num_columns, num_samples, num_targets) the similarities
        """
        samples, targets = (
            functional.normalize(self.target_scale.normalize(self.to_real(x)), dim=-1) for x in (samples, targets)
        )
        factor = (self.dim * self.process.alphas_cumprod[list(self.time_steps)]).sqrt()[level].view(-1, 1, 1)
        # one product for all columns, which is faster than one for each
        similarities = (factor * samples).flatten(start_dim=1, end_dim=2) @ targets.transpose(-2, -1)
        result: Tensor = similarities.unflatten(1, samples.shape[1:3])
        return result
