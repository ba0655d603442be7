"""The graphs on which the benchmarks run."""

import os
from pathlib import Path

import torch
from pykeen.datasets import Dataset, get_dataset
from pykeen.datasets.base import EagerDataset
from pykeen.triples import CoreTriplesFactory

#: Folders that hold DB15K, MKG-W and MKG-Y in their published layout
DATA = Path(os.environ.get("PYKEEN_DHNS_DATA", Path(__file__).parents[2] / "shared" / "data"))


def read_triples(path: Path) -> torch.Tensor:
    """Read a file with a count line, then a line with head, tail, and relation (in this order) per triple.

    :param path: the file

    :returns: shape: (num_triples, 3) the triples, as head, relation, and tail

    :raises ValueError: if the number of triples is not what the first line says
    """
    count, *lines = path.read_text(encoding="utf8").splitlines()
    triples = torch.as_tensor([[int(i) for i in line.split()] for line in lines])
    if len(triples) != int(count):
        raise ValueError(f"{path}: the first line says {count} triples, but there are {len(triples)}.")
    return triples[:, [0, 2, 1]]


def load_published(folder: Path) -> Dataset:
    """Load a dataset in its published layout.

    :param folder: the folder with its files

    :returns: the dataset
    """
    num_entities, num_relations = (
        int((folder / name).read_text(encoding="utf8").split(maxsplit=1)[0])
        for name in ("entity2id.txt", "relation2id.txt")
    )
    training, testing, validation = (
        CoreTriplesFactory(
            mapped_triples=read_triples(folder / f"{split}2id.txt"),
            num_entities=num_entities,
            num_relations=num_relations,
        )
        for split in ("train", "test", "valid")
    )
    return EagerDataset(training=training, testing=testing, validation=validation)


def load_graph(name: str) -> Dataset:
    """Load a graph: one of PyKEEN's, or one whose folder is below ``PYKEEN_DHNS_DATA``.

    :param name: the name of a dataset in PyKEEN, or of a folder

    :returns: the dataset
    """
    folder = DATA / name
    return load_published(folder) if folder.is_dir() else get_dataset(dataset=name)
