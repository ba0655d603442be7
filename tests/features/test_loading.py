"""Tests for loading features."""

import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from pykeen_dhns.features import EncodedFeatures, check_rows, load_features

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
        torch.tensor(VALUES),
        torch.tensor(VALUES, dtype=torch.float16),
        torch.tensor(VALUES, dtype=torch.bfloat16),
        torch.tensor(VALUES, dtype=torch.float64, requires_grad=True),
        np.asarray(VALUES),
        np.asarray(VALUES, dtype=np.float16),
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


def test_source_is_not_modified() -> None:
    """The user's tensor or array stays as it is."""
    for source in (torch.tensor(VALUES), np.asarray(VALUES, dtype=np.float32)):
        features, _ = load_features("textual", source)
        features.fill_(7)
        assert np.array_equal(np.asarray(source), np.asarray(VALUES), equal_nan=True)


def test_read_only_array() -> None:
    """PyTorch does not warn of read-only arrays."""
    array = np.asarray(VALUES, dtype=np.float32)
    array.flags.writeable = False
    mask = np.asarray([True, True, True])
    mask.flags.writeable = False
    check(load_features("textual", dict(features=array, mask=mask)))


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_integers(dtype: torch.dtype) -> None:
    """Integers and Booleans become floating-point numbers."""
    for source in (torch.eye(3).to(dtype), torch.eye(3).to(dtype).numpy()):
        features, mask = load_features("tags", source)
        assert torch.equal(features, torch.eye(3))
        assert mask.all()


@pytest.mark.parametrize("kind", [torch.as_tensor, np.asarray])
def test_mask(tmp_path: Path, kind: Callable[[Any], Any]) -> None:
    """A mask can be a tensor, an array, or a file. Missing rows may hold anything."""
    features = kind([[1.0, 2.0], [INF, NAN], [3.0, 4.0]])
    mask = kind([True, False, True])
    check(load_features("textual", dict(features=features, mask=mask)))
    path = tmp_path.joinpath("mask.npy")
    np.save(path, np.asarray(mask))
    check(load_features("textual", dict(features=features, mask=str(path))))


def test_mask_and_nan() -> None:
    """A row of NaN is missing, whatever the mask says."""
    check(load_features("textual", dict(features=torch.tensor(VALUES), mask=torch.ones(3, dtype=torch.bool))))
    check(load_features("textual", dict(features=torch.tensor(VALUES))))


