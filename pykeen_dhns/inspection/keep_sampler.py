"""Keep the sampler of PyKEEN's own training loop."""

from typing import Any

from pykeen.sampling import NegativeSampler
from pykeen.training import SLCWATrainingLoop, TrainingLoop
from pykeen.training.callbacks import TrainingCallback
from torch.utils.data import DataLoader
from typing_extensions import override

__all__ = ["KeepSampler"]


class KeepSampler(TrainingCallback):
    """Keeps the sampler that a training loop builds, which PyKEEN would drop at the end of the training.

    >>> from pykeen.pipeline import pipeline
    >>> keeper = KeepSampler()
    >>> result = pipeline(
    ...     dataset="nations",
    ...     model="TransE",
    ...     negative_sampler="dhns",
    ...     training_kwargs=dict(num_epochs=1, callbacks=keeper, use_tqdm=False),
    ...     evaluation_kwargs=dict(use_tqdm=False),
    ...     random_seed=0,
    ...     device="cpu",
    ... )
    >>> type(keeper.sampler).__name__
    'DHNSNegativeSampler'
    """

    def __init__(self) -> None:
        """Initialize the callback."""
        super().__init__()
        #: The sampler. None before the training begins, and for loops without a sampler.
        self.sampler: NegativeSampler | None = None

    @override
    def register_training_loop(self, training_loop: TrainingLoop[Any]) -> None:
        is_new = training_loop is not self._training_loop
        super().register_training_loop(training_loop)
        if not is_new or not isinstance(training_loop, SLCWATrainingLoop):
            return
        # PyKEEN passes the sampler to no callback, so the method that builds it is wrapped.
        create = training_loop._create_training_data_loader

        def create_and_keep(*args: Any, **kwargs: Any) -> DataLoader[Any]:
            loader: DataLoader[Any] = create(*args, **kwargs)
            self.sampler = loader.dataset.negative_sampler  # type: ignore[attr-defined]
            return loader

        training_loop._create_training_data_loader = create_and_keep  # type: ignore[method-assign]
