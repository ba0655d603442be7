"""Tests for loading features."""

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from pykeen_dhns.features import load_features

NAN, INF = float("nan"), float("inf")

#: Three entities, the second one without features
VALUES = [[1.0, 2.0], [NAN, NAN], [3.0, 4.0]]


def check(result: tuple[Tensor, Tensor]) -> None:
    """Check the result for the values above."""
    features, mask = result
    assert features.tolist() == [[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]]
    assert features.dtype == torch.float32
    assert mask.tolist() == [True, False, True]
    assert mask.dtype == torch.bool


@pytest.mark.parametrize(
    "source",
    [
        torch.tensor(VALUES).to_sparse(),
        torch.tensor(VALUES, dtype=torch.bfloat16),
        torch.tensor(VALUES, dtype=torch.float64, requires_grad=True),
        np.asarray(VALUES, dtype=">f8"),
        np.asarray(VALUES, dtype=np.longdouble),
        np.asfortranarray(VALUES),
        pd.DataFrame(VALUES, index=["a", "b", "c"]),
    ],
    ids=repr,
)
def test_in_memory(source: Any) -> None:
    """Tensors, arrays, and data frames of all kinds of numbers can be loaded."""
    check(load_features("textual", source))


@pytest.mark.parametrize("suffix", [".npy", ".pt", ".pth", ".PT", ".safetensors"])
def test_files(tmp_path: Path, suffix: str) -> None:
    """Files of all kinds can be loaded, by path and by string."""
    path = tmp_path.joinpath(f"textual{suffix}")
    if suffix == ".npy":
        np.save(path, np.asarray(VALUES))
    elif suffix == ".safetensors":
        pytest.importorskip("safetensors.torch").save_file(dict(whatever=torch.tensor(VALUES)), path)
    else:
        torch.save(torch.tensor(VALUES), path)
    check(load_features("textual", path))
    check(load_features("textual", str(path)))


