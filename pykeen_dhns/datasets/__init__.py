"""Datasets with multimodal entities: their triples, and their features where these are."""

from pykeen.datasets import dataset_resolver

from .base import PublishedDataset
from .published import DB15K, MKGW, MKGY

__all__ = ["DB15K", "MKGW", "MKGY", "PublishedDataset"]

# PyKEEN looks for further datasets when its own resolver is there, in the last lines of its module
for _cls in (DB15K, MKGW, MKGY):
    if _cls not in dataset_resolver.lookup_dict.values():
        dataset_resolver.register(_cls)
