"""The diffusion model: plain PyTorch, without knowledge of graphs, triples or PyKEEN."""

from .denoiser import ConditionalDenoiser, Prediction, SinusoidalTimeEmbedding
from .levels import Levels
from .process import GaussianDiffusion, Reverse
from .scaling import NonFiniteEmbeddingsError, RunningScale
from .schedule import Schedule, schedule_resolver

__all__ = [
    "ConditionalDenoiser",
    "GaussianDiffusion",
    "Levels",
    "NonFiniteEmbeddingsError",
    "Prediction",
    "Reverse",
    "RunningScale",
    "Schedule",
    "SinusoidalTimeEmbedding",
    "schedule_resolver",
]
