"""The loss with a margin for each hardness level."""

from .hardness_adaptive import HardnessAdaptiveLoss

__all__ = ["HardnessAdaptiveLoss"]
