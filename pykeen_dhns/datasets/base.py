"""What the published datasets have in common."""

import logging
import os
from collections.abc import Iterable, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import torch
from pykeen.constants import PYKEEN_DATASETS
from pykeen.datasets.base import LazyDataset
from pykeen.triples import TriplesFactory
from pykeen.typing import FloatTensor
from typing_extensions import Self

from .download import read_file
from .feature_files import find_features, load_dataset_features
from .openke_format import read_labels, read_triples

__all__ = [
    "REPOSITORY",
    "PublishedDataset",
    "ValidationSplit",
]

logger = logging.getLogger(__name__)

#: Where the files are published
REPOSITORY = "ngl567/DHNS"
COMMIT = "02d8de0d321016798717fc1fce7c3b41f544eee5"

#: The environment variable with a folder that has one folder per dataset
DATA_VARIABLE = "PYKEEN_DHNS_DATA"

FILE_NAMES = ("entity2id.txt", "relation2id.txt", "train2id.txt", "valid2id.txt", "test2id.txt")

#: Where validation triples come from
ValidationSplit: TypeAlias = Literal["published", "held-out"]


class PublishedDataset(LazyDataset):
    """A dataset in the layout in which those of multimodal knowledge graph completion are published.

    Entities and relations keep the IDs of the files, such that there is one row of features for each entity.
    """

    #: The name of its folder, which is its name in the names of files with features, too
    folder_name: ClassVar[str]
    #: The SHA-256 of each file. A file without one is not verified.
    sha256: ClassVar[Mapping[str, str]] = {}
    #: Where its folder can be downloaded from
    base_url: ClassVar[str] = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/benchmarks"
    #: What is wrong with the published validation triples
    validation_warning: ClassVar[str | None] = None
    #: Which share of the training triples is held out for validation
    held_out_share: ClassVar[float] = 0.1

    def __init__(
        self,
        *,
        cache_root: str | os.PathLike[str] | None = None,
        validation: ValidationSplit = "published",
        random_state: int = 0,
        create_inverse_triples: bool = False,
        eager: bool = False,
    ) -> None:
        """Initialize the dataset. Nothing is read or downloaded before it is needed.

        :param cache_root: the folder with the dataset's files; missing ones are downloaded to it. Defaults to the
            folder with the dataset's published name in the one that the environment variable ``PYKEEN_DHNS_DATA``
            names, and without it, to a folder of PyKEEN's own.
        :param validation: where the validation triples come from: ``published``, the default, such that the dataset is
            the one that papers mean, or ``held-out``, a tenth of the training triples, without the published ones. Each
            entity and relation that occurs in training still does without them.
        :param random_state: the seed which determines what is held out
        :param create_inverse_triples: whether to create inverse triples
        :param eager: whether to read the files at once

        :raises ValueError: if an argument is not possible, or if ``eager``, a file is wrong
        :raises FileNotFoundError: if ``eager``, and a file is missing and cannot be downloaded
        """  # noqa: DOC503
        if validation not in get_args(ValidationSplit):
            raise ValueError(f"validation={validation!r} is unknown: it must be one of {get_args(ValidationSplit)}.")
        _check_seed("random_state", random_state)
        _check_bool("create_inverse_triples", create_inverse_triples)
        _check_bool("eager", eager)
        self._default_root = PYKEEN_DATASETS.joinpath(*self._cache_sub_directories())
        self.cache_root = self._find_root(cache_root)
        self.validation_split = validation
        self.random_state = int(random_state)
        self._create_inverse_triples = create_inverse_triples
        #: also what PyKEEN's cache needs to make the dataset again
        self.metadata = dict(
            cache_root=None if cache_root is None else str(self.cache_root),
            validation=validation,
            random_state=self.random_state,
        )
        if validation == "published" and self.validation_warning is not None:
            logger.warning("%s", self.validation_warning)
        if eager:
            self._load()
            self._load_validation()

    def _find_root(self, cache_root: str | os.PathLike[str] | None) -> Path:
        """Find the folder with the dataset's files."""
        if cache_root is not None:
            root = _to_folder("cache_root", cache_root)
            if (root / self.folder_name).is_dir() and not _has_files(root):
                raise ValueError(
                    f"cache_root={str(root)!r} has no files of {type(self).__name__}, but a folder {self.folder_name}: "
                    f"use {str(root / self.folder_name)!r}, or set {DATA_VARIABLE} instead of it."
                )
            return root
        if os.environ.get(DATA_VARIABLE):
            parent = _to_folder(DATA_VARIABLE, os.environ[DATA_VARIABLE])
            if _has_files(parent) and not (parent / self.folder_name).exists():
                raise ValueError(
                    f"{DATA_VARIABLE}={str(parent)!r} has files of a dataset: it must be the folder in which there is "
                    f"one for each dataset, here {self.folder_name}. Use cache_root for the folder of a dataset."
                )
            return parent / self.folder_name
        return self._default_root

    # docstr-coverage: inherited
    @classmethod
    def from_directory_binary(cls, path: str | os.PathLike[str]) -> Self:  # noqa: D102
        # PyKEEN reads what it cached by this, as an instance of its own class, which has no features
        cached = super().from_directory_binary(Path(path))
        metadata = dict(cached.metadata or {})
        arguments = {name: metadata[name] for name in ("cache_root", "validation", "random_state") if name in metadata}
        dataset = cls(**arguments)
        for name, factory in cached.factory_dict.items():
            setattr(dataset, f"_{name}", factory)
        dataset.metadata = metadata
        return dataset

    # docstr-coverage: inherited
    def iter_extra_repr(self) -> Iterable[str]:  # noqa: D102
        yield from super().iter_extra_repr()
        yield f"validation={self.validation_split!r}"

    def features_path(self, modality: str) -> Path:
        """Find the file with the features of a modality, for configurations that name files.

        :param modality: the modality's name. Published are ``textual`` and ``visual``.

        :returns: the file

        :raises FileNotFoundError: if there is none; the message says where to get it from, and where to put it
        """  # noqa: DOC502
        return find_features(modality, folder=self.cache_root, folder_name=self.folder_name, repository=REPOSITORY)

    def features(self, modality: str, path: str | os.PathLike[str] | None = None) -> FloatTensor:
        """Load the features of a modality.

        :param modality: the modality's name. Published are ``textual`` and ``visual``.
        :param path: a file with them. If None, it is looked for, cf. :meth:`features_path`.

        :returns: shape: (num_entities, num_features), dtype: float32, the features, ordered by entity ID, with a row of
            NaN for each entity without any: what ``modalities`` of :class:`pykeen_dhns.MultimodalRepresentation` takes

        :raises FileNotFoundError: if there is no file
        :raises ValueError: if it does not hold one row for each entity
        """  # noqa: DOC502
        found = self.features_path(modality) if path is None else path
        return load_dataset_features(modality, found, num_entities=self.num_entities)

    def _load(self) -> None:
        labels = {
            f"{name}_to_id": read_labels(self.cache_root / f"{name}2id.txt", self._read(f"{name}2id.txt"))
            for name in ("entity", "relation")
        }
        training = self._make_factory("train", labels, create_inverse_triples=self._create_inverse_triples)
        testing = self._make_factory("test", labels)
        if self.validation_split == "held-out":
            # with a seed, PyKEEN would seed the global generator, which is the user's
            generator = torch.Generator().manual_seed(self.random_state)
            try:
                training, self._validation = training.split(1 - self.held_out_share, random_state=generator)
            except ValueError as error:
                raise ValueError(
                    f"validation='held-out' is not possible: without a tenth of the {training.num_triples} triples in "
                    f"{self.cache_root / 'train2id.txt'}, some entity or relation would have none. Use "
                    f"validation='published'."
                ) from error
        self._training, self._testing = training, testing

    def _load_validation(self) -> None:
        # without effect if triples were held out: then, _load has already done this
        if self._validation is None:
            labels = dict(entity_to_id=self.entity_to_id, relation_to_id=self.relation_to_id)
            self._validation = self._make_factory("valid", labels)

    def _make_factory(
        self, split: str, labels: Mapping[str, Mapping[str, int]], create_inverse_triples: bool = False
    ) -> TriplesFactory:
        """Read the triples of a split."""
        path = self.cache_root / f"{split}2id.txt"
        triples = read_triples(
            path,
            self._read(path.name),
            num_entities=len(labels["entity_to_id"]),
            num_relations=len(labels["relation_to_id"]),
        )
        arguments: dict[str, Any] = dict(labels, create_inverse_triples=create_inverse_triples)
        return TriplesFactory(triples, metadata=dict(path=path), **arguments)

    def _read(self, name: str) -> bytes:
        """Read a file, and download it if it is missing."""
        try:
            return read_file(
                self.cache_root / name,
                url=f"{self.base_url}/{self.folder_name}/{name}",
                sha256=self.sha256.get(name),
                is_cached=self.cache_root == self._default_root,
            )
        except ConnectionError as error:
            raise FileNotFoundError(
                f"{error}. To use {type(self).__name__} offline, put {', '.join(FILE_NAMES)} from benchmarks/"
                f"{self.folder_name} of https://github.com/{REPOSITORY} into {self.cache_root}; or, if you have them, "
                f"pass their folder as cache_root, or set {DATA_VARIABLE} to the folder with {self.folder_name}."
            ) from error


