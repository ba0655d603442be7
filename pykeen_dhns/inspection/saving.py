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

__all__ = ["KeepSampler", "find_generator", "load_source", "make_source", "save_result"]

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
            # PyKEEN's callback for a validation loss makes a sampler of its own in this mode, after each epoch
            if not torch.is_inference_mode_enabled():
                self.sampler = loader.dataset.negative_sampler  # type: ignore[attr-defined]
            return loader

        training_loop._create_training_data_loader = create_and_keep  # type: ignore[method-assign]


def find_generator(result: PipelineResult, sampler: NegativeSampler | None = None) -> dict[str, Any]:
    """Find what generated negatives: the arguments of the :class:`LoopSource` as ``loop``, or a ``sampler``."""
    check_type("result", result, PipelineResult, "what PyKEEN's pipeline returns")
    if sampler is not None:
        check_type("sampler", sampler, NegativeSampler, "a negative sampler, e.g., that of KeepSampler")
    if isinstance(sampler, DHNSNegativeSampler) and sampler.layout.num_generated:
        return dict(sampler=sampler)
    loop = result.training_loop
    if not isinstance(loop, DHNSTrainingLoop) or loop.objective.generator is None:
        return {}
    arguments = dict(
        generator=loop.objective.generator,
        query=loop.objective.query,
        multimodal=loop.objective.config.multimodal,
        mode=loop.objective.adapter.mode,
    )
    return dict(loop=arguments)


def make_source(model: Model, training: CoreTriplesFactory, generator: Mapping[str, Any]) -> Source | None:
    """Make a source of what :func:`find_generator` has found."""
    if "loop" in generator:
        return LoopSource(model, training, **generator["loop"])
    return SamplerSource(model, training, generator["sampler"]) if "sampler" in generator else None


def save_result(result: PipelineResult, directory: str | Path, *, sampler: NegativeSampler | None = None) -> None:
    """Save the result of PyKEEN's pipeline, and what generated its negatives.

    The latter is saved to a file ``generators.pt``. There is none if nothing was generated. If both the sampler and the
    training loop generate, it has the sampler.

    :param result: the result
    :param directory: the folder
    :param sampler: the sampler of PyKEEN's own training loop, cf. :class:`pykeen_dhns.inspection.KeepSampler`
    """
    generator = find_generator(result, sampler)
    check_type("directory", directory, (str, PathLike), "a folder")
    path = Path(directory) / GENERATORS
    # First, so that the generator of an earlier run is never next to the model of this one.
    path.unlink(missing_ok=True)
    result.save_to_directory(directory)
    if generator:
        with write_atomically(path) as file:
            torch.save(generator, file)


def load_source(directory: str | Path) -> Source:
    """Load what generated the negatives of a run to the CPU, from the folder that :func:`save_result` wrote.

    .. warning::

        All files are pickles, as PyKEEN's models are. Loading them can run any code that is in them: load only what
        you trust.

    :param directory: the folder

    :returns: what generated them, with its model

    :raises FileNotFoundError: if a file is missing; the message says which, and what writes it
    :raises ValueError: if a file is damaged
    """  # noqa: DOC503
    check_type("directory", directory, (str, PathLike), "a folder")
    names = (PipelineResult.MODEL_FILE_NAME, PipelineResult.TRAINING_TRIPLES_FILE_NAME, GENERATORS)
    model_path, triples_path, generator_path = (Path(directory) / name for name in names)
    for path in (model_path, triples_path, generator_path):
        if not path.exists():
            raise FileNotFoundError(
                f"There is no {path}. pykeen-dhns train, or pykeen_dhns.save_result, writes it, if negatives were "
                f"generated. PyKEEN's experiments do not, and shared negatives are not generated."
            )
    has_labels = (triples_path / f"{TriplesFactory.file_name_entity_to_id}.tsv.gz").exists()
    generator, model = (
        _load(path, lambda path: torch.load(path, map_location="cpu", weights_only=False))
        for path in (generator_path, model_path)
    )
    training = _load(triples_path, (TriplesFactory if has_labels else CoreTriplesFactory).from_path_binary)
    is_run = isinstance(generator, dict) and isinstance(model, Model)
    source = make_source(model, training, generator) if is_run else None
    if source is None:
        raise ValueError(f"{directory} is no run that pykeen_dhns.save_result has saved.")
    return source


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
