"""Save what generates negatives next to the model, and load it again."""

import dataclasses
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pykeen.models import Model
from pykeen.pipeline import PipelineResult
from pykeen.sampling import NegativeSampler
from pykeen.triples import CoreTriplesFactory, TriplesFactory
from torch import nn

from .labels import to_model_ids
from ..generators.diffheg import DiffHEG
from ..sampling.sampler import DHNSNegativeSampler
from ..sampling.selection import Selection, selection_resolver
from ..training.loop import DHNSTrainingLoop
from ..training.objective import JointObjective
from ..training.settings import GeneratorConfig, Switches

__all__ = ["FILE_NAME", "SavedRun", "load_run", "save_generators", "save_result"]

#: What is added to the files of PyKEEN's ``save_to_directory``
FILE_NAME = "generators.pt"
#: The version of what is in it
VERSION = 1


def save_result(result: PipelineResult, directory: str | Path, *, sampler: NegativeSampler | None = None) -> None:
    """Save the result of PyKEEN's pipeline, and what generated its negatives.

    :param result: the result
    :param directory: the folder
    :param sampler: the sampler of PyKEEN's own training loop, cf. :class:`pykeen_dhns.inspection.KeepSampler`

    :raises ValueError: if something of a generator can only be made by Python code
    """  # noqa: DOC502
    result.save_to_directory(directory)
    save_generators(result, directory, sampler=sampler)


def save_generators(
    result: PipelineResult, directory: str | Path, *, sampler: NegativeSampler | None = None
) -> Path | None:
    """Save what generated negatives, and nothing else.

    :param result: the result of PyKEEN's pipeline
    :param directory: the folder, which must exist
    :param sampler: the sampler of PyKEEN's own training loop

    :returns: the file, which holds nothing but tensors, numbers, and names, or None, if there was no generator

    :raises ValueError: if something of a generator can only be made by Python code
    """  # noqa: DOC502
    loop = result.training_loop
    content: dict[str, Any] = {}
    if isinstance(loop, DHNSTrainingLoop) and loop.objective.generator is not None:
        content["loop"] = _describe_objective(loop.objective, loop.objective.generator)
    if isinstance(sampler, DHNSNegativeSampler) and sampler.layout.num_generated:
        content["sampler"] = _describe_sampler(sampler)
    if not content:
        return None
    path = Path(directory) / FILE_NAME
    torch.save({"version": VERSION, **content}, path)
    return path


