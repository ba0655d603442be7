"""A single run, in a process of its own: train, select the epoch by validation triples, evaluate on test triples."""

import contextlib
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pykeen.datasets import Dataset
from pykeen.pipeline import PipelineResult, pipeline
from pykeen.training import NonFiniteLossError
from pykeen.training.callbacks import MultiTrainingCallback, TrainingCallback
from typing_extensions import override

from .configuration import DEFAULTS, METRICS, Arguments, merge
from .evaluation import ComparisonEvaluator
from .process_group import begin_group, end_group
from .store import Result, hash_files, save_result
from ..datasets.triple_files import DATASET_ARGUMENTS, load_dataset
from ..diffusion import NonFiniteEmbeddingsError
from ..utils.provenance import describe_commit, describe_machine, describe_versions, peak_memory

__all__ = ["LOG", "check", "execute", "execute_alone", "load_complete_dataset"]

#: The file with the error output of a run
LOG = "log.txt"


class EpochTimes(TrainingCallback):
    """Keeps the time of each epoch, without that of evaluations."""

    def __init__(self, evaluator: ComparisonEvaluator) -> None:
        """Initialize the callback.

        :param evaluator: the evaluator, whose time does not count
        """
        super().__init__()
        self.evaluator = evaluator
        self.started: float | None = None
        #: seconds from the first batch to the end of each epoch
        self.seconds: list[float] = []
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


def load_complete_dataset(arguments: Arguments) -> Dataset:
    """Load the dataset of a run, which must have validation triples.

    :param arguments: the arguments of the run

    :returns: the dataset

    :raises ValueError: if there are no validation triples
    """
    dataset = load_dataset(arguments)
    if "validation" not in dataset.factory_dict:
        raise ValueError(f"{dataset} has no validation triples, so nothing can be selected. Add 'validation: FILE'.")
    return dataset


class _CheckedError(Exception):
    """A run has come to its first batch."""


class _FirstBatch(TrainingCallback):
    """Ends a training before its first batch is scored."""

    @override
    def pre_batch(self, **kwargs: Any) -> None:
        raise _CheckedError


def check(arguments: Arguments, dataset: Dataset) -> None:
    """Start a run up to its first batch, so that PyKEEN and all components check their arguments.

    A loss that is not finite is no mistake: the run will have diverged.

    :param arguments: the arguments of the run
    :param dataset: its dataset
    """
    # a tracker would start a run, and the GPU is for the runs
    omitted = dict.fromkeys((*DATASET_ARGUMENTS, "result_tracker", "result_tracker_kwargs"))
    arguments = merge(DEFAULTS, arguments, omitted, dict(device="cpu"))
    _add_callbacks(arguments, _FirstBatch())
    with contextlib.suppress(_CheckedError, NonFiniteLossError):
        pipeline(dataset=dataset, **arguments, random_seed=0)


def _add_callbacks(arguments: Arguments, *callbacks: TrainingCallback) -> None:
    """Add callbacks to those of the comparison, which may have arguments."""
    kwargs = arguments["training_kwargs"]
    given = MultiTrainingCallback(kwargs.pop("callbacks", None), kwargs.pop("callbacks_kwargs", None))
    kwargs["callbacks"] = [given, *callbacks]


def execute(description: dict[str, Any], folder: Path) -> None:
    """Execute a run, and save its result.

    :param description: the run, cf. :meth:`pykeen_dhns.comparison.Run.to_dict`
    :param folder: the folder for the result

    :raises ValueError: if a file changes while it is read
    """
    # before anything is read: files may change during a run, and so may the commit
    provenance = dict(
        files=hash_files(description["arguments"]),
        versions=describe_versions(),
        commit=describe_commit(),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
    )
    arguments = merge(DEFAULTS, description["arguments"])
    dataset = load_complete_dataset(arguments)
    if hash_files(description["arguments"]) != provenance["files"]:
        raise ValueError("A file of triples or features changed while it was read. Start again.")
    try:
        content = _train(dataset, arguments, description["seed"])
    except (NonFiniteLossError, NonFiniteEmbeddingsError) as error:
        # a result, too: it would be the same again
        content = dict(diverged=str(error))
    save_result(folder, {**description, **content, **provenance})


