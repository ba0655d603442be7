"""What generates embeddings of negatives: the diffusion model, and the controls for it."""

from .diffheg import DiffHEG
from .noise import GaussianNoise

__all__ = ["DiffHEG", "GaussianNoise"]
