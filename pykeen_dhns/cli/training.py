"""A run of PyKEEN's pipeline that keeps what an inspection needs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pykeen.evaluation import RankBasedMetricResults
from pykeen.pipeline import PipelineResult, pipeline
from pykeen.training.callbacks import MultiTrainingCallback

from ..comparison.markdown import format_table
from ..comparison.metrics import METRICS
from ..inspection import KeepSampler, save_result

__all__ = ["EXPERIMENT_FILE_NAME", "execute", "format_metrics"]

#: Where the arguments are saved, as `pykeen experiments run` takes them
EXPERIMENT_FILE_NAME = "experiment.json"


def execute(
    arguments: Mapping[str, Any], *, metadata: Mapping[str, Any], output: Path | None = None, silent: bool = False
) -> PipelineResult:
    """Run PyKEEN's pipeline, and save everything that it gave, and that generated negatives for it.

    :param arguments: the arguments of the pipeline
    :param metadata: what to save with it
    :param output: the folder to save to. If None, nothing is saved.
    :param silent: whether to leave progress bars out

    :returns: the result of the pipeline

    :raises ValueError: if there is something to be saved that JSON cannot hold, e.g., a date of a YAML file
    """
    keeper = KeepSampler()
    training = dict(arguments.get("training_kwargs") or {})
    own = MultiTrainingCallback(training.pop("callbacks", None), training.pop("callbacks_kwargs", None))
    if silent:
        arguments = {**arguments, "use_tqdm": False}
    if output is not None:
        # before anything else: a path that cannot be one would cost the whole run
        output.mkdir(parents=True, exist_ok=True)
        # and so would what cannot be saved there
        try:
            json.dumps({"metadata": dict(metadata), "pipeline": dict(arguments)})
        except TypeError as error:
            raise ValueError(f"The arguments cannot be saved as JSON: {error}. Put dates in quotes.") from error
    result = pipeline(
        **{**arguments, "training_kwargs": {**training, "callbacks": [own, keeper]}}, metadata=dict(metadata)
    )
    if output is not None:
        experiment = {"metadata": dict(metadata), "pipeline": {**arguments, "random_seed": result.random_seed}}
        text = json.dumps(experiment, indent=1) + "\n"
        (output / EXPERIMENT_FILE_NAME).write_text(text, encoding="utf8")
        save_result(result, output, sampler=keeper.sampler)
    return result


def format_metrics(result: PipelineResult) -> str:
    """Format the metrics of a run.

    :param result: the result of the pipeline

    :returns: a table, in Markdown
    """
    if isinstance(result.metric_results, RankBasedMetricResults):
        values: Mapping[str, float] = {name: result.get_metric(key) for name, key in METRICS.items()}
    else:
        values = result.metric_results.to_flat_dict()
    return format_table(["metric", "value"], [[name, f"{float(value):.4g}"] for name, value in values.items()])
