"""The negative sampler."""

from .bernoulli import FastBernoulliNegativeSampler
from .sampler import DHNSNegativeSampler

__all__ = ["DHNSNegativeSampler", "FastBernoulliNegativeSampler"]
