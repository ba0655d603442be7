"""Tests for what all published datasets have in common, with a small one."""

import logging
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.datasets import get_dataset
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_dhns.datasets import PublishedDataset

from .conftest import Server
from .small import ENTITIES, FILES, NUM_ENTITIES, NUM_RELATIONS, RELATIONS, TRIPLES, Small, Unverified, write_files
from .test_features import check, write_features


def as_list(factory: CoreTriplesFactory | None) -> list[tuple[int, ...]]:
    """Get the triples of a factory."""
    assert factory is not None
    return [tuple(triple) for triple in factory.mapped_triples.tolist()]


def check_published(dataset: PublishedDataset) -> None:
    """Check that a dataset is what is in the files."""
    for split, factory in (("train", dataset.training), ("valid", dataset.validation), ("test", dataset.testing)):
        assert isinstance(factory, TriplesFactory)
        assert as_list(factory) == TRIPLES[split]
        assert factory.entity_to_id == {label: i for i, label in enumerate(ENTITIES)}
        assert factory.relation_to_id == {label: i for i, label in enumerate(RELATIONS)}
        assert (factory.num_entities, factory.real_num_relations) == (NUM_ENTITIES, NUM_RELATIONS)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Return a folder with the dataset."""
    return write_files(tmp_path / "data" / Small.folder_name)


def test_triples(folder: Path) -> None:
    """Triples and labels are those of the files, and nothing is read before it is needed."""
    dataset = Small(cache_root=str(folder))
    assert not dataset._loaded
    check_published(dataset)
    h, r, t = TRIPLES["train"][0]
    assert dataset.training.label_triples(dataset.training.mapped_triples[:1]).tolist() == [
        [ENTITIES[h], RELATIONS[r], ENTITIES[t]]
    ]


def test_eager(folder: Path) -> None:
    """All files can be read at once."""
    dataset = Small(cache_root=folder, eager=True)
    assert dataset._loaded
    assert dataset._loaded_validation
    for path in folder.iterdir():
        path.unlink()
    check_published(dataset)


def test_places(folder: Path, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files come from the argument's folder, or the variable's, or from the cache, to which they are downloaded."""
    monkeypatch.chdir(folder.parent)
    assert Small(cache_root=Small.folder_name).cache_root == folder
    monkeypatch.setenv("PYKEEN_DHNS_DATA", str(folder.parent))
    assert Small(cache_root="elsewhere").cache_root == folder.parent / "elsewhere"
    check_published(Small())
    assert Small().cache_root == folder
    assert server.paths == []
    # as if it were not set
    monkeypatch.setenv("PYKEEN_DHNS_DATA", "")
    dataset = Small()
    assert dataset.cache_root == home / "small"
    check_published(dataset)
    assert sorted(server.paths) == sorted(f"/benchmarks/SMALL-1/{name}" for name in FILES)
    check_published(Small())
    assert len(server.paths) == len(FILES)


def test_missing_files_are_downloaded(folder: Path, server: Server) -> None:
    """What the user's folder lacks is downloaded to there."""
    (folder / "test2id.txt").unlink()
    check_published(Small(cache_root=folder))
    assert server.paths == ["/benchmarks/SMALL-1/test2id.txt"]
    assert (folder / "test2id.txt").read_bytes() == FILES["test2id.txt"]


def test_offline(tmp_path: Path) -> None:
    """Without files and network, it is said which files to put where."""
    dataset = Small(cache_root=tmp_path / "nothing")
    with pytest.raises(FileNotFoundError) as info:
        dataset.training  # noqa: B018
    message = str(info.value)
    for part in (*FILES, f"into {tmp_path / 'nothing'}", "benchmarks/SMALL-1 of https://github.com/ngl567/DHNS"):
        assert part in message
    assert message.startswith("http://127.0.0.1:9/SMALL-1/entity2id.txt could not be downloaded to")
    # the name may be a mistake
    assert not (tmp_path / "nothing").exists()
    assert "pass their folder as cache_root, or set PYKEEN_DHNS_DATA to the folder with SMALL-1" in message


