"""Experiments, as files that PyKEEN takes, too: load them, change them by options, and run them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pykeen.evaluation import RankBasedMetricResults
from pykeen.pipeline import PipelineResult, pipeline
from pykeen.training.callbacks import MultiTrainingCallback
from pykeen.utils import load_configuration

from .options import COMPONENTS, get_resolver
from ..inspection import KeepSampler, save_result

__all__ = ["change_arguments", "format_metrics", "load_experiment", "run_experiment"]

#: Where the arguments are saved
FILE_NAME = "experiment.json"

#: The arguments for files of triples
TRIPLES = ("training", "testing", "validation")

#: The metrics that are printed, of both sides, and with realistic ranks
METRICS = ("mrr", "hits_at_1", "hits_at_3", "hits_at_10", "mean_rank")


def load_experiment(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Load a file as `pykeen experiments run` takes it.

    :param path: a JSON or YAML file

    :returns: its metadata, and the arguments of the pipeline

    :raises ValueError: if it is no such file
    """
    try:
        content = load_configuration(path)
        return dict(content.get("metadata") or {}), dict(content["pipeline"])
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} needs an entry 'pipeline', with the arguments of PyKEEN's pipeline.") from error
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error


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


def run_experiment(arguments: Mapping[str, Any], *, metadata: Mapping[str, Any], output: Path | None) -> PipelineResult:
    """Run PyKEEN's pipeline, and save everything that it gave, and what generated negatives for it.

    :param arguments: the arguments of the pipeline
    :param metadata: what to save with it
    :param output: the folder to save to. If None, nothing is saved.

    :returns: the result of the pipeline

    :raises ValueError: if there is something to be saved that JSON cannot hold, e.g., a date of a YAML file
    """
    if output is not None:
        # first, since what cannot be saved would cost the whole run
        output.mkdir(parents=True, exist_ok=True)
        try:
            json.dumps({"metadata": metadata, "pipeline": arguments})
        except TypeError as error:
            raise ValueError(f"The arguments cannot be saved as JSON: {error}. Put dates in quotes.") from error
    keeper = KeepSampler()
    training = dict(arguments.get("training_kwargs") or {})
    callbacks = MultiTrainingCallback(training.pop("callbacks", None), training.pop("callbacks_kwargs", None))
    training["callbacks"] = [callbacks, keeper]
    result = pipeline(**{**arguments, "training_kwargs": training}, metadata=dict(metadata))
    if output is not None:
        experiment = {"metadata": metadata, "pipeline": {**arguments, "random_seed": result.random_seed}}
        (output / FILE_NAME).write_text(json.dumps(experiment, indent=1) + "\n", encoding="utf8")
        save_result(result, output, sampler=keeper.sampler)
    return result


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
