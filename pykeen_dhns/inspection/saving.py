"""Keep what generates negatives, save it next to the model, and load it again."""

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from pykeen.models import Model
from pykeen.pipeline import PipelineResult
from pykeen.sampling import NegativeSampler
from pykeen.training import SLCWATrainingLoop, TrainingLoop
from pykeen.training.callbacks import TrainingCallback
from pykeen.triples import CoreTriplesFactory, TriplesFactory
from torch.utils.data import DataLoader
from typing_extensions import override

from .sources import LoopSource, SamplerSource, Source
from ..sampling.sampler import DHNSNegativeSampler
from ..training.loop import DHNSTrainingLoop
from ..utils.files import write_atomically
from ..utils.validation import check_type

__all__ = ["GENERATORS", "KeepSampler", "find_generators", "load_sources", "make_sources", "save_result"]

#: The file next to those of PyKEEN's ``save_to_directory``
GENERATORS = "generators.pt"


class KeepSampler(TrainingCallback):
    """Keeps the sampler that a training loop builds, which PyKEEN would drop at the end of the training.

    >>> from pykeen.pipeline import pipeline
    >>> keeper = KeepSampler()
    >>> result = pipeline(
    ...     dataset="nations",
    ...     model="TransE",
    ...     negative_sampler="dhns",
    ...     training_kwargs=dict(num_epochs=1, callbacks=keeper, use_tqdm=False),
    ...     evaluation_kwargs=dict(use_tqdm=False),
    ...     random_seed=0,
    ...     device="cpu",
    ... )
    >>> type(keeper.sampler).__name__
    'DHNSNegativeSampler'
    """

    #: The sampler. None before the training begins, and for loops without a sampler.
    sampler: NegativeSampler | None = None

    @override
    def register_training_loop(self, training_loop: TrainingLoop[Any]) -> None:
        is_new = training_loop is not self._training_loop
        super().register_training_loop(training_loop)
        if not is_new or not isinstance(training_loop, SLCWATrainingLoop):
            return
        # PyKEEN passes the sampler to no callback, so the method that builds it is wrapped.
        create = training_loop._create_training_data_loader

        def create_and_keep(*args: Any, **kwargs: Any) -> DataLoader[Any]:
            loader: DataLoader[Any] = create(*args, **kwargs)
            self.sampler = loader.dataset.negative_sampler  # type: ignore[attr-defined]
            return loader

        training_loop._create_training_data_loader = create_and_keep  # type: ignore[method-assign]


def find_generators(result: PipelineResult, sampler: NegativeSampler | None = None) -> dict[str, Any]:
    """Find what generated negatives: the arguments of the :class:`LoopSource` for ``loop``, and the ``sampler``."""
    check_type("result", result, PipelineResult, "what PyKEEN's pipeline returns")
    if sampler is not None:
        check_type("sampler", sampler, NegativeSampler, "a negative sampler, e.g., that of KeepSampler")
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
    generators = find_generators(result, sampler)
    check_type("directory", directory, (str, PathLike), "a folder")
    path = Path(directory) / GENERATORS
    # First, so that the generator of an earlier run is never next to the model of this one.
    path.unlink(missing_ok=True)
    result.save_to_directory(directory)
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
    :raises ValueError: if a file is damaged, or the device cannot be used
    """  # noqa: DOC503
    check_type("directory", directory, (str, PathLike), "a folder")
    check_type("device", device, (str, torch.device), "a device, e.g., 'cpu'")
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as error:
        raise ValueError(f"device={str(device)!r} cannot be used: {error}") from error
    model_path, triples_path, generators_path = (
        Path(directory) / name
        for name in (PipelineResult.MODEL_FILE_NAME, PipelineResult.TRAINING_TRIPLES_FILE_NAME, GENERATORS)
    )
    for path, origin in (
        (model_path, "PyKEEN's save_to_directory writes it, unless save_replicates=False"),
        (triples_path, "PyKEEN's save_to_directory writes it, but pykeen experiments does not"),
        (generators_path, "pykeen-dhns train, or pykeen_dhns.save_result, writes it, if negatives were generated"),
    ):
        if not path.exists():
            raise FileNotFoundError(f"There is no {path}: {origin}.")
    has_labels = (triples_path / f"{TriplesFactory.file_name_entity_to_id}.tsv.gz").exists()
    generators, model = (
        _load(path, lambda path: torch.load(path, map_location=device, weights_only=False))
        for path in (generators_path, model_path)
    )
    training = _load(triples_path, (TriplesFactory if has_labels else CoreTriplesFactory).from_path_binary)
    is_run = isinstance(generators, dict) and isinstance(model, Model)
    sources = make_sources(model, training, generators) if is_run else {}
    if not sources:
        raise ValueError(f"{directory} is no run that pykeen_dhns.save_result has saved.")
    return sources


def _load(path: Path, load: Callable[[Path], Any]) -> Any:
    """Load a file, or say that it is damaged."""
    try:
        return load(path)
    except Exception as error:
        # For files that do not only hold data, PyTorch advises to load them without this protection.
        reason = "It holds what it should not" if isinstance(error, UnpicklingError) else str(error)
        raise ValueError(
            f"{path} cannot be read ({type(error).__name__}: {reason}). It is damaged, or was saved with other "
            "versions of PyTorch, PyKEEN, or this package. Save, or train, the run again. Do not trust it if it comes "
            "from others."
        ) from error
