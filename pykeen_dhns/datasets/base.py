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
from typing_extensions import Self, override

from .download import read_file
from .feature_files import find_features
from .openke_format import read_labels, read_triples
from ..utils.validation import check_choice

__all__ = ["REPOSITORY", "PublishedDataset", "ValidationSplit"]

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

    Entities and relations keep the IDs of the files, so that there is one row of features for each entity.
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
        :param validation: where the validation triples come from. With ``published``, the default, the dataset is the
            one that papers mean. With ``held-out``, they are a tenth of the training triples, and the published ones
            are not used. Each entity and relation that occurs in training still does without them.
        :param random_state: the seed which determines what is held out
        :param create_inverse_triples: whether to create inverse triples
        :param eager: whether to read the files at once

        :raises ValueError: if an argument is not possible, or if ``eager``, a file is wrong
        :raises FileNotFoundError: if ``eager``, and a file is missing and cannot be downloaded
        """  # noqa: DOC502
        check_choice("validation", validation, get_args(ValidationSplit))
        self.cache_root = self._find_root(cache_root)
        self.validation_split = validation
        self.random_state = _to_seed(random_state)
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
            root = Path(cache_root).expanduser().absolute()
            if (root / self.folder_name).is_dir() and not _has_files(root):
                raise ValueError(
                    f"cache_root={str(root)!r} has no files of {type(self).__name__}, but a folder {self.folder_name}: "
                    f"use {str(root / self.folder_name)!r}, or set {DATA_VARIABLE} instead of it."
                )
            return root
        if os.environ.get(DATA_VARIABLE):
            parent = Path(os.environ[DATA_VARIABLE]).expanduser().absolute()
            if _has_files(parent) and not (parent / self.folder_name).exists():
                raise ValueError(
                    f"{DATA_VARIABLE}={str(parent)!r} has files of a dataset: it must be the folder in which there is "
                    f"one for each dataset, here {self.folder_name}. Use cache_root for the folder of a dataset."
                )
            return parent / self.folder_name
        return PYKEEN_DATASETS.joinpath(*self._cache_sub_directories())

    @override
    @classmethod
    def from_directory_binary(cls, path: str | os.PathLike[str]) -> Self:
        # PyKEEN reads what it cached by this, as an instance of its own class, which has no features
        cached = super().from_directory_binary(Path(path))
        metadata = dict(cached.metadata or {})
        arguments = {name: metadata[name] for name in ("cache_root", "validation", "random_state") if name in metadata}
        dataset = cls(**arguments)
        for name, factory in cached.factory_dict.items():
            setattr(dataset, f"_{name}", factory)
        dataset.metadata = metadata
        return dataset

    @override
    def iter_extra_repr(self) -> Iterable[str]:
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
        :param path: a file with them. If None, :meth:`features_path` looks for it.

        :returns: shape: (num_entities, num_features), dtype: float32, the features, ordered by entity ID, with a row of
            NaN for each entity without any: what ``modalities`` of :class:`pykeen_dhns.MultimodalRepresentation` takes

        :raises FileNotFoundError: if there is no file
        :raises ValueError: if it does not hold one row for each entity
        """  # noqa: DOC503
        # not when datasets are registered, which is before PyKEEN is complete
        from ..features import load_features

        found = self.features_path(modality) if path is None else path
        features, is_present = load_features(modality, found)
        if len(features) != self.num_entities:
            raise ValueError(
                f"{found} has {len(features)} rows, but there are {self.num_entities} entities: there must be one row "
                f"for each entity, ordered by ID, with a row of NaN for an entity without {modality} features."
            )
        return features.masked_fill(~is_present.unsqueeze(dim=1), torch.nan)

    @override
    def _load(self) -> None:
        training = self._make_factory("train", create_inverse_triples=self._create_inverse_triples)
        self._testing = self._make_factory("test")
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
        self._training = training

    @override
    def _load_validation(self) -> None:
        # if triples were held out, _load has already done this
        if self._validation is None:
            self._validation = self._make_factory("valid")

    def _make_factory(self, split: str, create_inverse_triples: bool = False) -> TriplesFactory:
        """Read the triples of a split."""
        entity_to_id, relation_to_id = (
            read_labels(self.cache_root / name, self._read(name)) for name in ("entity2id.txt", "relation2id.txt")
        )
        path = self.cache_root / f"{split}2id.txt"
        content = self._read(path.name)
        return TriplesFactory(
            read_triples(path, content, num_entities=len(entity_to_id), num_relations=len(relation_to_id)),
            entity_to_id=entity_to_id,
            relation_to_id=relation_to_id,
            create_inverse_triples=create_inverse_triples,
            metadata=dict(path=path),
        )

    def _read(self, name: str) -> bytes:
        """Read a file, and download it if it is missing."""
        path, url = self.cache_root / name, f"{self.base_url}/{self.folder_name}/{name}"
        try:
            return read_file(path, url=url, sha256=self.sha256.get(name))
        except OSError as error:
            raise FileNotFoundError(
                f"{url} could not be downloaded to {path}: {error}. To use {type(self).__name__} offline, put "
                f"{', '.join(FILE_NAMES)} from benchmarks/{self.folder_name} of https://github.com/{REPOSITORY} into "
                f"{self.cache_root}; or, if you have them, pass their folder as cache_root, or set {DATA_VARIABLE} to "
                f"the folder with {self.folder_name}."
            ) from error


def _has_files(folder: Path) -> bool:
    """Return whether a folder has some file of a dataset."""
    return any((folder / name).is_file() for name in FILE_NAMES)


def _to_seed(random_state: Any) -> int:
    """Check that a seed is an integer of any type, so that what is held out can be held out again."""
    if isinstance(random_state, bool) or not isinstance(random_state, Integral):
        message = f"random_state={random_state!r} is invalid: it must be an integer."
        raise ValueError(message)  # noqa: TRY004
    return int(random_state)