def test_several_tensors(tmp_path: Path) -> None:
    """The modality's name chooses one of several tensors in a file."""
    path = tmp_path.joinpath("features.pt")
    torch.save(dict(visual=torch.zeros(3, 7), textual=torch.tensor(VALUES)), path)
    check(load_features("textual", path))
    with pytest.raises(ValueError, match=r"modalities\['audio'\]=.* holds 2 tensors, such as textual, .*'audio'"):
        load_features("audio", path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (torch.ones(3), r"has shape \(3,\), .*: it must be \(num_entities, num_features\)"),
        (torch.ones(3, 2, 2), r"has shape \(3, 2, 2\), .*: it must be"),
        (torch.ones(0, 2), r"has shape \(0, 2\), .*: it must be .* at least 1"),
        (torch.ones(3, 0), r"has shape \(3, 0\), .*: it must be .* at least 1"),
        (
            torch.tensor([[1.0, 2.0], [NAN, 1.0]]),
            "is partly NaN, .* in 1 rows, first in row 1: all numbers",
        ),
        (torch.tensor([[1.0, 2.0], [INF, 1.0]]), "infinite, or too large for float32 in 1 rows, first in row 1"),
        (np.full((3, 2), 1e200), "infinite, or too large for float32 in 3 rows"),
        (torch.full((3, 2), NAN), "has 3 rows, but all are missing: at least one must have features"),
        (torch.ones(3, 2, dtype=torch.complex64), "dtype torch.complex64, .*: it must be .* of real numbers"),
        (torch.ones(3, 2).to_sparse(), "layout torch.sparse_coo: it must be .* dense"),
        (np.ones((3, 2), dtype=complex), "has dtype complex128: it must be of real numbers"),
        (np.asarray([["a", "b"]]), "has dtype <U1: it must be of real numbers"),
        (np.asarray([[None]]), "has dtype object: it must be of real numbers"),
        ([[1.0, 2.0]], "is a list: it must be a tensor, an array, a data frame, the path of a file, or a mapping"),
        (None, "is a NoneType: it must be"),
        (EncodedFeatures(features=np.ones((3, 2), np.float32), provenance=None), "Use its attribute features"),  # type: ignore[arg-type]
        ({}, r"is a mapping with \[\]: it must have features"),
        (dict(features=torch.ones(3, 2), masks=None), r"is a mapping with \['features', 'masks'\]: it must have"),
        (dict(features=torch.ones(3, 2), mask=torch.ones(3)), r"\['mask'\] has shape \(3,\) and dtype torch.float32"),
        (dict(features=torch.ones(3, 2), mask=np.ones(3)), r"\['mask'\] has shape \(3,\) and dtype torch.float32"),
        (dict(features=torch.ones(3, 2), mask=torch.ones(2) > 0), r"\['mask'\] has shape \(2,\).*: it must be \(3,\)"),
        (dict(features=torch.ones(3, 2), mask=torch.ones(3) < 0), "all are missing"),
        (dict(features=torch.ones(3, 2), mask=[True]), r"\['mask'\] is a list"),
        ("features.csv", r"='features.csv' has an unknown suffix: it must be one of .npy, .pt, .pth, .safetensors"),
        ("", "='.' has an unknown suffix"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else type(value).__name__,
)
def test_errors(source: Any, message: str) -> None:
    """The message names the modality, what was given, and what is needed."""
    with pytest.raises(ValueError, match=rf"^modalities\['textual'\].*{message}"):
        load_features("textual", source)


def test_missing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the absolute path."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("folder.npy").mkdir()
    for name in ("textual.npy", "folder.npy", "~nobody-of-this-name/textual.npy"):
        looked_at = re.escape(str(tmp_path.joinpath(name)))
        with pytest.raises(FileNotFoundError, match=rf"^modalities\['textual'\]='{name}' is not a file.*{looked_at}"):
            load_features("textual", name)


@pytest.mark.parametrize("suffix", [".npy", ".pt", ".safetensors"])
def test_broken_file(tmp_path: Path, suffix: str) -> None:
    """Files with nothing, or with something else, are refused."""
    path = tmp_path.joinpath(f"textual{suffix}")
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    for content in (b"", b"something else"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"^modalities\['textual'\]=.* cannot be read as {suffix}: it is broken"):
            load_features("textual", path)


class Evil:
    """Something that runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return sys.exit, (1,)


def test_no_code_is_run(tmp_path: Path) -> None:
    """Files cannot run code."""
    path = tmp_path.joinpath("textual.pt")
    torch.save([Evil()], path)
    with pytest.raises(ValueError, match=r"cannot be read as \.pt: .* could run code. Write it by torch.save") as info:
        load_features("textual", path)
    # PyTorch and NumPy suggest to run it
    assert "weights_only" not in str(info.value)
    path = path.with_suffix(".npy")
    np.save(path, np.asarray([Evil()]), allow_pickle=True)
    with pytest.raises(ValueError, match=r"cannot be read as \.npy"):
        load_features("textual", path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match=r"cannot be read as \.npy: .* Write it by numpy.save") as info:
        load_features("textual", path)
    assert "allow_pickle" not in str(info.value)


@pytest.mark.parametrize(("content", "kind"), [([1.0], "list"), ({}, "dict"), (dict(textual=1), "dict")])
def test_no_tensor(tmp_path: Path, content: Any, kind: str) -> None:
    """A file without a tensor is refused."""
    path = tmp_path.joinpath("textual.pt")
    torch.save(content, path)
    with pytest.raises(ValueError, match=f"holds a {kind}: it must hold a tensor or an array"):
        load_features("textual", path)


def test_safetensors_is_optional(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to install it."""
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    path = tmp_path.joinpath("textual.safetensors")
    path.write_bytes(b"something")
    with pytest.raises(ImportError, match=r"textual.safetensors' needs .*: pip install safetensors"):
        load_features("textual", path)


def test_check_rows() -> None:
    """There must be one row for each entity."""
    check_rows("textual", n=3, max_id=3)
    with pytest.raises(ValueError, match=r"^modalities\['textual'\] has 3 rows, but there are 4 entities"):
        check_rows("textual", n=3, max_id=4)


@pytest.mark.parametrize(("dataset", "with_text"), [("MKG-W", 3215), ("MKG-Y", 15000), ("DB15K", 12842)])
def test_published(published: Path, dataset: str, with_text: int) -> None:
    """Published features can be loaded, some with rows of NaN."""
    features, mask = load_features("textual", published.joinpath(dataset, "textual.npy"))
    assert features.shape == (len(mask), 384)
    assert features.isfinite().all()
    assert int(mask.sum()) == with_text
    assert torch.equal(features.any(dim=1), mask)
