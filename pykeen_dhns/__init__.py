"""Diffusion-based hierarchical negative sampling for PyKEEN.

Installing this package is enough to use its parts by name. To import them, e.g.,

>>> from pykeen_dhns import DHNSNegativeSampler
"""

import importlib
from typing import TYPE_CHECKING, Any

from .version import VERSION as __version__  # noqa: N811

if TYPE_CHECKING:
    from .datasets import DB15K, MKGW, MKGY
    from .generators import DiffHEG
    from .inspection import inspect_directory, inspect_result, save_result
    from .losses import HardnessAdaptiveLoss
    from .multimodal.model import MultimodalModel
    from .multimodal.representation import MultimodalRepresentation
    from .sampling import DHNSNegativeSampler, FastBernoulliNegativeSampler
    from .training import DHNSTrainingLoop

__all__ = [
    "DB15K",
    "MKGW",
    "MKGY",
    "DHNSNegativeSampler",
    "DHNSTrainingLoop",
    "DiffHEG",
    "FastBernoulliNegativeSampler",
    "HardnessAdaptiveLoss",
    "MultimodalModel",
    "MultimodalRepresentation",
    "__version__",
    "inspect_directory",
    "inspect_result",
    "save_result",
]

#: Where public names are defined. They are imported at first use, since PyKEEN imports this package while PyKEEN itself
#: is half imported.
_MODULES = {
    "DB15K": "datasets",
    "MKGW": "datasets",
    "MKGY": "datasets",
    "DHNSNegativeSampler": "sampling",
    "DHNSTrainingLoop": "training",
    "DiffHEG": "generators",
    "FastBernoulliNegativeSampler": "sampling",
    "HardnessAdaptiveLoss": "losses",
    "MultimodalModel": "multimodal.model",
    "MultimodalRepresentation": "multimodal.representation",
    "inspect_directory": "inspection",
    "inspect_result": "inspection",
    "save_result": "inspection",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
