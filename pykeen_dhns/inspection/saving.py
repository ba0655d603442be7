"""Save what generates negatives next to the model, and load it again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pykeen.models import Model
from pykeen.pipeline import PipelineResult
from pykeen.sampling import NegativeSampler
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from .sources import LoopSource, SamplerSource, Source
from ..sampling.sampler import DHNSNegativeSampler
from ..training.loop import DHNSTrainingLoop
from ..utils.files import write_atomically

__all__ = ["find_generators", "load_sources", "make_sources", "save_result"]

#: The file next to those of PyKEEN's ``save_to_directory``
FILE_NAME = "generators.pt"


def find_generators(result: PipelineResult, sampler: NegativeSampler | None = None) -> dict[str, Any]:
    """Find what generated negatives: the arguments of the :class:`LoopSource` for ``loop``, and the ``sampler``."""
    generators: dict[str, Any] = {}
    loop = result.training_loop
    if isinstance(loop, DHNSTrainingLoop) and loop.objective.generator is not None:
        generators["loop"] = dict(
            generator=loop.objective.generator,
            query=loop.objective.query,
            multimodal=loop.objective.config.multimodal,
            mode=loop.objective.adapter.mode,
        )
    if isinstance(sampler, DHNSNegativeSampler) and sampler.layout.num_generated:
        generators["sampler"] = sampler
    return generators


def make_sources(model: Model, training: CoreTriplesFactory, generators: Mapping[str, Any]) -> dict[str, Source]:
    """Make a source, by the same name, for each of what :func:`find_generators` has found."""
    sources: dict[str, Source] = {}
    if "loop" in generators:
        sources["loop"] = LoopSource(model, training, **generators["loop"])
    if "sampler" in generators:
        sources["sampler"] = SamplerSource(model, training, generators["sampler"])
    return sources


def save_result(result: PipelineResult, directory: str | Path, *, sampler: NegativeSampler | None = None) -> None:
    """Save the result of PyKEEN's pipeline, and what generated its negatives.

    The latter is saved to a file ``generators.pt``. There is none if nothing was generated.

    :param result: the result
    :param directory: the folder
    :param sampler: the sampler of PyKEEN's own training loop, cf. :class:`pykeen_dhns.inspection.KeepSampler`
    """
    result.save_to_directory(directory)
    path = Path(directory) / FILE_NAME
    # There may be one of an earlier run.
    path.unlink(missing_ok=True)
    generators = find_generators(result, sampler)
    if generators:
        with write_atomically(path) as file:
            torch.save(generators, file)


def load_sources(directory: str | Path, *, device: str | torch.device = "cpu") -> dict[str, Source]:
    """Load what generated the negatives of a run, from the folder that :func:`save_result` wrote.

    .. warning::

        All files are pickles, as PyKEEN's models are. Loading them can run any code that is in them: load only what
        you trust.

    :param directory: the folder
    :param device: where to load the model to

    :returns: the sources by name: ``loop``, ``sampler``, or both

    :raises FileNotFoundError: if a file is missing; the message says which, and what writes it
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
    generators = torch.load(generators_path, map_location=device, weights_only=False)
    model: Model = torch.load(model_path, map_location=device, weights_only=False)
    has_labels = (triples_path / f"{TriplesFactory.file_name_entity_to_id}.tsv.gz").exists()
    training = (TriplesFactory if has_labels else CoreTriplesFactory).from_path_binary(triples_path)
    return make_sources(model, training, generators)
