"""Features of a dataset's entities, in files that lie next to its triples."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from pykeen.typing import FloatTensor

__all__ = [
    "find_features",
    "load_dataset_features",
]

#: The suffixes of files with features, that of the published ones first
SUFFIXES = (".pth", ".pt", ".npy", ".safetensors")

#: The modalities whose features are published
PUBLISHED = ("textual", "visual")


def find_features(modality: str, *, folder: Path, folder_name: str, repository: str) -> Path:
    """Find the file with the features of a modality.

    :param modality: the modality's name
    :param folder: the folder with the dataset's files
    :param folder_name: the dataset's published name
    :param repository: the repository that says where features are published

    :returns: the first one of, e.g., ``MKG-Y-textual.pth`` in the folder, or in the folder ``embeddings`` of a checkout
        of the repository, or ``textual.pth`` in the folder; or the same with other suffixes

    :raises ValueError: if the name of the modality cannot be part of the name of a file
    :raises FileNotFoundError: if there is no such file
    """
    if not isinstance(modality, str) or not re.fullmatch(r"\w[\w.-]*", modality):
        raise ValueError(f"modality={modality!r} is invalid: it must be a name, e.g., 'textual', that files can have.")
    candidates = list(_iterate_candidates(modality, folder=folder, folder_name=folder_name))
    for path in candidates:
        if path.is_file():
            return path
    name = f"{folder_name}-{modality if modality in PUBLISHED else PUBLISHED[0]}.pth"
    raise FileNotFoundError(
        f"There are no {modality} features of {folder_name} in {folder}{_describe_others(folder)}. The published ones, "
        f"{' and '.join(PUBLISHED)}, have to be downloaded by hand: get {name} from the Google Drive that the README "
        f"of https://github.com/{repository} links to, and put it there. Features of your own can be there, too, as "
        f"{' or '.join(modality + suffix for suffix in SUFFIXES)}, or anywhere else, if path= says where."
    )


def _describe_others(folder: Path) -> str:
    """Name those files with features that are there."""
    others = sorted(path.name for path in folder.glob("*") if path.suffix in SUFFIXES)
    return f", but {', '.join(others)}" if others else ""


def _iterate_candidates(modality: str, *, folder: Path, folder_name: str) -> Iterator[Path]:
    published = f"{folder_name}-{modality}"
    # in a checkout, the folder is benchmarks/MKG-Y
    for stem in (folder / published, folder.parent.parent / "embeddings" / published, folder / modality):
        # not with_suffix, which would take a part of the name for the suffix
        yield from (stem.with_name(f"{stem.name}{suffix}") for suffix in SUFFIXES)


def load_dataset_features(modality: str, path: Any, *, num_entities: int) -> FloatTensor:
    """Load the features of a modality.

    :param modality: the modality's name
    :param path: the file with its features
    :param num_entities: the number of entities

    :returns: shape: (num_entities, num_features), dtype: float32, the features, with rows of NaN where there are none

    :raises ValueError: if these are no features, or not one row for each entity
    """
    if not isinstance(path, str | os.PathLike):
        message = f"path={path!r} is a {type(path).__name__}: it must be the path of a file with features."
        raise ValueError(message)  # noqa: TRY004
    # not when datasets are registered, which is before PyKEEN is complete
    from ..features import load_features

    features, is_present = load_features(modality, path)
    if len(features) != num_entities:
        raise ValueError(
            f"{path} has {len(features)} rows, but there are {num_entities} entities: there must be one row for each "
            f"entity, ordered by ID, with a row of NaN for an entity without {modality} features."
        )
    return features.masked_fill(~is_present.unsqueeze(dim=1), torch.nan)
