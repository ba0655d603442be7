"""Where the files with the features of a dataset's entities are."""

import re
from pathlib import Path

__all__ = ["find_features"]

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
    published = f"{folder_name}-{modality}"
    # in a checkout, the folder is benchmarks/MKG-Y
    stems = (folder / published, folder.parent.parent / "embeddings" / published, folder / modality)
    for stem in stems:
        for suffix in SUFFIXES:
            path = stem.with_name(f"{stem.name}{suffix}")
            if path.is_file():
                return path
    others = ", ".join(sorted(path.name for path in folder.glob("*") if path.suffix in SUFFIXES)) or "no others"
    name = f"{folder_name}-{modality if modality in PUBLISHED else PUBLISHED[0]}.pth"
    raise FileNotFoundError(
        f"There are no {modality} features of {folder_name} in {folder}, but {others}. "
        f"The published ones, {' and '.join(PUBLISHED)}, have to be downloaded by hand: get {name} from the Google "
        f"Drive that the README of https://github.com/{repository} links to, and put it there. Features of your own "
        f"can be there, too, as {' or '.join(modality + suffix for suffix in SUFFIXES)}, or anywhere else, if path= "
        f"says where."
    )
