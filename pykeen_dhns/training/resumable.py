"""A training loop whose checkpoints hold all that a training needs to go on."""

import copy
import json
import pathlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from typing import IO, Any

import torch
from pykeen.stoppers import EarlyStopper, Stopper
from pykeen.training import SLCWATrainingLoop
from pykeen.training.training_loop import CheckpointMismatchError
from pykeen.triples import CoreTriplesFactory
from torch.optim import Optimizer
from typing_extensions import override

from .checkpoint import describe, describe_changes
from .._pykeen import recreatable
from ..utils.files import write_atomically

__all__ = ["ResumableTrainingLoop"]

#: The key of what is added to PyKEEN's checkpoints
KEY = "pykeen_dhns"


class ResumableTrainingLoop(SLCWATrainingLoop, ABC):
    """PyKEEN's training loop, from whose checkpoints a training ends as if it had not been interrupted.

    In addition to PyKEEN's, a checkpoint has what a subclass learns, the best epoch so far, and the batch sizes that
    automatic memory optimisation has chosen. It is refused if a training with other arguments has written it.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Initialize the training loop.

        :param kwargs: keyword-based arguments of :class:`pykeen.training.SLCWATrainingLoop`
        """  # noqa: DOC103
        super().__init__(**kwargs)
        # The best epoch so far, and where PyKEEN would save it
        self._best_epoch: dict[str, Any] | None = None
        self._best_path: pathlib.Path | None = None
        self._stopper: Stopper | None = None
        self._chosen_sizes: dict[str, int] = {}

    @abstractmethod
    def own_arguments(self) -> Mapping[str, Any]:
        """Return the subclass's own arguments, by name, which must not change when a training is resumed."""

    @abstractmethod
    def own_state(self) -> dict[str, Any]:
        """Return what the subclass learns, besides model and optimiser."""

    @abstractmethod
    def load_own_state(self, state: Mapping[str, Any], triples_factory: CoreTriplesFactory | None = None) -> None:
        """Load what :meth:`own_state` has returned.

        :param state: the state
        :param triples_factory: the triples that training is about to go on with. If None, they are the same as before.
        """

    @property
    def checksum(self) -> str:
        """Return what must be the same for training to be resumed from a checkpoint, as JSON."""
        arguments = dict(
            model=self.model,
            optimizer=self.optimizer,
            lr_scheduler=self.lr_scheduler,
            loss_weighter=self.loss_weighter,
            loss_weighter_kwargs=self.loss_weighter_kwargs,
        )
        return json.dumps(describe({**arguments, **self.own_arguments()}), sort_keys=True)

    @override
    def batch_size_search(self, **kwargs: Any) -> tuple[int, bool]:
        batch_size, is_sufficient = super().batch_size_search(**kwargs)
        self._chosen_sizes = dict(batch_size=batch_size)
        return batch_size, is_sufficient

    @override
    def sub_batch_and_slice(self, *, batch_size: int, **kwargs: Any) -> tuple[int, int | None]:
        sub_batch_size, slice_size = super().sub_batch_and_slice(batch_size=batch_size, **kwargs)
        self._chosen_sizes = dict(batch_size=batch_size, sub_batch_size=sub_batch_size)
        return sub_batch_size, slice_size

    def _train(
        self,
        triples_factory: CoreTriplesFactory,
        *args: Any,
        continue_training: bool = False,
        only_size_probing: bool = False,
        **kwargs: Any,
    ) -> list[float] | None:
        if not only_size_probing:
            self._best_path, self._stopper = kwargs.get("best_epoch_model_file_path"), kwargs.get("stopper")
            if continue_training:
                self._restore_best_model()
                kwargs.update(self._find_sizes(kwargs.get("batch_size")))
            else:
                self._best_epoch, self._chosen_sizes = None, {}
        kwargs.update(continue_training=continue_training, only_size_probing=only_size_probing)
        with nullcontext() if continue_training else recreatable(self.optimizer):
            losses: list[float] | None = super()._train(triples_factory, *args, **kwargs)
        if not only_size_probing and getattr(self._stopper, "stopped", False) and self._best_epoch is not None:
            # the stopper has restored the model of the best epoch, but knows nothing about the rest
            self.load_own_state(self._best_epoch)
        return losses

    def _restore_best_model(self) -> None:
        """Write the model of the best epoch to where the stopper reads it, by default another file in each process."""
        if isinstance(self._stopper, EarlyStopper) and self._stopper.best_model_path and self._best_epoch is not None:
            with write_atomically(self._stopper.best_model_path) as file:
                torch.save(self._best_epoch["model"], file)

    def _find_sizes(self, batch_size: int | None) -> dict[str, int]:
        """Return the sizes that PyKEEN chose in the beginning. It does not choose again when training goes on."""
        is_same = self._chosen_sizes and batch_size in (None, self._chosen_sizes["batch_size"])
        return self._chosen_sizes if is_same and self.automatic_memory_optimization else {}

    @override
    def _save_state(
        self,
        path: IO[bytes] | str | pathlib.Path,
        stopper: Stopper | None = None,
        best_epoch_model_checkpoint_file_path: pathlib.Path | None = None,
        triples_factory: CoreTriplesFactory | None = None,
    ) -> None:
        state = self.own_state()
        if path == self._best_path:
            # PyKEEN 1.11.1 never reads this file, and after a resume, it takes the first epoch for the best one
            if getattr(self._stopper, "best_epoch", None) == self._epoch:
                self._best_epoch = copy.deepcopy({**state, "model": self.model.state_dict()})
            return
        if getattr(stopper, "stopped", False) and self._best_epoch is not None:
            # the model is that of the best epoch by now
            state = self._best_epoch
        arguments: dict[str, Any] = dict(
            stopper=stopper,
            best_epoch_model_checkpoint_file_path=best_epoch_model_checkpoint_file_path,
            triples_factory=triples_factory,
        )
        own = {**state, "best_epoch": self._best_epoch, "chosen_sizes": self._chosen_sizes}
        # PyKEEN saves nothing but the states of model and optimiser, so this becomes a part of the latter
        with self.optimizer.register_state_dict_post_hook(lambda _, states: {**states, KEY: own}):
            if not isinstance(path, str | pathlib.Path):
                super()._save_state(path, **arguments)
                return
            with write_atomically(pathlib.Path(path)) as file:
                super()._save_state(file, **arguments)

    @override
    def _load_state(
        self, path: str | pathlib.Path, triples_factory: CoreTriplesFactory | None = None
    ) -> tuple[pathlib.Path | None, int | None]:
        state: dict[str, Any] = {}

        def take(_: Optimizer, states: dict[str, Any]) -> dict[str, Any]:
            state.update(states.get(KEY, {}))
            return {key: value for key, value in states.items() if key != KEY}

        try:
            with self.optimizer.register_load_state_dict_pre_hook(take):
                result: tuple[pathlib.Path | None, int | None] = super()._load_state(path, triples_factory)
        except CheckpointMismatchError:
            changes = describe_changes(torch.load(path, weights_only=False)["checksum"], self.checksum)
            raise CheckpointMismatchError(
                f"The checkpoint {path} is of another training: {changes}. Use the arguments of that training, or "
                "another checkpoint_name."
            ) from None
        self._best_epoch, self._chosen_sizes = state["best_epoch"], state["chosen_sizes"]
        self.load_own_state(state, triples_factory)
        return result
