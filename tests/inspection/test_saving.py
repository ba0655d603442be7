"""Test that a saved run can be inspected."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from typing_extensions import override

from pykeen_dhns import inspect_directory, inspect_result, save_result
from pykeen_dhns.diffusion.schedule import cosine
from pykeen_dhns.inspection import load_sources
from pykeen_dhns.inspection.saving import FILE_NAME
from pykeen_dhns.sampling.selection import Selection

from .runs import run, run_with_sampler


class Furthest(Selection):
    """Choose what is least similar."""

    @override
    def choose(self, similarity: Tensor, admissible: Tensor) -> Tensor:
        return similarity.argmin(dim=-1)


@pytest.mark.parametrize(
    "arguments",
    [
        dict(),
        dict(training_loop_kwargs=dict(generator="noise", levels=[0.1, 1.0])),
        dict(training_loop_kwargs=dict(schedule=lambda n: torch.linspace(0.01, 0.9, n, dtype=torch.float64))),
        # its condition is learned
        dict(model="MuRE", training_loop_kwargs=dict(hidden_dim=8, num_layers=1)),
        dict(dataset_kwargs=dict(create_inverse_triples=True), loss="dhns"),
        # as in a search for hyperparameters
        dict(training_kwargs=dict(num_epochs=1, num_timesteps=30, num_layers=1)),
    ],
)
def test_loop(arguments: dict[str, Any], tmp_path: Path) -> None:
    """What a training loop generates is the same after loading."""
    result = run(training_loop="dhns", **arguments)
    save_result(result, tmp_path)
    expected = inspect_result(result).to_markdown()
    assert inspect_directory(tmp_path).to_markdown() == expected


@pytest.mark.parametrize(
    "arguments",
    [
        dict(),
        dict(generator="query", hard_fraction=1.0, embedding_dim=8, num_candidates=8),
        dict(selection=Furthest(), guidance=np.float64(0.125), hard_fraction=0.5),
        dict(schedule=cosine, reverse="ddpm", num_timesteps=20, levels=[0.5], generator="noise"),
    ],
)
def test_sampler(arguments: dict[str, Any], tmp_path: Path) -> None:
    """What a sampler generates is the same after loading, and so are the entities that become negatives."""
    kwargs = dict(num_negs_per_pos=8, **arguments)
    result, sampler = run_with_sampler(negative_sampler_kwargs=kwargs, dataset_kwargs=dict(create_inverse_triples=True))
    save_result(result, tmp_path, sampler=sampler)
    expected = inspect_result(result, sampler=sampler).to_markdown()
    assert inspect_directory(tmp_path).to_markdown() == expected


def test_both(tmp_path: Path) -> None:
    """A loop whose sampler generates, too, has two parts."""
    kwargs = dict(hard_fraction=0.5, num_negs_per_pos=8)
    result, sampler = run_with_sampler(training_loop="dhns", negative_sampler_kwargs=kwargs)
    save_result(result, tmp_path / "both", sampler=sampler)
    assert inspect_directory(tmp_path / "both").source.title == "the training loop's generator"
    assert inspect_directory(tmp_path / "both", part="sampler").source.title == "the sampler's generator"
    save_result(result, tmp_path / "loop")
    assert load_sources(tmp_path / "loop").keys() == {"loop"}
    with pytest.raises(ValueError, match=r"has no part 'sampler'. Try one of: \['loop'\]"):
        inspect_directory(tmp_path / "loop", part="sampler")


def test_missing(tmp_path: Path) -> None:
    """The error names the missing file, and what writes it."""
    save_result(run(training_loop="dhns"), tmp_path / "run")
    for name, hint in (
        ("trained_model.pkl", "save_replicates=False"),
        ("training_triples", "pykeen experiments does not"),
        (FILE_NAME, "pykeen-dhns train, or pykeen_dhns.save_result"),
    ):
        shutil.copytree(tmp_path / "run", tmp_path / name)
        path = tmp_path / name / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        with pytest.raises(FileNotFoundError, match=f"There is no .*{name}: .*{hint}"):
            inspect_directory(tmp_path / name)


def test_nothing_generated(tmp_path: Path) -> None:
    """If nothing was generated, the rest is saved, and no generator of an earlier run stays."""
    (tmp_path / FILE_NAME).touch()
    save_result(run(), tmp_path)
    assert not (tmp_path / FILE_NAME).exists()
    assert (tmp_path / "trained_model.pkl").exists()
