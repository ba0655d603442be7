"""The diffusion model: plain PyTorch, without knowledge of graphs, triples or PyKEEN."""

from .denoiser import ConditionalDenoiser, Prediction, SinusoidalTimeEmbedding
from .levels import DEFAULT_LEVELS, resolve_levels
from .process import GaussianDiffusion, Reverse
from .scaling import RunningScale
from .schedule import make_betas, schedule_resolver

__all__ = [
    "DEFAULT_LEVELS",
    "ConditionalDenoiser",
    "GaussianDiffusion",
    "Prediction",
    "Reverse",
    "RunningScale",
    "SinusoidalTimeEmbedding",
    "make_betas",
    "resolve_levels",
    "schedule_resolver",
]
