"""Generators as users may write them."""

from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from pykeen_dhns.generators import EmbeddingGenerator

__all__ = ["LinearGenerator", "NoisyLinearGenerator"]


class LinearGenerator(EmbeddingGenerator):
    """Multiplies conditions by a matrix that it learns.

    It draws nothing, and has no scale that moves. So the parts of a batch give what the whole batch gives.
    """

    def __init__(self, dim: int, *, slope: float = 1.0, learning_rate: float = 2e-3, **kwargs: Any) -> None:
        """Initialize the generator.

        :param dim: the number of real dimensions of an embedding
        :param slope: how much what is generated grows with the level
        :param learning_rate: the learning rate
        :param kwargs: further arguments of generators
        """
        super().__init__(dim, **kwargs)
        self.slope = slope
        self.linear = nn.Linear(dim, dim)
        self.set_optimizer(torch.optim.SGD(self.parameters(), lr=learning_rate, momentum=0.9))

    @override
    def observe(self, target: Tensor, condition: Tensor, mask: Tensor | None = None) -> None:
        pass

    @override
    def loss(self, target: Tensor, condition: Tensor, *, mask: Tensor | None = None, detach: bool = True) -> Tensor:
        if detach:
            target, condition = target.detach(), condition.detach()
        error = (self.linear(self.to_real(condition)) - self.to_real(target)).square().mean(dim=-1)
        loss: Tensor = (error if mask is None else error[mask]).mean()
        return loss

    @override
    @torch.no_grad()
    def generate(self, condition: Tensor) -> Tensor:
        generated = self.linear(self.to_real(condition))
        return torch.stack([(1 + self.slope * fraction) * generated for fraction in self.levels.fractions])


class NoisyLinearGenerator(EmbeddingGenerator):
    """Predicts the target by a linear layer, and adds more noise the easier the level."""

    def __init__(self, dim: int, *, noise: float = 1.0, learning_rate: float = 2e-3, **kwargs: Any) -> None:
        """Initialize the generator."""
        super().__init__(dim, **kwargs)
        self.noise = noise
        self.layer = nn.Linear(dim, dim)
        self.set_optimizer(torch.optim.Adam(self.parameters(), lr=learning_rate))

    @override
    def loss(
        self, target: Tensor, condition: Tensor, *, mask: Tensor | None = None, detach: bool = True
    ) -> Tensor | None:
        target, condition = self.to_real(target), self.to_real(condition)
        if detach:
            target, condition = target.detach(), condition.detach()
        error: Tensor = (self.layer(condition) - self.target_scale.normalize(target)).square().mean(dim=-1)
        return error.mean() if mask is None else (error * mask).sum() / mask.sum().clamp(min=1)

    @override
    @torch.no_grad()
    def generate(self, condition: Tensor) -> Tensor:
        mean = self.layer(self.to_real(condition))
        samples = [mean + self.noise * level * torch.randn_like(mean) for level in self.levels.fractions]
        return self.to_target_scale(torch.stack(samples), like=condition)
