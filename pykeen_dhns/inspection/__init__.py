"""Look at what is generated: nearest entities, scores by level, hardness by relation, a projection."""

from .api import inspect_directory, inspect_result, inspect_sampler, inspect_training_loop
from .inspection import Inspection
from .keep_sampler import KeepSampler
from .saving import load_run, save_generators, save_result
from .scores import collect_scores, make_histograms
from .settings import InspectionSettings

__all__ = [
    "Inspection",
    "InspectionSettings",
    "KeepSampler",
    "collect_scores",
    "inspect_directory",
    "inspect_result",
    "inspect_sampler",
    "inspect_training_loop",
    "load_run",
    "make_histograms",
    "save_generators",
    "save_result",
]
