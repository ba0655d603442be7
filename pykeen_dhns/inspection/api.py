"""The functions that inspect."""

from pathlib import Path
from typing import Any, Literal

import torch
from pykeen.models import Model
from pykeen.pipeline import PipelineResult
from pykeen.sampling import NegativeSampler
from pykeen.triples import CoreTriplesFactory

from .inspection import Inspection, inspect_source
from .loop_source import LoopSource
from .sampler_source import SamplerSource
from .saving import load_run
from .settings import InspectionSettings
from ..sampling.sampler import DHNSNegativeSampler
from ..training.loop import DHNSTrainingLoop

__all__ = ["Part", "inspect_directory", "inspect_result", "inspect_sampler", "inspect_training_loop"]

#: Which of the generators to inspect, where a run has both
Part = Literal["loop", "sampler"]


def inspect_training_loop(loop: DHNSTrainingLoop, training: CoreTriplesFactory, **settings: Any) -> Inspection:
    """Inspect what a training loop generates for its model.

    :param loop: the training loop
    :param training: the triples that it was trained on
    :param settings: what to look at, cf. :class:`pykeen_dhns.inspection.InspectionSettings`

    :returns: what was found

    :raises ValueError: if the loop generates nothing, or a setting does not fit
    """  # noqa: DOC103, DOC502
    return inspect_source(LoopSource(loop.objective, training), InspectionSettings(**settings))


def inspect_sampler(
    sampler: DHNSNegativeSampler, model: Model, training: CoreTriplesFactory, **settings: Any
) -> Inspection:
    """Inspect what a sampler generates, and which entities it chooses.

    :param sampler: the sampler
    :param model: the model that was trained with it, which scores its negatives
    :param training: the triples that it was trained on
    :param settings: what to look at, cf. :class:`pykeen_dhns.inspection.InspectionSettings`

    :returns: what was found

    :raises ValueError: if the sampler generates nothing, or a setting does not fit
    """  # noqa: DOC103, DOC502
    return inspect_source(SamplerSource(sampler, model, training), InspectionSettings(**settings))


def inspect_result(result: PipelineResult, *, sampler: NegativeSampler | None = None, **settings: Any) -> Inspection:
    """Inspect what generated the negatives of a run of PyKEEN's pipeline.

    :param result: the result of the pipeline
    :param sampler: the sampler to inspect, cf. :class:`pykeen_dhns.inspection.KeepSampler`. Defaults to what the
        training loop generates, with ``training_loop="dhns"``.
    :param settings: what to look at, cf. :class:`pykeen_dhns.inspection.InspectionSettings`

    :returns: what was found

    :raises ValueError: if nothing was generated, or a setting does not fit
    """  # noqa: DOC103
    if isinstance(sampler, DHNSNegativeSampler):
        return inspect_sampler(sampler, result.model, result.training, **settings)
    if sampler is not None:
        raise ValueError(f"{type(sampler).__name__} generates nothing, so there is nothing to inspect.")
    if isinstance(result.training_loop, DHNSTrainingLoop):
        return inspect_training_loop(result.training_loop, result.training, **settings)
    raise ValueError(
        f"{type(result.training_loop).__name__} generates nothing itself, and forgets its sampler. With "
        "negative_sampler='dhns', keep it: keeper = KeepSampler(), then pipeline(..., "
        "training_kwargs=dict(callbacks=keeper)), and inspect_result(result, sampler=keeper.sampler)."
    )


def inspect_directory(
    directory: str | Path, *, part: Part | None = None, device: str | torch.device = "cpu", **settings: Any
) -> Inspection:
    """Inspect what generated the negatives of a saved run.

    .. warning::

        PyKEEN saves models as pickles. Loading those can run any code that is in them: load only what you trust.

    :param directory: where the run was saved, by :func:`pykeen_dhns.inspection.save_result`, or by
        ``pykeen-dhns train``
    :param part: which generator to inspect. Defaults to the training loop's, if there is one, else the sampler's.
    :param device: where to compute
    :param settings: what to look at, cf. :class:`pykeen_dhns.inspection.InspectionSettings`

    :returns: what was found

    :raises FileNotFoundError: if something is missing; the message says what, and where it comes from
    :raises ValueError: if there is no such part, or a setting does not fit
    """  # noqa: DOC103, DOC502, DOC503
    # at the door: loading may take a while
    chosen = InspectionSettings(**settings)
    run = load_run(directory, device=device)
    if run.objective is not None and part in {None, "loop"}:
        return inspect_source(LoopSource(run.objective, run.training), chosen)
    if run.sampler is not None and part in {None, "sampler"}:
        return inspect_source(SamplerSource(run.sampler, run.model, run.training), chosen)
    have = "loop" if run.objective is not None else "sampler"
    raise ValueError(f"The run in {directory} has no part {part!r}, but {have!r}.")
