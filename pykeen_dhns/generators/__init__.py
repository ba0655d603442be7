"""What generates embeddings of negatives: the diffusion model, and the controls for it."""

from .base import EmbeddingGenerator
from .config import GeneratorConfig, generator_resolver
from .controls import GaussianNoise, QueryGenerator
from .diffheg import DiffHEG

__all__ = [
    "DiffHEG",
    "EmbeddingGenerator",
    "GaussianNoise",
    "GeneratorConfig",
    "QueryGenerator",
    "generator_resolver",
]
