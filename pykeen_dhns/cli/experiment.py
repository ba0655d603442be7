"""Experiments, as files that PyKEEN takes, too: load them, change them by options, and run them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pykeen.evaluation import RankBasedMetricResults
from pykeen.pipeline import PipelineResult, pipeline
from pykeen.sampling import NegativeSampler
from pykeen.training.callbacks import MultiTrainingCallback
from pykeen.utils import load_configuration, random_non_negative_int

from .options import COMPONENTS, get_resolver
from ..datasets.triple_files import check_triple_files
from ..inspection import KeepSampler, save_result
from ..inspection.saving import GENERATORS
from ..utils.files import write_folder_atomically
from ..utils.validation import check_integer

__all__ = ["change_arguments", "format_metrics", "load_experiment", "run_experiment"]

#: Where the arguments are saved
FILE_NAME = "experiment.json"
#: What a folder with a run has
OWN_FILES = (
    PipelineResult.RESULT_FILE_NAME,
    PipelineResult.MODEL_FILE_NAME,
    PipelineResult.TRAINING_TRIPLES_FILE_NAME,
    GENERATORS,
)

#: The arguments for files of triples
TRIPLES = ("training", "testing", "validation")

#: The number of letters that a file may have, as JSON
MAX_LENGTH = 1_000_000

#: The metrics that are printed, of both sides, and with realistic ranks
METRICS = ("mrr", "hits_at_1", "hits_at_3", "hits_at_10", "mean_rank")


def load_experiment(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Load a file as `pykeen experiments run` takes it.

    :param path: a JSON or YAML file

    :returns: its metadata, and the arguments of the pipeline

    :raises ValueError: if it is no such file
    """
    try:
        content = _to_json(load_configuration(path))
    except (TypeError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error
    content = content if isinstance(content, dict) else {}
    metadata, arguments = content.get("metadata") or {}, content.get("pipeline")
    if not isinstance(metadata, dict) or not isinstance(arguments, dict):
        message = f"{path} needs an entry 'pipeline', and may have one 'metadata'. Both hold values by name."
        raise ValueError(message)  # noqa: TRY004
    return metadata, arguments


def _to_json(content: Any) -> Any:
    """Turn what YAML can say into what JSON can say: texts for dates, and no anchors."""
    text = ""
    for part in json.JSONEncoder(default=str).iterencode(content):
        text += part
        # anchors within anchors could go on for ever
        if len(text) > MAX_LENGTH:
            raise ValueError(f"It has more than {MAX_LENGTH:,} letters, with all anchors replaced.")
    return json.loads(text)


def change_arguments(base: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Change the arguments of the pipeline.

    :param base: the arguments
    :param options: the changes, None for what stays. Keyword-based arguments of a component are merged, unless it
        becomes another component.

    :returns: the changed arguments
    """
    changes = {key: value for key, value in options.items() if value is not None}
    replaced = {
        component
        for component in COMPONENTS.keys() & changes.keys()
        if not _is_same(component, changes[component], base.get(component))
    }
    if changes.keys() & set(TRIPLES):
        replaced.add("dataset")
    dropped = {f"{component}{suffix}" for component in replaced for suffix in ("", "_kwargs")}
    if "dataset" in changes:
        dropped.update(TRIPLES)
    if "model" in changes:
        dropped.update(("interaction", "interaction_kwargs", "dimensions"))
    return _merge({key: value for key, value in base.items() if key not in dropped}, changes)


def _is_same(component: str, one: Any, other: Any) -> bool:
    """Return whether two names are of the same class."""
    lookup = get_resolver(component).lookup
    try:
        return lookup(one) is lookup(other)
    except (KeyError, TypeError, ValueError):
        # a file, or nothing
        return bool(one == other)


def _merge(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested arguments, the latter win."""
    result = dict(one)
    for key, value in other.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = _merge(result[key], value) if both else value
    return result


def run_experiment(
    arguments: Mapping[str, Any], *, metadata: Mapping[str, Any], output: Path | None, report: Callable[[str], None]
) -> None:
    """Run PyKEEN's pipeline, and save everything that it gave, and what generated negatives for it.

    :param arguments: the arguments of the pipeline
    :param metadata: what to save with it
    :param output: the folder to save to. If None, nothing is saved. It has the files only once they are complete.
    :param report: what prints the metrics

    :raises ValueError: if files of triples are of another format, or validation triples are needed, but missing
    :raises FileExistsError: if the folder has a run, or another process is about to write one
    :raises OSError: if the run cannot be saved
    """  # noqa: DOC502, DOC503
    _check_arguments(arguments)
    check_triple_files(arguments)
    if output is None:
        report(format_metrics(_run(arguments, metadata)[0]))
        return
    found = [name for name in OWN_FILES if (output / name).exists()]
    if found:
        raise FileExistsError(f"{output} already has a run in it: {found[0]}. Choose another folder, or delete it.")
    if arguments.get("random_seed") is None:
        arguments = {**arguments, "random_seed": random_non_negative_int()}
    result = None
    try:
        with write_folder_atomically(output, last=PipelineResult.RESULT_FILE_NAME) as folder:
            # before the training, which would be lost if nothing can be written
            content = json.dumps({"metadata": metadata, "pipeline": arguments}, indent=1)
            (folder / FILE_NAME).write_text(content + "\n", encoding="utf8")
            result, sampler = _run(arguments, metadata)
            _save(result, folder, sampler, output)
    finally:
        # also if nothing could be saved
        if result is not None:
            report(format_metrics(result))


def _save(result: PipelineResult, folder: Path, sampler: NegativeSampler | None, output: Path) -> None:
    """Save a run to the temporary folder."""
    try:
        save_result(result, folder, sampler=sampler)
    except (OSError, RuntimeError) as error:
        # PyTorch's error for a full disk is a RuntimeError
        raise OSError(f"The run could not be saved to {output}, and nothing of it is there: {error}") from error


def _run(arguments: Mapping[str, Any], metadata: Mapping[str, Any]) -> tuple[PipelineResult, NegativeSampler | None]:
    """Run PyKEEN's pipeline, and keep the sampler."""
    keeper = KeepSampler()
    training = dict(arguments.get("training_kwargs") or {})
    callbacks = MultiTrainingCallback(training.pop("callbacks", None), training.pop("callbacks_kwargs", None))
    training["callbacks"] = [callbacks, keeper]
    result = pipeline(**{**arguments, "training_kwargs": training}, metadata=dict(metadata))
    return result, keeper.sampler


def _check_arguments(arguments: Mapping[str, Any]) -> None:
    """Check what PyKEEN checks late, or not at all: files that belong together, and when a stopper evaluates."""
    given = {name for name in TRIPLES if arguments.get(name) is not None}
    for name in ("training", "testing"):
        # with a dataset, PyKEEN says that both are too much
        if given and name not in given and arguments.get("dataset") is None:
            raise ValueError(
                f"There are {' and '.join(sorted(given))} triples, but no {name} triples, which are needed, too: give "
                f"a file by --{name}."
            )
    stopper_kwargs = arguments.get("stopper_kwargs") or {}
    for name, minimum in {"frequency": 1, "patience": 0}.items():
        if name in stopper_kwargs:
            check_integer(f"stopper_kwargs: {name}", stopper_kwargs[name], minimum=minimum)
    if not given or "validation" in given:
        return
    for name, without in {"stopper": (None, "nop"), "use_testing_data": (None, True)}.items():
        if arguments.get(name) not in without:
            raise ValueError(f"{name}={arguments[name]!r} needs validation triples: give a file by --validation.")


def format_metrics(result: PipelineResult) -> str:
    """Format the metrics of a run.

    :param result: the result of the pipeline

    :returns: a table, in Markdown
    """
    if isinstance(result.metric_results, RankBasedMetricResults):
        values: Mapping[str, float] = {name: result.get_metric(name) for name in METRICS}
    else:
        values = result.metric_results.to_flat_dict()
    table: str = pd.Series(values, name="value").rename_axis("metric").to_markdown(floatfmt=".4g")
    return table
