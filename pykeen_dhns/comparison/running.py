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
from typing_extensions import override

from .configuration import DATASET_ARGUMENTS, DEFAULTS, METRICS, Arguments, merge
from .evaluation import TimedEvaluator
from .store import Result, describe_files, save_result
from ..utils.provenance import describe_commit, describe_machine, describe_versions, peak_memory, today

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

    @override
    def pre_batch(self, **kwargs: Any) -> None:
        if self.started is None:
            self.started = time.perf_counter() - self.evaluator.seconds

    @override
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        now = time.perf_counter()
        self.seconds.append(now - (self.started or now) - self.evaluator.seconds)
        if not self.peak_memory:
            self.peak_memory = peak_memory(self.model.device)
        self.losses.append(epoch_loss)


class EndWithParent(TrainingCallback):
    """Ends a run when the process that has started it is gone, since a restart starts the same run anew."""

    def __init__(self, parent: int) -> None:
        """Initialize the callback.

        :param parent: the ID of the process that has started this one
        """
        super().__init__()
        self.parent = parent

    @override
    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        if os.getppid() != self.parent:
            sys.exit(1)


class BestEpoch(TrainingCallback):
    """Goes back to the best epoch at the end: PyKEEN 1.11.1 only does so if its stopper stops before."""

    def __init__(self, path: Path) -> None:
        """Initialize the callback.

        :param path: where the stopper saves the weights of the best epoch
        """
        super().__init__()
        self.path = path

    @override
    def post_train(self, losses: list[float], **kwargs: Any) -> None:
        self.model.load_state_dict(torch.load(self.path, weights_only=True))


def execute(description: dict[str, Any], folder: Path, callbacks: Sequence[TrainingCallback] = ()) -> None:
    """Execute a run, and save its result.

    :param description: the run, cf. :meth:`pykeen_dhns.comparison.Run.to_dict`
    :param folder: the folder for the result
    :param callbacks: further callbacks of the training

    :raises ValueError: if the dataset has no validation triples
    """
    started = time.perf_counter()
    # before anything is read: files may change during a run, and so may the commit
    provenance = dict(
        files=describe_files(description["arguments"]),
        versions=describe_versions(),
        commit=describe_commit(),
        date=today(),
    )
    arguments = merge(DEFAULTS, description["arguments"])
    dataset = get_dataset(**{name: arguments.pop(name) for name in DATASET_ARGUMENTS if name in arguments})
    if "validation" not in dataset.factory_dict:
        raise ValueError(f"{dataset} has no validation triples: nothing can be selected.")
    try:
        content = _train(dataset, arguments, description["seed"], callbacks)
        content["seconds"]["total"] = time.perf_counter() - started
    except (NonFiniteLossError, DivergenceError) as error:
        # a result, too: it would be the same again
        content = dict(diverged=str(error))
    save_result(folder, {**description, **content, **provenance})


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


def _train(dataset: Dataset, arguments: Arguments, seed: int, callbacks: Sequence[TrainingCallback]) -> Result:
    """Run PyKEEN's pipeline, and describe what comes out of it."""
    evaluator = TimedEvaluator(torch.cat([factory.mapped_triples for factory in dataset.factory_dict.values()]))
    times = EpochTimes(evaluator)
    # PyKEEN's stopper only deletes its file if it stops early
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "best.pt"
        arguments["stopper_kwargs"]["best_model_path"] = path
        training_kwargs = arguments["training_kwargs"]
        # the comparison's own callbacks may have arguments
        given = MultiTrainingCallback(training_kwargs.get("callbacks"), training_kwargs.pop("callbacks_kwargs", None))
        training_kwargs["callbacks"] = [times, *callbacks, given, BestEpoch(path)]
        result = pipeline(
            dataset=dataset,
            **arguments,
            evaluator=evaluator,  # type: ignore[arg-type] # resolvers also take instances
            random_seed=seed,
        )
    check_metrics(result)
    stopper = result.stopper.get_summary_dict()  # type: ignore[union-attr]
    frequency, best_epoch = stopper["frequency"], stopper["best_epoch"]
    epochs = range(frequency, len(times.seconds) + 1, frequency)
    return dict(
        validation=dict(
            mrr=stopper["best_metric"],
            epoch=best_epoch,
            curve=[
                dict(epoch=epoch, seconds=times.seconds[epoch - 1], mrr=value)
                for epoch, value in zip(epochs, stopper["results"], strict=True)
            ],
        ),
        test={name: float(result.get_metric(key)) for name, key in METRICS.items()},
        num_epochs=len(times.seconds),
        # PyKEEN leaves out triples whose entities or relations are not in the training triples
        num_triples={name: factory.num_triples for name, factory in dataset.factory_dict.items()},
        num_parameters=result.model.num_parameters,
        losses=times.losses,
        seconds=dict(
            # the median is not disturbed by the first epoch, and by what else runs on the machine
            epoch=float(np.median(np.diff(times.seconds, prepend=0.0))),
            training=times.seconds[-1],
            best=times.seconds[best_epoch - 1],
            evaluation=evaluator.seconds,
        ),
        peak_memory=times.peak_memory,
        machine=describe_machine(result.model.device),
        ranks=evaluator.realistic_ranks(),
    )


def main() -> None:
    """Execute the run whose description is read from the standard input."""
    # PyKEEN says much at this level, and each run the same
    logging.disable(logging.INFO)
    logging.getLogger("torch_max_mem").setLevel(logging.ERROR)
    request = json.load(sys.stdin)
    execute(request["run"], Path(request["folder"]), callbacks=[EndWithParent(request["parent"])])


if __name__ == "__main__":
    main()
