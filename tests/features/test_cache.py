"""Tests for the cache of encoded features."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pykeen_dhns.features import EncodedFeatures, encoding

from .encoders import PRESENT, TEXTS, Recorder, RecordingTextEncoder, StoppedError, encode, run_in_process
from .encoders import make_recorder as _make_recorder  # noqa: F401
from ..helpers.fresh import CONTEXT


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    """Return a path in a folder that is not there yet."""
    return tmp_path / "new" / "textual.npy"


def read_files(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_finished(path: Path, recorder: type[Recorder]) -> None:
    """The features of a finished run are loaded. The size of batches makes no difference."""
    features = encode(path)
    assert sorted(read_files(path.parent)) == ["textual.npy", "textual.npy.json"]
    again = encode(path, batch_size=3)
    assert recorder.inputs == PRESENT
    assert again.provenance == features.provenance
    assert np.array_equal(again.features, features.features, equal_nan=True)


@pytest.mark.parametrize(
    ("kwargs", "difference"),
    [
        (dict(texts=[*TEXTS[:-1], "new"]), "inputs_hash=.*, not .*; labels_hash="),
        (dict(texts=TEXTS[::-1]), "inputs_hash=.*; labels_hash="),
        (dict(labels=[str(i) for i in range(23)]), "labels_hash="),
        (dict(encoder_kwargs=dict(dim=5)), r"encoder_kwargs=\{\}, not \{'dim': 5\}"),
        (dict(encoder="lexical"), "encoder='recording', not 'lexical'"),
        (dict(random_seed=1), "random_seed=0, not 1"),
        (dict(encoder=RecordingTextEncoder()), "random_seed=0, not None; weights_hash="),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_request(path: Path, kwargs: Any, difference: str) -> None:
    """Features of other inputs, or of another encoder, are neither used nor replaced."""
    encode(path)
    before = read_files(path.parent)
    with pytest.raises(ValueError, match=rf"cache='.*textual.npy' is from another run: {difference}.* Nothing was"):
        encode(path, **kwargs)
    assert read_files(path.parent) == before


def test_instances(path: Path, recorder: type[Recorder]) -> None:
    """Two instances are the same encoder if their parameters are."""
    for _ in range(2):
        torch.manual_seed(0)
        encode(path, encoder=RecordingTextEncoder())
    assert recorder.inputs == PRESENT
    with pytest.raises(ValueError, match="is from another run: weights_hash="):
        encode(path, encoder=RecordingTextEncoder())


def test_file_of_the_user(path: Path) -> None:
    """A file that was not made here is never replaced."""
    path.parent.mkdir()
    np.save(path, np.ones(3))
    before = read_files(path.parent)
    with pytest.raises(ValueError, match="exists, but without provenance, so it was not made here"):
        encode(path)
    assert read_files(path.parent) == before


@pytest.mark.parametrize("damage", ["missing", "truncated", "replaced"])
def test_damaged_features(path: Path, damage: str) -> None:
    """Features that are not complete, e.g. since a process was killed between both files, are encoded again."""
    encode(path)
    before = read_files(path.parent)
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(before["textual.npy"][:-1])
    else:
        np.save(path, np.zeros((23, 3), dtype=np.float32))
    encode(path)
    assert path.read_bytes() == before["textual.npy"]


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"features_hash": "", "else": 1}'])
def test_damaged_provenance(path: Path, content: bytes) -> None:
    """A broken provenance is an error that says what to do."""
    encode(path)
    path.with_name("textual.npy.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"textual.npy.json' is not a provenance of features: .* delete it, and"):
        encode(path)


@pytest.mark.parametrize("stop_after", range(0, 20, 3))
def test_stopped(path: Path, recorder: type[Recorder], stop_after: int) -> None:
    """A run that was stopped is continued, and its result is the same."""
    expected = encode().features
    recorder.inputs.clear()
    recorder.stop_after = stop_after
    with pytest.raises(StoppedError):
        encode(path)
    assert not path.exists()
    recorder.stop_after = float("inf")
    assert np.array_equal(encode(path).features, expected, equal_nan=True)
    assert recorder.inputs == PRESENT
    assert sorted(read_files(path.parent)) == ["textual.npy", "textual.npy.json"]


def test_stopped_early(path: Path, recorder: type[Recorder], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are saved from time to time. Those since the last time are encoded again, here in smaller batches."""
    monkeypatch.setattr(encoding, "SAVE_INTERVAL", 60.0)
    recorder.stop_after = 16
    with pytest.raises(StoppedError):
        encode(path)
    recorder.stop_after = float("inf")
    features = encode(path, batch_size=3)
    assert recorder.inputs == PRESENT[:16] + PRESENT[4:]
    assert np.array_equal(features.features, encode().features, equal_nan=True)


def test_stopped_with_another_request(path: Path, recorder: type[Recorder]) -> None:
    """What a stopped run leaves does not become part of another run."""
    recorder.stop_after = 8
    with pytest.raises(StoppedError):
        encode(path, random_seed=1)
    recorder.stop_after = float("inf")
    assert np.array_equal(encode(path).features, encode().features, equal_nan=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="There is no such signal.")
def test_killed(path: Path, recorder: type[Recorder]) -> None:
    """The same with a process that is killed for real."""
    process = CONTEXT.Process(target=run_in_process, args=(path, 4, 10))
    process.start()
    process.join()
    assert process.exitcode == -9
    assert [name for name in read_files(path.parent) if not name.endswith(".unfinished.npy")] == []
    features = encode(path)
    assert recorder.inputs == PRESENT[8:]
    assert np.array_equal(features.features, encode().features, equal_nan=True)


@pytest.mark.slow
def test_two_processes(path: Path) -> None:
    """Two processes can encode the same at once."""
    processes = [CONTEXT.Process(target=run_in_process, args=(path, size, 1000)) for size in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert np.array_equal(EncodedFeatures.load(path).features, encode().features, equal_nan=True)
    assert sorted(read_files(path.parent)) == ["textual.npy", "textual.npy.json"]


def test_paths(tmp_path: Path) -> None:
    """A path that cannot be written is an error after the first batch."""
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OSError, match="file"):
        encode(file / "textual.npy")
    with pytest.raises(ValueError, match=r"cache='textual.pt' has suffix '.pt': it must be .npy"):
        encode(Path("textual.pt"))
    with pytest.raises(TypeError, match="cache=3 is a int: it must be a path"):
        encode(3)  # type: ignore[arg-type]