def _has_files(folder: Path) -> bool:
    """Return whether a folder has some file of a dataset."""
    return any((folder / name).is_file() for name in FILE_NAMES)


def _to_folder(name: str, value: Any) -> Path:
    """Get the absolute path of a folder, which need not exist yet."""
    problem = f"{name}={value!r} is invalid: it must be the path of a folder"
    # an empty one would be the current folder
    if not isinstance(value, str | os.PathLike) or not str(value) or "\0" in str(value):
        raise ValueError(f"{problem}.")
    try:
        path = Path(value).expanduser().absolute()
        is_file = path.exists() and not path.is_dir()
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        # e.g., the home of an unknown user, or a character that no path has
        raise ValueError(f"{problem}. {error}") from error
    if is_file:
        raise ValueError(f"{problem}, but is a file.")
    return path


def _check_bool(name: str, value: Any) -> None:
    # "false" would be true
    if not isinstance(value, bool):
        message = f"{name}={value!r} is invalid: it must be True or False."
        raise ValueError(message)  # noqa: TRY004


def _check_seed(name: str, value: Any) -> None:
    # what PyTorch takes
    if isinstance(value, bool) or not isinstance(value, Integral) or not -(2**63) <= int(value) < 2**64:
        raise ValueError(
            f"{name}={value!r} is invalid: it must be an integer of at most 64 bits, such that it can be repeated."
        )
