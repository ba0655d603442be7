"""Run an experiment from a file that PyKEEN takes, too, and save what generated its negatives."""

import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType
from typing import Any

import pandas as pd
from pykeen.evaluation import RankBasedMetricResults
from pykeen.pipeline import PipelineResult, pipeline
from pykeen.training.callbacks import MultiTrainingCallback
from pykeen.utils import random_non_negative_int

from ..datasets.triple_files import load_dataset
from ..inspection import KeepSampler, save_result
from ..utils.arguments import check_names
from ..utils.configuration_files import load_file
from ..utils.files import lock_folder
from ..utils.validation import check_integer, check_kwargs, check_type

__all__ = ["run_experiment"]

#: Where the arguments are saved
FILE_NAME = "experiment.json"
#: Where they are until the run is saved. If it is killed before, the next run takes its place.
UNFINISHED = "unfinished.json"
#: All arguments of the pipeline
ARGUMENTS = inspect.signature(pipeline).parameters
#: The arguments that are names, in a file
NAMES = (
    *("dataset", "model", "interaction", "loss", "regularizer", "optimizer", "lr_scheduler", "training_loop"),
    *("negative_sampler", "stopper", "evaluator", "device"),
)
#: The metrics that are printed, of both sides, and with realistic ranks
METRICS = ("mrr", "hits_at_1", "hits_at_3", "hits_at_10", "mean_rank")


def run_experiment(path: Path, output: Path, report: Callable[[str], None]) -> None:
    """Run PyKEEN's pipeline, and save all that it gave, and what generated negatives for it.

    :param path: a JSON or YAML file as `pykeen experiments run` takes it
    :param output: the folder to save to
    :param report: what prints the metrics

    :raises TypeError: if an argument has a wrong name or type
    :raises ValueError: if the file, or files of triples, are of another format, or validation triples are missing
    :raises FileExistsError: if the folder has a run, or another one is writing to it
    """  # noqa: DOC502
    metadata, arguments = _load(path)
    check_names(f"{path}: pipeline", arguments, ARGUMENTS)
    _check_arguments(arguments)
    if arguments.get("training") is not None or arguments.get("validation") is not None:
        # mistakes in files are found now, not after the training
        load_dataset(arguments)
    # before the training, which would be lost if nothing could be written
    output.mkdir(parents=True, exist_ok=True)
    with lock_folder(output):
        _run(metadata, arguments, output, report)


def _run(metadata: dict[str, Any], arguments: dict[str, Any], output: Path, report: Callable[[str], None]) -> None:
    """Run the pipeline, and save what it gave."""
    unfinished = output / UNFINISHED
    if (output / PipelineResult.RESULT_FILE_NAME).exists() and not unfinished.exists():
        raise FileExistsError(f"{output} already has a run in it. Choose another folder, or delete it.")
    if arguments.get("random_seed") is None:
        arguments["random_seed"] = random_non_negative_int()
    content = json.dumps({"metadata": metadata, "pipeline": arguments}, indent=1)
    unfinished.write_text(content + "\n", encoding="utf8")
    keeper = KeepSampler()
    training = dict(arguments.get("training_kwargs") or {})
    callbacks = MultiTrainingCallback(training.pop("callbacks", None), training.pop("callbacks_kwargs", None))
    training["callbacks"] = [callbacks, keeper]
    result = pipeline(**{**arguments, "training_kwargs": training}, metadata=metadata)
    try:
        save_result(result, output, sampler=keeper.sampler)
        unfinished.replace(output / FILE_NAME)
    finally:
        # even if the disk is full
        report(_format_metrics(result))


def _load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Load the metadata, and the arguments of the pipeline."""
    content = load_file(path)
    try:
        # JSON has no dates, which YAML has
        content = json.loads(json.dumps(content, default=str))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from error
    content = content if isinstance(content, dict) else {}
    if misplaced := sorted(content.keys() & ARGUMENTS.keys() - {"metadata"}):
        raise ValueError(f"{path}: {', '.join(misplaced)} must be below 'pipeline', with its other arguments.")
    metadata, arguments = content.get("metadata") or {}, content.get("pipeline")
    if not isinstance(metadata, dict) or not isinstance(arguments, dict):
        message = f"{path} needs an entry 'pipeline', and may have one 'metadata'. Both hold values by name."
        raise ValueError(message)  # noqa: TRY004
    return metadata, arguments


def _check_arguments(arguments: Mapping[str, Any]) -> None:
    """Check what PyKEEN checks late, or not at all: types, when a stopper evaluates, and by which triples."""
    for name in NAMES:
        check_type(name, arguments.get(name), (str, NoneType), "a name")
    check_integer("random_seed", arguments.get("random_seed") or 0, minimum=0, maximum=2**32 - 1)
    for name, value in arguments.items():
        if name.endswith("_kwargs"):
            check_kwargs(name, value)
    stopper_kwargs = arguments.get("stopper_kwargs") or {}
    for name, minimum in {"frequency": 1, "patience": 0}.items():
        if name in stopper_kwargs:
            check_integer(f"stopper_kwargs: {name}", stopper_kwargs[name], minimum=minimum)
    if arguments.get("training") is None or arguments.get("validation") is not None:
        return
    for name, without in {"stopper": (None, "nop"), "use_testing_data": (None, True)}.items():
        if arguments.get(name) not in without:
            raise ValueError(f"{name}={arguments[name]!r} needs validation triples: add 'validation: FILE'.")


def _format_metrics(result: PipelineResult) -> str:
    """Format the metrics of a run as a table in Markdown."""
    if isinstance(result.metric_results, RankBasedMetricResults):
        values: Mapping[str, float] = {name: result.get_metric(name) for name in METRICS}
    else:
        values = result.metric_results.to_flat_dict()
    return str(pd.Series(values, name="value").rename_axis("metric").to_markdown(floatfmt=".4g"))
