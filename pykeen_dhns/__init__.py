"""Diffusion-based hierarchical negative sampling for PyKEEN."""

from .version import VERSION as __version__
