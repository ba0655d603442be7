"""A single run, in a process of its own: train, select the epoch by validation triples, evaluate on test triples."""

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pykeen.datasets import Dataset, get_dataset
from pykeen.pipeline import PipelineResult, pipeline
from pykeen.training import NonFiniteLossError
from pykeen.training.callbacks import MultiTrainingCallback, TrainingCallback
from pykeen.triples import CoreTriplesFactory

from .configuration import DATASET_ARGUMENTS, DEFAULTS, Arguments, merge
from .evaluation import TimedEvaluator
from .files import describe_files
from .metrics import METRICS
from .provenance import describe_commit, describe_machine, describe_versions, peak_memory, today
from .store import save_run

__all__ = ["execute"]


class EpochTimes(TrainingCallback):
    """Keeps the time of each epoch, without that of evaluations."""

    def __init__(self, evaluator: TimedEvaluator) -> None:
        """Initialize the callback.

        :param evaluator: the evaluator, whose time does not count
        """
        super().__init__()
        self.evaluator = evaluator
        self.started: float | None = None
        #: seconds from the first batch to the end of each epoch
        self.seconds: list[float] = []
        self.losses: list[float] = []
        #: the memory of the training: before the first evaluation, which may need more
        self.peak_memory: dict[str, float] = {}

    # docstr-coverage: inherited
    def pre_batch(self, **kwargs: Any) -> None:  # noqa: ARG002
        if self.started is None:
            self.started = time.perf_counter() - self.evaluator.seconds

    # docstr-coverage: inherited
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:  # noqa: ARG002
        now = time.perf_counter()
        self.seconds.append(now - (self.started or now) - self.evaluator.seconds)
        if not self.peak_memory:
            self.peak_memory = peak_memory(self.model.device)
        self.losses.append(epoch_loss)


class EndWithParent(TrainingCallback):
    """Ends a run when whoever wanted its result is gone, since a restart starts the same run anew."""

    def __init__(self, parent: int) -> None:
        """Initialize the callback, and end the run at once, if that is the case already.

        :param parent: the process ID of who started this process. It cannot be asked for here: it may be gone by now.
        """
        super().__init__()
        self.parent = parent
        self.check()

    def check(self) -> None:
        """End the run, if it is an orphan."""
        if os.getppid() != self.parent:
            sys.exit(1)

    # docstr-coverage: inherited
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:  # noqa: ARG002
        self.check()


class BestEpoch(TrainingCallback):
    """Goes back to the best epoch at the end: PyKEEN 1.11.1 only does so if its stopper stops before."""

    def __init__(self, path: Path) -> None:
        """Initialize the callback.

        :param path: where the stopper saves the weights of the best epoch
        """
        super().__init__()
        self.path = path

    # docstr-coverage: inherited
    def post_train(self, losses: list[float], **kwargs: Any) -> None:  # noqa: ARG002
        self.model.load_state_dict(torch.load(self.path, weights_only=True))