def test_malformed_file(folder: Path) -> None:
    """What is wrong with a file is an error with file and line, where there is no hash to compare with."""
    check_published(Unverified(cache_root=folder))
    for name, content, message in (
        ("train", b"2\n0 1 2\n0 1\n", "train2id.txt, line 3: b'0 1' must be"),
        ("train", b"1\n20 1 2\n", "train2id.txt, line 2: b'20 1 2' must be"),
        ("test", b"1\n0 1 3\n", "test2id.txt, line 2: b'0 1 3' must be"),
        ("valid", b"x\n0 1 2\n", "valid2id.txt, line 1: b'x' must be"),
        ("entity", b"2\na 0\na 1\n", "entity2id.txt, line 3: b'a 1' must be"),
        ("relation", b"3\na 0\nb 1\n", "relation2id.txt, line 1: b'3' must be"),
    ):
        write_files(folder, **{name: content})
        with pytest.raises(ValueError, match=re.escape(f"{folder / message}")):
            Unverified(cache_root=folder).validation  # noqa: B018


def test_held_out(folder: Path) -> None:
    """Held out triples are a share of training, disjoint from everything else, and determined by the seed."""
    (folder / "valid2id.txt").unlink()
    before = torch.get_rng_state()
    arguments: dict[str, Any] = dict(cache_root=folder, validation="held-out")
    first, same, other = (Small(random_state=seed, **arguments) for seed in (1, 1, 2))
    training, validation = as_list(first.training), as_list(first.validation)
    assert len(validation) == len(TRIPLES["train"]) // 10
    assert sorted(training + validation) == sorted(TRIPLES["train"])
    assert as_list(first.testing) == TRIPLES["test"]
    assert not set(validation) & {*training, *TRIPLES["test"]}
    for columns in ([0, 2], [1]):
        assert {t[i] for t in training for i in columns} == {t[i] for t in TRIPLES["train"] for i in columns}
    assert first == same
    assert as_list(other.validation) != validation
    assert torch.equal(before, torch.get_rng_state())
    assert isinstance(first.validation, TriplesFactory)
    assert first.validation.entity_to_id == first.training.entity_to_id


def test_held_out_eagerly(folder: Path) -> None:
    """Reading all files at once does not read the published validation triples."""
    lazy, eager = (Small(cache_root=folder, validation="held-out", eager=eager) for eager in (False, True))
    assert lazy == eager


@pytest.mark.parametrize("validation", ["published", "held-out"])
def test_inverse_triples(validation: Any, folder: Path) -> None:
    """Inverse triples are made for training only."""
    dataset = Small(cache_root=folder, validation=validation, create_inverse_triples=True)
    assert dataset.create_inverse_triples
    assert dataset.num_relations == 2 * NUM_RELATIONS
    plain = Small(cache_root=folder, validation=validation)
    for ours, expected in ((dataset.validation, plain.validation), (dataset.testing, plain.testing)):
        assert ours == expected
    assert as_list(dataset.training) == as_list(plain.training)


