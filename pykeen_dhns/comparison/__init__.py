"""Comparisons of negative samplers, models, and datasets, through PyKEEN's pipeline."""

from .configuration import Cell, Comparison, Run
from .execution import compare
from .reading import load_comparison
from .results import Results
from .store import load_results

__all__ = ["Cell", "Comparison", "Results", "Run", "compare", "load_comparison", "load_results"]
