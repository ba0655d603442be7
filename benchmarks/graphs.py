"""The graphs on which the benchmarks run."""

import os
from pathlib import Path

from pykeen.datasets import Dataset, dataset_resolver, get_dataset

#: Folders that hold DB15K, MKG-W and MKG-Y in their published layout
DATA = Path(os.environ.get("PYKEEN_DHNS_DATA", Path(__file__).parents[2] / "shared" / "data"))


def load_graph(name: str) -> Dataset:
    """Load a graph: one of PyKEEN's, or one whose folder is below ``PYKEEN_DHNS_DATA``.

    :param name: the name of a dataset in PyKEEN, or of a folder

    :returns: the dataset
    """
    folder = DATA / name
    return dataset_resolver.make(name, cache_root=folder) if folder.is_dir() else get_dataset(dataset=name)