@pytest.mark.parametrize("path", ["~/textual.npy", "$PYKEEN_DHNS_DATA/textual.npy"])
def test_shared_paths(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths with the home directory or environment variables make configurations that can be shared."""
    for variable in ("HOME", "USERPROFILE", "PYKEEN_DHNS_DATA"):
        monkeypatch.setenv(variable, str(tmp_path))
    np.save(tmp_path / "textual.npy", np.asarray(VALUES))
    check(load_features("textual", path))


def test_masks(tmp_path: Path) -> None:
    """A mask can say which rows are missing, whatever is in them."""
    np.save(tmp_path / "mask.npy", np.asarray([True, False, True]))
    filled = torch.tensor(VALUES).nan_to_num(7.0)
    for mask in (torch.tensor([True, False, True]), np.asarray([True, False, True]), tmp_path / "mask.npy"):
        check(load_features("textual", dict(features=filled, mask=mask)))
    # both ways at once
    check(load_features("textual", dict(features=torch.tensor(VALUES), mask=torch.ones(3, dtype=torch.bool))))
    check(load_features("textual", dict(features=torch.tensor(VALUES))))


def test_several_tensors(tmp_path: Path) -> None:
    """The modality's name chooses one of several tensors in a file."""
    path = tmp_path.joinpath("features.pt")
    torch.save(dict(visual=torch.zeros(3, 7), textual=torch.tensor(VALUES)), path)
    check(load_features("textual", path))
    with pytest.raises(ValueError, match=r"holds tensors of the names \['textual', 'visual'\]: one of .* 'audio'"):
        load_features("audio", path)


ONES = torch.ones(3, 2)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (torch.ones(3), r"has shape \(3,\): it must be \(num_entities, num_features\)"),
        (torch.ones(0, 2), r"has shape \(0, 2\): it must be .* at least 1"),
        (None, "is a NoneType with dtype object: it must be real numbers"),
        (["a", "b"], "is a list with dtype <U1: it must be real numbers"),
        (ONES + 0j, "is a ndarray with dtype complex64: it must be real numbers"),
        (np.ones((3, 2)) + 0j, "is a ndarray with dtype complex128"),
        (torch.tensor([[1.0, 2.0], [NAN, 1.0]]), "is partly NaN, .* in 1 rows, first in row 1: all numbers"),
        (torch.tensor([[1.0, 2.0], [INF, 1.0]]), "infinite, or too large for float32 in 1 rows, first in row 1"),
        (torch.full((3, 2), 1e200, dtype=torch.float64), "infinite, or too large for float32 in 3 rows"),
        (torch.full((3, 2), NAN), "has 3 rows, but all are missing: at least one must have features"),
        (dict(features=ONES, mask=torch.ones(3) < 0), "all are missing"),
        (dict(features=ONES, masks=None), r"is a mapping with \['features', 'masks'\]: it must have"),
        (dict(features=ONES, mask=torch.ones(3)), r"\['mask'\] has shape \(3,\) and dtype float32"),
        (dict(features=ONES, mask=torch.ones(2) > 0), r"\['mask'\] has shape \(2,\).*: it must be \(3,\)"),
        ("features.csv", r"='features.csv' has an unknown suffix: it must be .npy, .pt, .pth, or .safetensors"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else type(value).__name__,
)
def test_errors(source: Any, message: str) -> None:
    """The message names the modality, what was given, and what is needed."""
    with pytest.raises(ValueError, match=rf"^modalities\['textual'\].*{message}"):
        load_features("textual", source)


@pytest.mark.parametrize("suffix", [".npy", ".pt", ".safetensors"])
def test_broken_file(tmp_path: Path, suffix: str) -> None:
    """Files that are not there, with nothing, or with something else, are refused."""
    path = tmp_path.joinpath(f"textual{suffix}")
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    with pytest.raises(FileNotFoundError, match=r"modalities\['textual'\]=.* is not a file"):
        load_features("textual", path)
    for content in (b"", b"something else"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"^modalities\['textual'\]='.*{suffix}' cannot be read: it is broken"):
            load_features("textual", path)


class Evil:
    """Something that runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return sys.exit, (1,)


def test_no_code_is_run(tmp_path: Path) -> None:
    """Files cannot run code, and the messages of PyTorch and NumPy that suggest to run it are not shown."""
    torch.save([Evil()], tmp_path / "torch.pt")
    np.save(tmp_path / "numpy.npy", np.asarray([Evil()]), allow_pickle=True)
    tmp_path.joinpath("pickle.npy").write_bytes(pickle.dumps(Evil()))
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError, match=r"could run code. Write it by numpy.save, torch.save, or .*$") as info:
            load_features("textual", path)
        assert "allow_pickle" not in str(info.value)
        assert "weights_only" not in str(info.value)


def test_safetensors_is_optional(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, the error names it."""
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    path = tmp_path / "textual.safetensors"
    path.touch()
    with pytest.raises(ImportError, match="safetensors"):
        load_features("textual", path)


def test_number_of_rows() -> None:
    """There must be one row for each entity."""
    check(load_features("textual", torch.tensor(VALUES), num_entities=3))
    with pytest.raises(ValueError, match=r"^modalities\['textual'\] has 3 rows, but there are 4 ent.*\.align "):
        load_features("textual", torch.tensor(VALUES), num_entities=4)


@pytest.mark.parametrize(("dataset", "with_text"), [("MKG-W", 3215), ("MKG-Y", 15000), ("DB15K", 12842)])
def test_published(published: Path, dataset: str, with_text: int) -> None:
    """Published features can be loaded, some with rows of NaN."""
    features, mask = load_features("textual", published.joinpath(dataset, "textual.npy"))
    assert features.shape == (len(mask), 384)
    assert features.isfinite().all()
    assert int(mask.sum()) == with_text
    assert torch.equal(features.any(dim=1), mask)
