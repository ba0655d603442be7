"""What all tests share."""

import os
from pathlib import Path

import pytest
import torch

# more than one thread per process only slows such small tensors down
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Make each test independent of those before it."""
    torch.manual_seed(0)


@pytest.fixture(name="published")
def _published() -> Path:
    """Return the folder with the published datasets, or skip."""
    folder = Path(os.environ.get("PYKEEN_DHNS_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.joinpath("MKG-Y", "train2id.txt").is_file():
        pytest.skip(f"The published datasets are not in {folder}. Set PYKEEN_DHNS_DATA to where they are.")
    return folder