def execute(description: dict[str, Any], folder: Path, callbacks: Sequence[TrainingCallback] = ()) -> None:
    """Execute a run, and save its result.

    :param description: the run, cf. :meth:`pykeen_dhns.comparison.Run.to_dict`
    :param folder: where to save it
    :param callbacks: what else takes part in the training

    :raises ValueError: if the dataset has no validation triples
    """
    started = time.perf_counter()
    # of what is read and loaded: files may change during a run, and a checkout may move on
    provenance = dict(
        files=describe_files(description["arguments"]), versions=describe_versions(), commit=describe_commit()
    )
    arguments = merge(DEFAULTS, description["arguments"])
    dataset = get_dataset(**{name: arguments.pop(name) for name in DATASET_ARGUMENTS if name in arguments})
    if dataset.validation is None:
        raise ValueError(f"{dataset} has no validation triples: nothing can be selected.")
    factories = dict(training=dataset.training, validation=dataset.validation, testing=dataset.testing)
    try:
        result, evaluator, times = _train(dataset, list(factories.values()), arguments, description["seed"], callbacks)
        check_metrics(result)
    except (NonFiniteLossError, DivergenceError) as error:
        # a result, too: it would be the same again
        content = dict(**description, diverged=str(error), **provenance, date=today())
        save_run(folder, description["key"], content, np.zeros((2, 0), dtype=np.float32))
        return
    device = result.model.device
    stopper = result.stopper.get_summary_dict()  # type: ignore[union-attr]
    frequency = stopper["frequency"]
    best_epoch = stopper["best_epoch"]
    curve = [
        dict(epoch=epoch, seconds=times.seconds[epoch - 1], mrr=value)
        for epoch, value in zip(range(frequency, len(times.seconds) + 1, frequency), stopper["results"], strict=True)
    ]
    content = dict(
        **description,
        validation=dict(mrr=stopper["best_metric"], epoch=best_epoch, curve=curve),
        test={name: float(result.get_metric(key)) for name, key in METRICS.items()},
        num_epochs=len(times.seconds),
        # those which PyKEEN could read: it leaves out what has entities and relations that training does not have
        num_triples={name: factory.num_triples for name, factory in factories.items()},
        num_parameters=result.model.num_parameters,
        losses=times.losses,
        seconds=dict(
            # the median is not disturbed by the first epoch, and by what else runs on the machine
            epoch=float(np.median(np.diff(times.seconds, prepend=0.0))),
            training=times.seconds[-1],
            best=times.seconds[best_epoch - 1],
            evaluation=evaluator.seconds,
            total=time.perf_counter() - started,
        ),
        peak_memory=times.peak_memory,
        **provenance,
        machine=describe_machine(device),
        date=today(),
    )
    save_run(folder, description["key"], content, evaluator.realistic_ranks())


class DivergenceError(RuntimeError):
    """Training has diverged."""


def check_metrics(result: PipelineResult) -> None:
    """Check that metrics can be metrics: PyKEEN ranks scores of NaN better than the first.

    :param result: the result of the pipeline

    :raises DivergenceError: if they cannot
    """
    mrr = float(result.get_metric(METRICS["mrr"]))
    if not 0 < mrr <= 1 or not 0 < result.stopper.best_metric <= 1:  # type: ignore[union-attr]
        raise DivergenceError(f"The mean reciprocal rank is {mrr}: scores are not finite.")


def _train(
    dataset: Dataset,
    triples: Sequence[CoreTriplesFactory],
    arguments: Arguments,
    seed: int,
    callbacks: Sequence[TrainingCallback],
) -> tuple[PipelineResult, TimedEvaluator, EpochTimes]:
    """Run PyKEEN's pipeline."""
    evaluator = TimedEvaluator(torch.cat([factory.mapped_triples for factory in triples]))
    times = EpochTimes(evaluator)
    # the stopper only deletes its file if it stops
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "best.pt"
        arguments["stopper_kwargs"]["best_model_path"] = path
        training_kwargs = arguments["training_kwargs"]
        # those of the configuration, which may have arguments, next to ours, which have none
        given = MultiTrainingCallback(
            callbacks=training_kwargs.get("callbacks"), callbacks_kwargs=training_kwargs.pop("callbacks_kwargs", None)
        )
        training_kwargs["callbacks"] = [times, *callbacks, given, BestEpoch(path)]
        result = pipeline(
            dataset=dataset,
            **arguments,
            evaluator=evaluator,  # type: ignore[arg-type] # resolvers also take instances
            random_seed=seed,
        )
    return result, evaluator, times


def main() -> None:
    """Execute the run whose description is read from the standard input."""
    # PyKEEN says much at this level, and each run the same
    logging.disable(logging.INFO)
    logging.getLogger("torch_max_mem").setLevel(logging.ERROR)
    request = json.load(sys.stdin)
    torch.set_num_threads(request["threads"])
    execute(request["run"], Path(request["folder"]), callbacks=[EndWithParent(request["parent"])])


if __name__ == "__main__":
    main()