def test_summary(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """PyKEEN's summary and representation work."""
    dataset = Small(cache_root=folder)
    dataset.summarize(show_examples=1)
    output = capsys.readouterr().out
    for name, split in (("Training", "train"), ("Testing", "test"), ("Validation", "valid")):
        assert re.search(rf"^{name} +{NUM_ENTITIES} +{NUM_RELATIONS} +{len(TRIPLES[split])}$", output, re.MULTILINE)
    assert ENTITIES[TRIPLES["train"][0][0]] in output
    assert repr(dataset) == (
        "Small(num_entities=20, num_relations=3, create_inverse_triples=False, validation='published')"
    )


@pytest.mark.usefixtures("small")
def test_cache(folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyKEEN's cache gives the same dataset, of the same class, with features, and with nothing but what it cached."""
    monkeypatch.setenv("PYKEEN_DHNS_DATA", str(folder.parent))
    write_features(folder / "textual.npy")
    first = get_dataset(dataset="small")
    for name in FILES:
        (folder / name).unlink()
    second = get_dataset(dataset="small")
    assert isinstance(first, Small)
    assert isinstance(second, Small)
    check_published(second)
    assert first == second
    assert second.get_normalized_name() == first.get_normalized_name() == "small"
    assert second.metadata == dict(first.metadata or {}, name="small")
    assert second.validation_split == "published"
    check(second.features("textual"))
    # the features may have moved in the meantime
    monkeypatch.setenv("PYKEEN_DHNS_DATA", str(folder.rename(folder.parents[1] / Small.folder_name).parent))
    third = get_dataset(dataset=Small)
    assert isinstance(third, Small)
    check(third.features("textual"))
    assert len(list((home / "small" / "cache").iterdir())) == 1
    inverse = get_dataset(dataset="small", dataset_kwargs=dict(create_inverse_triples=True))
    assert inverse.num_relations == 2 * NUM_RELATIONS
    assert as_list(inverse.training) == TRIPLES["train"]


@pytest.mark.usefixtures("small")
def test_cache_tells_arguments_apart(folder: Path, home: Path) -> None:
    """What determines a dataset determines its place in PyKEEN's cache, and comes back from there."""
    write_features(folder / "textual.npy")
    for _ in range(2):
        for i, seed in enumerate((1, 2), start=1):
            arguments: dict[str, Any] = dict(cache_root=str(folder), validation="held-out", random_state=seed)
            dataset = get_dataset(dataset="small", dataset_kwargs=arguments)
            assert isinstance(dataset, Small)
            assert dataset == Small(**arguments)
            assert (dataset.validation_split, dataset.random_state) == ("held-out", seed)
            assert dataset.cache_root == folder
            check(dataset.features("textual"))
            assert len(list((home / "small" / "cache").iterdir())) >= i
    check_published(get_dataset(dataset="small", dataset_kwargs=dict(cache_root=str(folder))))  # type: ignore[arg-type]
    assert len(list((home / "small" / "cache").iterdir())) == 3


def test_cache_without_metadata(folder: Path, tmp_path: Path) -> None:
    """A directory that something else has written can be read, too."""
    Small(cache_root=folder).to_directory_binary(tmp_path / "cached")
    (tmp_path / "cached" / Small.metadata_file_name).unlink()
    dataset = Small.from_directory_binary(tmp_path / "cached")
    check_published(dataset)
    with pytest.raises(NotADirectoryError):
        Small.from_directory_binary(tmp_path / "nothing")


@pytest.mark.usefixtures("small")
def test_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each dataset with unfit validation triples warns once, also one from PyKEEN's cache, and others do not."""
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        caplog.clear()
        dataset = get_dataset(dataset="small", dataset_kwargs=dict(cache_root=os.fspath(folder)))
        check_published(dataset)  # type: ignore[arg-type]
        assert [(r.levelname, r.getMessage()) for r in caplog.records] == [("WARNING", Small.validation_warning)]
    caplog.clear()
    get_dataset(dataset="small", dataset_kwargs=dict(cache_root=os.fspath(folder), validation="held-out"))
    assert caplog.records == []


def test_no_place_to_download_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset of one's own is not looked for where others are published. It may do without validation triples."""

    class Mine(PublishedDataset):
        """A dataset of one's own."""

        folder_name = "Mine"

    monkeypatch.setattr("requests.get", None)
    check_published(Mine(cache_root=folder))
    (folder / "valid2id.txt").unlink()
    assert Mine(cache_root=folder, validation="held-out").validation is not None
    message = f"There is no {folder / 'valid2id.txt'}. Mine needs {', '.join(FILES)}. Only with validation='held-out'"
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        Mine(cache_root=folder).validation  # noqa: B018
    with pytest.raises(FileNotFoundError, match=r"but no others\. Features of your own can be there"):
        Mine(cache_root=folder).features("textual")


def test_held_out_is_impossible(tmp_path: Path) -> None:
    """Where nothing can be held out, this is said."""
    folder = write_files(tmp_path, train=b"2\n0 1 0\n2 3 1\n")
    with pytest.raises(ValueError, match=r"^validation='held-out' is not possible: .* the 2 triples in .*train2id.txt"):
        Unverified(cache_root=folder, validation="held-out").training  # noqa: B018


def test_integers_of_numpy(folder: Path) -> None:
    """A seed may be an integer of another type, and is recorded as one of Python's."""
    arguments: dict[str, Any] = dict(cache_root=folder, validation="held-out")
    dataset = Small(random_state=np.int64(3), **arguments)  # type: ignore[arg-type]
    assert dataset == Small(random_state=3, **arguments)
    assert type(dataset.random_state) is int
