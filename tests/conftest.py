"""What all tests share."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest
import torch

# more than one thread per process only slows such small tensors down
torch.set_num_threads(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Distribute files with slow tests first, so that no process has to wait for another at the end."""
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if "slow" in item.keywords}
        items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Make each test independent of those before it."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _freeze() -> None:
    """Keep what was imported out of PyKEEN's garbage collections.

    PyKEEN collects garbage in each epoch, which takes most of the time of epochs as short as those of tests.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(name="textual")
def _textual(tmp_path: Path) -> str:
    """Return the path of features of Nations, which some entities lack."""
    features = np.random.default_rng(0).normal(size=(14, 5)).astype(np.float16)
    features[[2, 3]] = np.nan
    path = tmp_path.joinpath("textual.npy")
    np.save(path, features)
    return str(path)


@pytest.fixture(name="published")
def _published() -> Path:
    """Return the folder with the published datasets, or skip."""
    folder = Path(os.environ.get("PYKEEN_DHNS_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.joinpath("MKG-Y", "train2id.txt").is_file():
        pytest.skip(f"The published datasets are not in {folder}. Set PYKEEN_DHNS_DATA to where they are.")
    return folder
