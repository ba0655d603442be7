"""A small dataset in the published layout, for tests without the real ones."""

import hashlib
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from pykeen_dhns.datasets import PublishedDataset

NUM_ENTITIES, NUM_RELATIONS = 20, 3

#: What it holds, as head, relation, and tail. Entity 19 does not occur in training, as in the real ones.
TRIPLES: Mapping[str, list[tuple[int, int, int]]] = {
    split: [(h, r, t) for i, (h, r, t) in enumerate(sorted(triples)) if i % 10 in parts]
    for triples in [
        random.Random(0).sample(  # noqa: S311
            [(h, r, t) for h in range(19) for r in range(NUM_RELATIONS) for t in range(19)], k=200
        )
    ]
    for split, parts in {"train": range(8), "valid": [8], "test": [9]}.items()
}

#: Labels. The first ones are easily damaged.
ENTITIES = ['<a "quoted" one>', "Jūrmala", "two words", *(f"entity {i}" for i in range(3, NUM_ENTITIES))]
RELATIONS = ["plays_for", "http://example.org/is#in", "r"]


def count_and_lines(lines: Iterable[str]) -> bytes:
    """Write a file: the number of lines, then the lines."""
    lines = list(lines)
    return "\n".join([str(len(lines)), *lines, ""]).encode("utf8")


#: The files, by name
FILES: Mapping[str, bytes] = {
    "entity2id.txt": count_and_lines(f"{label} {i}" for i, label in enumerate(ENTITIES)),
    "relation2id.txt": count_and_lines(f"{label} {i}" for i, label in enumerate(RELATIONS)),
    **{f"{split}2id.txt": count_and_lines(f"{h} {t} {r}" for h, r, t in triples) for split, triples in TRIPLES.items()},
}


class Small(PublishedDataset):
    """The dataset, without a place to download it from."""

    folder_name = "SMALL-1"
    sha256: ClassVar[Mapping[str, str]] = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    base_url = "http://127.0.0.1:9"  # where nothing listens
    validation_warning = "Its validation set is not what it seems."


class Unverified(Small):
    """The same without hashes, as somebody might define it for data of their own."""

    sha256: ClassVar[Mapping[str, str]] = {}


def write_files(folder: Path, **contents: bytes) -> Path:
    """Write the files into a folder.

    :param folder: the folder
    :param contents: files with other contents, by the part of their name before the 2

    :returns: the folder
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(contents.get(name.split("2", maxsplit=1)[0], content))
    return folder