def _train(dataset: Dataset, arguments: Arguments, seed: int) -> Result:
    """Run PyKEEN's pipeline, and describe what comes out of it."""
    evaluator = ComparisonEvaluator(torch.cat([factory.mapped_triples for factory in dataset.factory_dict.values()]))
    times = EpochTimes(evaluator)
    # PyKEEN's stopper only deletes its file if it stops early
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "best.pt"
        arguments["stopper_kwargs"]["best_model_path"] = path
        _add_callbacks(arguments, times, BestEpoch(path))
        result = pipeline(
            dataset=dataset,
            **{name: value for name, value in arguments.items() if name not in DATASET_ARGUMENTS},
            evaluator=evaluator,  # type: ignore[arg-type] # resolvers also take instances
            random_seed=seed,
        )
    _check_metrics(result)
    # PyKEEN leaves out triples whose entities or relations are not in the training triples
    num_triples = {name: factory.num_triples for name, factory in dataset.factory_dict.items()}
    return dict(num_triples=num_triples, **_describe(result, evaluator, times))


def _check_metrics(result: PipelineResult) -> None:
    """Check that metrics can be metrics: PyKEEN ranks scores of NaN better than the first."""
    mrr = float(result.get_metric(METRICS["mrr"]))
    if not 0 < mrr <= 1 or not 0 < result.stopper.best_metric <= 1:  # type: ignore[union-attr]
        raise NonFiniteLossError(f"The mean reciprocal rank is {mrr}: scores are not finite.")


def _describe(result: PipelineResult, evaluator: ComparisonEvaluator, times: EpochTimes) -> Result:
    """Describe the result of the pipeline."""
    stopper = result.stopper.get_summary_dict()  # type: ignore[union-attr]
    frequency, best_epoch = stopper["frequency"], stopper["best_epoch"]
    epochs = range(frequency, len(times.seconds) + 1, frequency)
    curve = [
        dict(epoch=epoch, seconds=times.seconds[epoch - 1], mrr=mrr)
        for epoch, mrr in zip(epochs, stopper["results"], strict=True)
    ]
    return dict(
        validation=dict(mrr=stopper["best_metric"], epoch=best_epoch, curve=curve),
        test={name: float(result.get_metric(key)) for name, key in METRICS.items()},
        num_epochs=len(times.seconds),
        num_parameters=result.model.num_parameters,
        losses=result.losses,
        seconds=dict(
            # the median is not disturbed by the first epoch, and by what else runs on the machine
            epoch=float(np.median(np.diff(times.seconds, prepend=0.0))),
            training=times.seconds[-1],
            best=times.seconds[best_epoch - 1],
            evaluation=evaluator.seconds,
        ),
        peak_memory=times.peak_memory,
        machine=describe_machine(result.model.device),
    )


def execute_alone(description: dict[str, Any], folder: Path, threads: int | None, temporary: Path) -> None:
    """Execute a run in this process, which was started for it.

    :param description: the run, cf. :meth:`pykeen_dhns.comparison.Run.to_dict`
    :param folder: the folder for the result
    :param threads: the number of threads. If None, PyTorch chooses.
    :param temporary: a folder for temporary files, and for the error output (``log.txt``). The standard output is lost.
    """
    begin_group()
    if sys.platform == "linux":
        # workers of a data loader start as they do elsewhere, which is much faster than how this process did
        multiprocessing.set_start_method("fork", force=True)
    # whoever has made this folder deletes it, also if this process is killed
    tempfile.tempdir = str(temporary)
    sys.stdout, sys.stderr = (path.open("w", encoding="utf8") for path in (Path(os.devnull), temporary / LOG))
    # what libraries write, too
    os.dup2(sys.stdout.fileno(), 1)
    os.dup2(sys.stderr.fileno(), 2)
    # PyKEEN says much at this level, and each run the same
    logging.disable(logging.INFO)
    logging.getLogger("torch_max_mem").setLevel(logging.ERROR)
    threading.Thread(target=_end_with_parent, args=[temporary], daemon=True).start()
    if threads is not None:
        torch.set_num_threads(threads)
    execute(description, folder)


def _end_with_parent(temporary: Path) -> None:
    """End this run when the process that has started it is gone, since a restart starts the same run anew."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        shutil.rmtree(temporary, ignore_errors=True)
        end_group()
