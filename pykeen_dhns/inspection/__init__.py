"""Look at what is generated: nearest entities, scores by level, hardness by relation, a projection."""

from .inspection import inspect_directory, inspect_result, inspect_source
from .report import Inspection
from .saving import KeepSampler, load_source, save_result
from .sources import LoopSource, SamplerSource, Source

__all__ = [
    "Inspection",
    "KeepSampler",
    "LoopSource",
    "SamplerSource",
    "Source",
    "inspect_directory",
    "inspect_result",
    "inspect_source",
    "load_source",
    "save_result",
]
