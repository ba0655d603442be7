"""The negative sampler."""

from .sampler import DHNSNegativeSampler

__all__ = ["DHNSNegativeSampler"]
