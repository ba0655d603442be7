"""Test that a saved run can be inspected."""

import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from typing_extensions import override

from pykeen_dhns import inspect_directory, inspect_result, save_result
from pykeen_dhns.diffusion.schedule import cosine
from pykeen_dhns.inspection import load_source
from pykeen_dhns.inspection.saving import GENERATORS
from pykeen_dhns.sampling.selection import Selection

from .runs import run, run_with_sampler


class Malicious:
    """Something that does more than it seems when it is loaded."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("This has been run.",)


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
    """A sampler is preferred to a loop that generates, too."""
    kwargs = dict(hard_fraction=0.5, num_negs_per_pos=8)
    result, sampler = run_with_sampler(training_loop="dhns", negative_sampler_kwargs=kwargs)
    save_result(result, tmp_path / "sampler", sampler=sampler)
    assert load_source(tmp_path / "sampler").title == "the sampler's generator"
    save_result(result, tmp_path / "loop")
    assert load_source(tmp_path / "loop").title == "the training loop's generator"


def test_missing(tmp_path: Path) -> None:
    """The error names the missing file, and what writes it."""
    save_result(run(training_loop="dhns"), tmp_path / "run")
    for name in ("trained_model.pkl", "training_triples", GENERATORS):
        shutil.copytree(tmp_path / "run", tmp_path / name)
        path = tmp_path / name / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        with pytest.raises(
            FileNotFoundError, match=f"There is no .*{name}. pykeen-dhns train, or pykeen_dhns.save_result"
        ):
            inspect_directory(tmp_path / name)


def test_nothing_generated(tmp_path: Path) -> None:
    """If nothing was generated, the rest is saved, and no generator of an earlier run stays."""
    (tmp_path / GENERATORS).touch()
    result = run()
    save_result(result, tmp_path)
    assert not (tmp_path / GENERATORS).exists()
    assert (tmp_path / "trained_model.pkl").exists()
    # nor if saving is interrupted
    (tmp_path / GENERATORS).touch()
    (tmp_path / "results.json").unlink()
    (tmp_path / "results.json").mkdir()
    with pytest.raises(IsADirectoryError):
        save_result(result, tmp_path)
    assert not (tmp_path / GENERATORS).exists()


@pytest.fixture(name="saved", scope="module")
def _saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a run."""
    folder = tmp_path_factory.mktemp("saved")
    save_result(run(training_loop="dhns"), folder)
    return folder


@pytest.mark.parametrize("name", [GENERATORS, "trained_model.pkl", "training_triples/base.pth"])
@pytest.mark.parametrize("damage", ["empty", "half", "text", "archive", "unknown"])
def test_damaged_file(name: str, damage: str, saved: Path, tmp_path: Path) -> None:
    """The error names the damaged file, and what to do."""
    folder = tmp_path / "run"
    shutil.copytree(saved, folder)
    path = folder / name
    content = path.read_bytes()
    if damage == "archive":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.txt", "x")
    elif damage == "unknown":
        path.write_bytes(content.replace(b"pykeen_dhns", b"pykeen_none").replace(b"pykeen.", b"pykeex."))
    else:
        path.write_bytes({"empty": b"", "half": content[: len(content) // 2], "text": b"hello"}[damage])
    if name.endswith("base.pth") and damage == "unknown":
        pytest.skip("It holds tensors only.")
    where = re.escape(str(folder / name.partition("/")[0]))
    with pytest.raises(ValueError, match=rf"{where} cannot be read .* Save, or train, the run again"):
        inspect_directory(folder)


def test_malicious_file(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If PyTorch is told to load no code, the error does not advise to load it nevertheless."""
    folder = tmp_path / "run"
    shutil.copytree(saved, folder)
    torch.save(Malicious(), folder / GENERATORS)
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(ValueError, match=rf"{GENERATORS} cannot be read .* Do not trust it if it comes from") as info:
        inspect_directory(folder)
    assert "weights_only" not in str(info.value)


@pytest.mark.parametrize("content", [[1, 2], {}, {"weights": 3}])
def test_no_generators(content: Any, saved: Path, tmp_path: Path) -> None:
    """A file of something else is refused."""
    folder = tmp_path / "run"
    shutil.copytree(saved, folder)
    torch.save(content, folder / GENERATORS)
    with pytest.raises(ValueError, match=r"run is no run that pykeen_dhns\.save_result has saved"):
        inspect_directory(folder)
