"""Comparisons of negative samplers, models, and datasets, through PyKEEN's pipeline."""

from .configuration import Cell, Comparison, Rule, Run
from .execution import best_trial, compare, finished_runs
from .reading import load_comparison

__all__ = ["Cell", "Comparison", "Rule", "Run", "best_trial", "compare", "finished_runs", "load_comparison"]
