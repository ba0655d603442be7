"""Test that a run can be looked at when its process is gone."""

import re
import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from pykeen_dhns import DHNSNegativeSampler, inspect_directory, inspect_result, save_result
from pykeen_dhns.diffusion.schedule import cosine
from pykeen_dhns.inspection import KeepSampler, load_run
from pykeen_dhns.inspection.saving import FILE_NAME
from pykeen_dhns.sampling.selection import NearestSelection, Selection

from .runs import run


def steep(num_timesteps: int) -> Tensor:
    """Make a noise schedule that has no name."""
    return torch.linspace(0.01, 0.9, num_timesteps, dtype=torch.float64)


@pytest.mark.parametrize(
    "arguments",
    [
        dict(),
        dict(training_loop_kwargs=dict(generator="noise", levels=[0.1, 1.0])),
        dict(training_loop_kwargs=dict(schedule=steep, reverse="ddpm", prediction="noise", num_timesteps=10)),
        # whose condition is learned
        dict(model="MuRE", training_loop_kwargs=dict(hidden_dim=8, num_layers=1)),
        dict(dataset_kwargs=dict(create_inverse_triples=True), loss="dhns"),
        # which search passes to train, instead of to the loop
        dict(training_kwargs=dict(num_epochs=1, num_timesteps=30, num_layers=1)),
        # numbers of NumPy, whose type cannot be loaded
        dict(training_loop_kwargs=dict(num_timesteps=np.int64(20), learning_rate=np.float64(0.01))),
    ],
)
def test_loop(arguments: dict[str, Any], tmp_path: Path) -> None:
    """What a training loop generates is the same after loading."""
    result = run(training_loop="dhns", **arguments)
    save_result(result, tmp_path)
    expected = inspect_result(result).to_markdown()
    assert inspect_directory(tmp_path).to_markdown() == expected
    assert inspect_directory(tmp_path, seed=1).to_markdown() != expected


class Furthest(Selection):
    """Choose what is least similar."""

    def __init__(self, weights: Any = None) -> None:
        """Initialize the strategy."""
        self.weights = weights

    def choose(self, similarity: Tensor, admissible: Tensor) -> Tensor:
        """Choose."""
        return similarity.argmin(dim=-1)


class Forgetful(NearestSelection):
    """Does not keep its argument."""

    def __init__(self, size: int = 1) -> None:
        """Initialize the strategy."""


@pytest.mark.parametrize(
    "arguments",
    [
        dict(),
        dict(selection="band", selection_kwargs=dict(low=0.5, high=1.0)),
        dict(generator="shadow", hard_fraction=1.0, embedding_dim=8, num_candidates=8),
        dict(guidance=0.125, hard_fraction=0.5),
        dict(guidance=np.float64(0.125), num_timesteps=np.int64(20), num_candidates=np.int64(9)),
        dict(selection="band", selection_kwargs=dict(low=np.float64(0.5), high=np.float64(1.0))),
        dict(schedule=cosine, reverse="ddpm", num_timesteps=20, levels=[0.5], generator="noise"),
    ],
)
def test_sampler(arguments: dict[str, Any], tmp_path: Path) -> None:
    """What a sampler generates is the same after loading, and so are the negatives that it chooses."""
    keeper = KeepSampler()
    kwargs = dict(num_negs_per_pos=8, **arguments)
    result = run(
        negative_sampler="dhns",
        negative_sampler_kwargs=kwargs,
        training_kwargs=dict(num_epochs=1, callbacks=keeper),
        dataset_kwargs=dict(create_inverse_triples=True),
    )
    save_result(result, tmp_path, sampler=keeper.sampler)
    expected = inspect_result(result, sampler=keeper.sampler).to_markdown()
    assert inspect_directory(tmp_path).to_markdown() == expected
    sampler = load_run(tmp_path).sampler
    assert sampler is not None
    generator, original = (cast(DHNSNegativeSampler, x).entity_generator for x in (sampler, keeper.sampler))
    assert vars(generator.selection) == vars(original.selection)
    assert generator.guidance == original.guidance


def test_both(tmp_path: Path) -> None:
    """A loop with a sampler that generates, too, has two parts."""
    keeper = KeepSampler()
    kwargs = dict(training_loop="dhns", negative_sampler_kwargs=dict(hard_fraction=0.5, num_negs_per_pos=8))
    result = run(**kwargs, training_kwargs=dict(num_epochs=1, callbacks=keeper))
    save_result(result, tmp_path, sampler=keeper.sampler)
    assert inspect_directory(tmp_path).title == "the training loop's generator"
    assert inspect_directory(tmp_path, part="loop").title == "the training loop's generator"
    assert inspect_directory(tmp_path, part="sampler").title == "the sampler's generator"
    save_result(result, tmp_path / "loop")
    with pytest.raises(ValueError, match="has no part 'sampler', but 'loop'"):
        inspect_directory(tmp_path / "loop", part="sampler")


def test_no_code(tmp_path: Path) -> None:
    """What this package saves holds no code, also after all kinds of arguments."""
    save_result(run(training_loop="dhns", training_loop_kwargs=dict(schedule=steep)), tmp_path)
    content = torch.load(tmp_path / FILE_NAME, weights_only=True)
    assert content["version"] == 1
    assert content["loop"]["state"]
    content["version"] = 2
    torch.save(content, tmp_path / FILE_NAME)
    with pytest.raises(ValueError, match="is of version 2, this package reads 1"):
        load_run(tmp_path)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Forgetful(), "Forgetful cannot be saved: its arguments must be attributes of it"),
        (Furthest(weights=[1, 2]), "Furthest cannot be saved: its arguments {'weights': [1, 2]} are no numbers"),
    ],
)
def test_unsavable(selection: Selection, message: str, tmp_path: Path) -> None:
    """What only Python code can make is not saved. The model is saved all the same."""
    keeper = KeepSampler()
    result = run(
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(selection=selection),
        training_kwargs=dict(num_epochs=1, callbacks=keeper),
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        save_result(result, tmp_path, sampler=keeper.sampler)
    assert {path.name for path in tmp_path.iterdir()} > {"trained_model.pkl", "results.json"}


def test_missing(tmp_path: Path) -> None:
    """What is missing is named, and where it would have come from."""
    result = run(training_loop="dhns")
    save_result(result, tmp_path / "run")
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
    """Where nothing is generated, there is nothing to save, but the rest is saved."""
    save_result(run(), tmp_path)
    assert not (tmp_path / FILE_NAME).exists()
    assert (tmp_path / "trained_model.pkl").exists()
