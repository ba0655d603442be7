"""What the published datasets have in common."""

import logging
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, get_args

import torch
from pykeen.constants import PYKEEN_DATASETS
from pykeen.datasets.base import LazyDataset
from pykeen.triples import TriplesFactory
from pykeen.typing import FloatTensor
from typing_extensions import Self, override

from .download import read_file
from .openke_format import read_labels, read_triples
from ..utils.validation import check_bool, check_choice, check_integer, check_type

__all__ = ["PublishedDataset", "ValidationSplit"]

logger = logging.getLogger(__name__)

#: Where the files are published
REPOSITORY = "ngl567/DHNS"

#: The environment variable with a folder that has one folder per dataset
DATA_VARIABLE = "PYKEEN_DHNS_DATA"

FILE_NAMES = ("entity2id.txt", "relation2id.txt", "train2id.txt", "valid2id.txt", "test2id.txt")

#: The suffixes of files with features, that of the published ones first
SUFFIXES = (".pth", ".pt", ".npy", ".safetensors")

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
    #: Where its folder can be downloaded from. If None, all files have to be there.
    base_url: ClassVar[str | None] = None
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
        check_integer("random_state", random_state, minimum=-(2**63), maximum=2**64 - 1)
        check_bool("create_inverse_triples", create_inverse_triples)
        check_bool("eager", eager)
        self.cache_root = self._find_root(cache_root)
        self.validation_split = validation
        # an integer of NumPy could not be saved as JSON
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
            check_type("cache_root", cache_root, (str, os.PathLike), "a folder")
            return Path(cache_root).expanduser().absolute()
        if os.environ.get(DATA_VARIABLE):
            return Path(os.environ[DATA_VARIABLE]).expanduser().absolute() / self.folder_name
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

        :returns: the first one of, e.g., ``MKG-Y-textual.pth`` in the folder, or in the folder ``embeddings`` of a
            checkout of the repository, or ``textual.pth`` in the folder; or the same with other suffixes

        :raises ValueError: if the name of the modality cannot be part of the name of a file
        :raises FileNotFoundError: if there is none; the message says where to get it from, and where to put it
        """
        check_type("modality", modality, str, "a name, e.g., 'textual', that files can have")
        if not re.fullmatch(r"\w[\w.-]*", modality):
            raise ValueError(f"modality={modality!r} is invalid: it must be a name, e.g., 'textual', for files.")
        folder, published = self.cache_root, f"{self.folder_name}-{modality}"
        # in a checkout, the folder is benchmarks/MKG-Y
        for stem in (folder / published, folder.parent.parent / "embeddings" / published, folder / modality):
            for suffix in SUFFIXES:
                path = stem.with_name(f"{stem.name}{suffix}")
                if path.is_file():
                    return path
        others = ", ".join(sorted(path.name for path in folder.glob("*") if path.suffix in SUFFIXES)) or "no others"
        published = (
            f"The published ones (textual, visual) have to be downloaded by hand: get, e.g., {self.folder_name}-"
            f"textual.pth from the Google Drive that the README of https://github.com/{REPOSITORY} links to, and put "
            "it there. "
        )
        raise FileNotFoundError(
            f"There are no {modality} features of {self.folder_name} in {folder}, but {others}. "
            f"{published if self.base_url else ''}Features of your own can be there, too, as "
            f"{' or '.join(modality + suffix for suffix in SUFFIXES)}, or anywhere else, if path= says where."
        )

    def features(self, modality: str, path: str | os.PathLike[str] | None = None) -> FloatTensor:
        """Load the features of a modality.

        :param modality: the modality's name. Published are ``textual`` and ``visual``.
        :param path: a file with them. If None, :meth:`features_path` looks for it.

        :returns: shape: (num_entities, num_features), dtype: float32, the features, ordered by entity ID, with a row of
            NaN for each entity without any: what ``modalities`` of :class:`pykeen_dhns.MultimodalRepresentation` takes

        :raises FileNotFoundError: if there is no file
        :raises ValueError: if it does not hold one row for each entity
        """  # noqa: DOC502
        # not when datasets are registered, which is before PyKEEN is complete
        from ..features import load_features

        found = self.features_path(modality) if path is None else path
        features, is_present = load_features(modality, found, self.num_entities)
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
        path = self.cache_root / name
        if self.base_url is None and not path.is_file():
            raise FileNotFoundError(
                f"There is no {path}. {type(self).__name__} needs {', '.join(FILE_NAMES)}. Only with "
                "validation='held-out', valid2id.txt may be missing."
            )
        url = f"{self.base_url}/{self.folder_name}/{name}"
        try:
            return read_file(path, url=url, sha256=self.sha256.get(name))
        except OSError as error:
            raise FileNotFoundError(
                f"{url} could not be downloaded to {path}: {error}. To use {type(self).__name__} offline, put "
                f"{', '.join(FILE_NAMES)} from benchmarks/{self.folder_name} of https://github.com/{REPOSITORY} into "
                f"{self.cache_root}; or, if you have them, pass their folder as cache_root, or set {DATA_VARIABLE} to "
                f"the folder with {self.folder_name}."
            ) from error
