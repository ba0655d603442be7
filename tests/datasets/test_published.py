"""Tests for the published datasets themselves, which are skipped where these are not at hand."""

import logging
import re
from pathlib import Path

import numpy as np
import pytest
from pykeen.datasets import dataset_resolver, get_dataset
from pykeen.triples import CoreTriplesFactory, TriplesFactory

import pykeen_dhns
from pykeen_dhns.datasets import DB15K, MKGW, MKGY, PublishedDataset
from pykeen_dhns.datasets.base import FILE_NAMES

DATASETS = [DB15K, MKGW, MKGY]
DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf8")


@pytest.mark.parametrize(
    ("cls", "name", "folder_name", "counts"),
    [
        (DB15K, "db15k", "DB15K", (12_842, 279, 79_222, 9_904, 9_902)),
        (MKGW, "mkgw", "MKG-W", (15_000, 169, 34_196, 4_276, 4_274)),
        (MKGY, "mkgy", "MKG-Y", (15_000, 28, 21_310, 2_665, 2_663)),
    ],
)
def test_description(cls: type[PublishedDataset], name: str, folder_name: str, counts: tuple[int, ...]) -> None:
    """The datasets are registered and described: size, origin, and hashes."""
    assert dataset_resolver.lookup(name) is cls
    assert dataset_resolver.normalize_cls(cls) == name
    assert getattr(pykeen_dhns, cls.__name__) is cls
    statistics = cls.docdata("statistics")
    keys = ("entities", "relations", "training", "validation", "testing")
    assert tuple(statistics[key] for key in keys) == counts
    assert statistics["triples"] == sum(counts[2:])
    assert cls.docdata("citation", "link").startswith("https://")
    assert cls.docdata("name") == folder_name
    assert cls.sha256.keys() == set(FILE_NAMES)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in cls.sha256.values())
    assert re.fullmatch("https://raw.githubusercontent.com/ngl567/DHNS/02d8de0[0-9a-f]{33}/benchmarks", cls.base_url)
    row = " | ".join([f"`{name}`", f"`{cls.__name__}`", *(f"{count:,}" for count in counts)])
    assert f"| {row} |" in DOCUMENTATION


def count_lines(path: Path) -> int:
    """Count the lines of a file, without the first one."""
    return path.read_bytes().count(b"\n") - 1


def as_set(factory: CoreTriplesFactory | None) -> set[tuple[int, ...]]:
    """Get the distinct triples of a factory."""
    assert factory is not None
    return {tuple(triple) for triple in factory.mapped_triples.tolist()}


@pytest.mark.parametrize("cls", DATASETS)
def test_data(cls: type[PublishedDataset], published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are those with the known hashes, and what is read is what the description says, and PyKEEN's cache."""
    monkeypatch.setenv("PYKEEN_DHNS_DATA", str(published))
    folder, statistics = published / cls.folder_name, cls.docdata("statistics")
    for dataset in (get_dataset(dataset=cls), get_dataset(dataset=cls)):
        assert isinstance(dataset, cls)
        assert dataset.cache_root == folder
        assert (dataset.num_entities, dataset.num_relations) == (statistics["entities"], statistics["relations"])
        for split, key, factory in (
            ("train", "training", dataset.training),
            ("valid", "validation", dataset.validation),
            ("test", "testing", dataset.testing),
        ):
            assert isinstance(factory, TriplesFactory)
            assert factory.num_triples == statistics[key] == count_lines(folder / f"{split}2id.txt")
            lines = (folder / f"{split}2id.txt").read_text(encoding="utf8").split("\n")
            for i in (0, factory.num_triples // 2, factory.num_triples - 1):
                head, relation, tail = factory.mapped_triples[i].tolist()
                assert lines[1 + i] == f"{head} {tail} {relation}"
        # no label is lost or changed, neither by us nor by PyKEEN's cache
        for kind, label_to_id in (("entity", dataset.entity_to_id), ("relation", dataset.relation_to_id)):
            lines = [f"{label} {i}" for label, i in label_to_id.items()]
            assert "\n".join([str(len(lines)), *lines, ""]).encode() == (folder / f"{kind}2id.txt").read_bytes()
        # MKG-W and MKG-Y are clean
        if cls is not DB15K:
            splits = [as_set(factory) for factory in (dataset.training, dataset.validation, dataset.testing)]
            assert len(set().union(*splits)) == statistics["triples"]


@pytest.mark.parametrize("cls", DATASETS)
def test_features(cls: type[PublishedDataset], published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features are loaded row by row, with those that are missing."""
    monkeypatch.setenv("PYKEEN_DHNS_DATA", str(published))
    path = published / cls.folder_name / "textual.npy"
    if not path.is_file():
        pytest.skip(f"{path} is no part of the published files, and not there.")
    dataset = cls(validation="held-out")
    assert dataset.features_path("textual") == path
    features = dataset.features("textual")
    assert features.shape == (dataset.num_entities, 384)
    np.testing.assert_array_equal(features.numpy(), np.load(path).astype(np.float32))


def test_published_validation(published: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The validation triples of DB15K are what the warning and the documentation say."""
    with caplog.at_level(logging.WARNING):
        dataset = DB15K(cache_root=published / "DB15K")
        training, validation, testing = (
            as_set(factory) for factory in (dataset.training, dataset.validation, dataset.testing)
        )
    assert not training & testing
    assert dataset.validation is not None
    lines = [tuple(triple) for triple in dataset.validation.mapped_triples.tolist()]
    in_training, in_testing = (sum(triple in other for triple in lines) for other in (training, testing))
    neither = validation - training - testing

    (warning,) = (record.getMessage() for record in caplog.records)
    assert (
        f"its training set by {in_training / len(lines):.0%} ({in_training:,} of {len(lines):,} validation"
        in warning.replace(" %", "%")
    )
    assert (
        f"its test set by {len(validation & testing) / len(testing):.0%} ({len(validation & testing):,} of "
        f"{len(testing):,} test"
    ) in warning.replace(" %", "%")

    for what, num_lines, distinct in (
        ("all", len(lines), validation),
        ("also in training", in_training, validation & training),
        ("also in test", in_testing, validation & testing),
        ("in neither", len(lines) - in_training - in_testing, neither),
    ):
        cells = [
            f"{n:,} ({n / total:.0%})".replace("%", " %")
            for n, total in ((num_lines, len(lines)), (len(distinct), len(validation)))
        ]
        assert f"| {what} | {' | '.join(cells)} |" in DOCUMENTATION


def test_held_out(published: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The held out triples of DB15K are disjoint from all others, and nothing is warned of."""
    with caplog.at_level(logging.WARNING):
        dataset, same, other = (
            DB15K(cache_root=published / "DB15K", validation="held-out", random_state=seed) for seed in (0, 0, 1)
        )
        training, validation, testing = (
            as_set(factory) for factory in (dataset.training, dataset.validation, dataset.testing)
        )
        statistics = DB15K.docdata("statistics")
        assert len(training | validation | testing) == statistics["training"] + statistics["testing"]
        assert len(training) + len(validation) == statistics["training"]
        # wherever its lines are wrapped
        documentation = " ".join(DOCUMENTATION.split())
        assert f"{len(training):,} for training, and {len(validation):,} for validation" in documentation
        assert len(testing) == dataset.testing.num_triples == statistics["testing"]
        assert dataset == same
        assert as_set(other.validation) != validation
        # nothing is known about less entities than before
        entities = {i for triple in training | validation for i in triple[::2]}
        assert {i for triple in training for i in triple[::2]} == entities
    assert caplog.records == []
