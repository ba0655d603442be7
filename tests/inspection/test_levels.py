"""Test the script that draws the levels of a run."""

from pathlib import Path

import numpy as np
import pytest
import torch

from .runs import Planted
from ..test_documentation import load_benchmark


def test_example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The triple's nearest entities are no known answers, and their scores rise from each level to the next."""
    levels, source = load_benchmark("levels", monkeypatch), Planted()
    # all entities have the first modality
    source.embeddings[0, source.without] = torch.randn(64)
    source.without = -1
    example = levels.find_example(source, seed=0)
    assert example["levels"] == ["t = 10 of 10", "t = 5 of 10", "t = 1 of 10"]
    answers = {source.entities[i] for i in example["answers"].nonzero()[0]}
    assert example["triple"][2] in answers
    assert not answers.intersection(*example["nearest"])
    # the planted model scores entities by their IDs
    ids = [[source.entities.index(name) for name in names] for names in example["nearest"]]
    assert example["scores"] == pytest.approx([np.mean(level) for level in ids])
    assert example["scores"] == sorted(set(example["scores"]))
    assert example["score"] == source.entities.index(example["triple"][2])
    assert 0 < example["rises_at_each"] < example["rises"] < 1
    assert example["entities"].shape == (14, 2)
    assert example["samples"].shape == (3, 2)
    levels.plot_negatives(example, "Planted", tmp_path / "negatives.png")
    assert (tmp_path / "negatives.png").stat().st_size > 10_000
