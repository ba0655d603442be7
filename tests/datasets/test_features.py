"""Tests for the features of datasets."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from pykeen.pipeline import pipeline

from .small import NUM_ENTITIES, Small, write_files

#: Features. The entity before the last one has none.
FEATURES = np.random.default_rng(0).normal(size=(NUM_ENTITIES, 4)).astype(np.float32)
FEATURES[-2] = np.nan


def write_features(path: Path, factor: float = 1.0) -> None:
    """Write features, multiplied by some factor to tell one file from the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = factor * FEATURES
    if path.suffix == ".npy":
        np.save(path, array.astype(np.float16) if factor == 1.0 else array)
    elif path.suffix == ".safetensors":
        pytest.importorskip("safetensors.torch").save_file(dict(x=torch.from_numpy(array)), path)
    else:
        torch.save(torch.from_numpy(array), path)


def check(features: torch.Tensor, factor: float = 1.0) -> None:
    """Check what was loaded."""
    assert features.dtype == torch.float32
    np.testing.assert_allclose(features.numpy(), factor * FEATURES, rtol=1e-3)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Return the folder with the dataset in a checkout of the published project."""
    return write_files(tmp_path / "checkout" / "benchmarks" / Small.folder_name)


@pytest.mark.parametrize(
    "name",
    [
        "SMALL-1-textual.pth",
        "SMALL-1-textual.pt",
        "SMALL-1-textual.npy",
        "SMALL-1-textual.safetensors",
        "textual.pth",
        "textual.pt",
        "textual.npy",
        "textual.safetensors",
        "../../embeddings/SMALL-1-textual.pth",
    ],
)
def test_files(name: str, folder: Path) -> None:
    """Features are found by their name, published or not, and come with the rows that are missing."""
    write_features(folder / name)
    write_features(folder / "visual.npy", factor=2.0)
    dataset = Small(cache_root=folder)
    assert dataset.features_path("textual").samefile(folder / name)
    check(dataset.features("textual"))
    check(dataset.features("visual"), factor=2.0)


def test_precedence(folder: Path) -> None:
    """The published features come before others, wherever they are, unless a file is given."""
    published = ["SMALL-1-visual.pth", "SMALL-1-visual.npy", "../../embeddings/SMALL-1-visual.pth"]
    names = [*published, "visual.pt", "visual.npy"]
    for factor, name in enumerate(names, start=2):
        write_features(folder / name, factor=factor)
    dataset = Small(cache_root=folder)
    for factor, name in enumerate(names, start=2):
        check(dataset.features("visual"), factor=factor)
        check(dataset.features("whatever", path=str(folder / names[-1])), factor=len(names) + 1)
        (folder / name).unlink()


def test_missing(folder: Path) -> None:
    """Without features, it is said where to get them, and where to put them."""
    with pytest.raises(FileNotFoundError) as info:
        Small(cache_root=folder).features("textual")
    message = str(info.value)
    assert message.startswith(f"There are no textual features of SMALL-1 in {folder}, but no others.")
    assert (
        "get, e.g., SMALL-1-textual.pth from the Google Drive that the README of https://github.com/ngl567/DHNS"
        in message
    )
    assert "textual.pth or textual.pt or textual.npy or textual.safetensors" in message
    with pytest.raises(FileNotFoundError, match=r"elsewhere\.npy"):
        Small(cache_root=folder).features("textual", path="elsewhere.npy")
    # others that are there, and no download of what is not published
    write_features(folder / "textual.npy")
    with pytest.raises(FileNotFoundError, match=r"no audio features .*, but textual\.npy\..* SMALL-1-textual\.pth"):
        Small(cache_root=folder).features("audio")


@pytest.mark.parametrize("num_rows", [NUM_ENTITIES - 1, NUM_ENTITIES + 1])
def test_bad_number_of_rows(num_rows: int, folder: Path) -> None:
    """There must be a row for each entity."""
    path = folder / "textual.npy"
    np.save(path, np.ones((num_rows, 2)))
    with pytest.raises(
        ValueError, match=rf"'{re.escape(str(path))}' has {num_rows} rows, but there are {NUM_ENTITIES}"
    ):
        Small(cache_root=folder).features("textual")


def test_model(folder: Path) -> None:
    """A model can be trained with them, given as a tensor or a file, to the same result."""
    write_features(folder / "textual.pt")
    dataset = Small(cache_root=folder, validation="held-out")
    losses = [
        pipeline(
            dataset=dataset,
            model="multimodal",
            model_kwargs=dict(interaction="distmult", embedding_dim=4, modalities=dict(textual=source)),
            random_seed=0,
            device="cpu",
            training_kwargs=dict(num_epochs=1, use_tqdm=False),
            evaluation_kwargs=dict(use_tqdm=False),
        ).losses
        for source in (dataset.features("textual"), str(dataset.features_path("textual")))
    ]
    assert losses[0] == losses[1]
    assert np.isfinite(losses[0]).all()
