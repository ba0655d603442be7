"""The joint training of a model and of the generator of its negatives."""

from .config import LoopConfig
from .loop import DHNSTrainingLoop

__all__ = ["DHNSTrainingLoop", "LoopConfig"]
