"""The whole method as a module of PyTorch Lightning: several devices, mixed precision, Lightning's checkpoints."""

try:
    import pytorch_lightning  # noqa: F401
except ImportError as error:
    raise ImportError(
        "pykeen_dhns.lightning needs a further package: pip install 'pykeen-dhns[lightning]' (or pytorch-lightning)"
    ) from error

from .module import DHNSLitModule
from .optimizers import JointOptimizer

__all__ = ["DHNSLitModule", "JointOptimizer"]