def _to_plain(value: Any) -> Any:
    """Convert numbers of NumPy, for which loading would have to run code, to those of Python."""
    if isinstance(value, Mapping):
        return {key: _to_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _describe_process(generator: Any) -> dict[str, Any]:
    """Describe the noise schedule by its values: it may be any function."""
    if not isinstance(generator, DiffHEG):
        return {}
    process = generator.process
    return {"betas": process.betas.cpu(), "alphas_cumprod": process.alphas_cumprod.cpu()}


def _restore_process(generator: Any, values: Mapping[str, torch.Tensor]) -> None:
    for name, value in values.items():
        getattr(generator.process, name).copy_(value)


def _describe_objective(objective: JointObjective, generator: nn.Module) -> dict[str, Any]:
    config = {**dataclasses.asdict(objective.config), "schedule": None}
    if config["levels"] is not None:
        config["levels"] = [float(level) for level in config["levels"]]
    return {
        "config": _to_plain(config),
        "switches": _to_plain(dataclasses.asdict(objective.switches)),
        "mode": objective.bound.mode,
        "process": _describe_process(generator),
        "state": generator.state_dict(),
    }


def _restore_objective(content: Mapping[str, Any], model: Model) -> JointObjective:
    objective = JointObjective(
        model,
        config=GeneratorConfig(**content["config"]),
        switches=Switches(**content["switches"]),
        mode=content["mode"],
    )
    objective.to_model()
    if objective.generator is not None:
        objective.generator.load_state_dict(content["state"])
        _restore_process(objective.generator, content["process"])
    return objective


def _describe_sampler(sampler: DHNSNegativeSampler) -> dict[str, Any]:
    generator = sampler.entity_generator
    diffheg = generator.diffheg
    num_timesteps = diffheg.process.num_timesteps
    arguments = {
        "num_negs_per_pos": sampler.num_negs_per_pos,
        "hard_fraction": 1.0,
        "generator": generator.generator,
        "guidance": generator.guidance,
        "num_candidates": generator.num_candidates,
        "levels": [level / num_timesteps for level in diffheg.levels],
        "num_timesteps": num_timesteps,
        "reverse": diffheg.reverse,
        "embedding_dim": generator.shadow.dim,
        **_describe_selection(generator.selection),
    }
    return {
        "arguments": _to_plain(arguments),
        "process": _describe_process(diffheg),
        "state": generator.state_dict(),
    }


def _describe_selection(selection: Selection) -> dict[str, Any]:
    cls = type(selection)
    try:
        kwargs = {name: getattr(selection, name) for name in inspect.signature(cls).parameters}
    except AttributeError as error:
        raise ValueError(f"{cls.__name__} cannot be saved: its arguments must be attributes of it ({error}).") from None
    odd = {name: value for name, value in kwargs.items() if not isinstance(value, bool | int | float | str | None)}
    if odd:
        raise ValueError(f"{cls.__name__} cannot be saved: its arguments {odd} are no numbers or names.")
    return {"selection": selection_resolver.normalize_cls(cls), "selection_kwargs": kwargs}


def _restore_sampler(content: Mapping[str, Any], training: CoreTriplesFactory) -> DHNSNegativeSampler:
    sampler = DHNSNegativeSampler(
        mapped_triples=to_model_ids(training, training.mapped_triples),
        num_entities=training.num_entities,
        num_relations=training.num_relations,
        **content["arguments"],
    )
    sampler.entity_generator.load_state_dict(content["state"])
    _restore_process(sampler.entity_generator.diffheg, content["process"])
    return sampler


@dataclasses.dataclass
class SavedRun:
    """A finished run."""

    model: Model
    training: CoreTriplesFactory
    #: What the training loop generates with, if it does
    objective: JointObjective | None
    #: The sampler, if it generates
    sampler: DHNSNegativeSampler | None


def load_run(directory: str | Path, *, device: str | torch.device = "cpu") -> SavedRun:
    """Load a run which was saved by :func:`pykeen_dhns.inspection.save_result`, or by ``pykeen-dhns train``.

    .. warning::

        PyKEEN saves models, and metadata of triples, as pickles. Loading those can run any code that is in them: load
        only what you trust. What this package adds to them, ``generators.pt``, is loaded without that risk.

    :param directory: the folder
    :param device: where to load the model to

    :returns: the run

    :raises FileNotFoundError: if something is missing; the message says what, and where it comes from
    :raises ValueError: if it is from another version of this package
    """
    directory = Path(directory)
    model_path = directory / PipelineResult.MODEL_FILE_NAME
    triples_path = directory / PipelineResult.TRAINING_TRIPLES_FILE_NAME
    generators_path = directory / FILE_NAME
    for path, origin in (
        (model_path, "PyKEEN's save_to_directory writes it, unless save_replicates=False"),
        (triples_path, "PyKEEN's save_to_directory writes it, but pykeen experiments does not"),
        (generators_path, "pykeen-dhns train, or pykeen_dhns.save_result, writes it, if negatives were generated"),
    ):
        if not path.exists():
            raise FileNotFoundError(f"There is no {path}: {origin}.")
    content = torch.load(generators_path, map_location="cpu", weights_only=True)
    if content["version"] != VERSION:
        raise ValueError(f"{generators_path} is of version {content['version']}, this package reads {VERSION}.")
    model: Model = torch.load(model_path, map_location=device, weights_only=False)
    cls = TriplesFactory if (triples_path / f"{TriplesFactory.file_name_entity_to_id}.tsv.gz").exists() else None
    training = (cls or CoreTriplesFactory).from_path_binary(triples_path)
    return SavedRun(
        model=model,
        training=training,
        objective=_restore_objective(content["loop"], model) if "loop" in content else None,
        sampler=_restore_sampler(content["sampler"], training) if "sampler" in content else None,
    )
