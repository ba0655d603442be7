"""The joint training of a model and of the generator of its negatives."""

from .loop import DHNSTrainingLoop

__all__ = ["DHNSTrainingLoop"]
