"""Tests for what all encoders share: inputs, results, and the cache."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from pykeen_dhns.features import EncodedFeatures, LexicalTextEncoder, encoding

from .encoders import PRESENT, TEXTS, RecordingTextEncoder, StoppedError, encode
from .encoders import make_recorder as _make_recorder  # noqa: F401


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    """Return a path in a folder that is not there yet."""
    return tmp_path / "new" / "textual.npy"


def read_files(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "texts",
    [
        iter(["a", "", "b"]),
        np.asarray(["a", "", "b"]),
        pd.Series(["a", None, "b"], dtype="string", index=[2, 1, 0]),
        dict(a="a", c=None, b="b"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_kinds_of_inputs(texts: Any) -> None:
    """Inputs can be anything with an order, and missing ones whatever pandas takes for missing."""
    features = encode(texts=texts)
    expected = encode(texts=["a", float("nan"), "b"])
    assert np.array_equal(features.features, expected.features, equal_nan=True)
    assert features.mask.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("texts", "kwargs", "error", "message"),
    [
        (["a", 3], {}, TypeError, r"All texts must be strings, or None if they are missing: \['a', 3\]"),
        (dict(a="x"), dict(labels=["a"]), ValueError, "texts is a mapping, whose keys are the labels"),
        (["a"], dict(labels=["x", "y"]), ValueError, "There are 2 labels, but 1 texts"),
        (["", None, " "], {}, ValueError, "None of the 3 inputs can be encoded"),
        (["a"], dict(encoder="nothing"), ValueError, r"encoder='nothing' is unknown: .* \['characterembedding', 'lex"),
        (
            ["a"],
            dict(encoder=LexicalTextEncoder(), encoder_kwargs=dict(dim=3)),
            ValueError,
            "encoder_kwargs={'dim': 3} cannot change an instance of LexicalTextEncoder",
        ),
        (["a"], dict(encoder_kwargs=dict(dim={3})), TypeError, "not set"),
        (["a"], dict(path="textual.pt"), ValueError, "cache='textual.pt' has suffix '.pt': it must be .npy"),
    ],
    ids=str,
)
def test_errors(texts: Any, kwargs: Any, error: type[Exception], message: str) -> None:
    """Arguments that are not possible are refused."""
    with pytest.raises(error, match=message):
        encode(texts=texts, **kwargs)


@pytest.mark.parametrize("rows", [slice(1), (slice(None), 0)], ids=["one row", "no columns"])
def test_wrong_results(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that does not have one row for each input is refused."""
    forward = RecordingTextEncoder.forward_normalized
    monkeypatch.setattr(RecordingTextEncoder, "forward_normalized", lambda self, texts: forward(self, texts)[rows])
    with pytest.raises(ValueError, match=r"result has shape \(.*\), but there are 2 inputs"):
        encode(texts=["a", "b"])


def test_random_state() -> None:
    """The initialisation of an encoder depends on its seed only, and leaves the global random state alone."""
    results = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        results.append(encode().features)
        assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(results[0], results[1], equal_nan=True)
    assert not np.array_equal(encode(random_seed=1).features, results[0], equal_nan=True)


def test_reports(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """The log has the missing rows, and there is a progress bar, unless there must be none."""
    with caplog.at_level(logging.WARNING):
        encode()
    assert "3 of 23 texts are missing: [0, 11, 22]" in caplog.text
    assert not capsys.readouterr().err
    encode(progress=True)
    assert "5/5" in capsys.readouterr().err


def test_finished(path: Path, recorder: type[RecordingTextEncoder]) -> None:
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
        (dict(texts=TEXTS[::-1]), "inputs_hash=.*, not "),
        (dict(labels=[str(i) for i in range(23)]), "labels_hash=None, not "),
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
    with pytest.raises(ValueError, match=rf"cache='.*textual.npy' is from another run: {difference}.* Choose another"):
        encode(path, **kwargs)
    assert read_files(path.parent) == before


def test_instances(path: Path, recorder: type[RecordingTextEncoder]) -> None:
    """Two instances are the same encoder if their parameters are."""
    for _ in range(2):
        torch.manual_seed(0)
        encode(path, encoder=RecordingTextEncoder().to(torch.bfloat16))
    assert recorder.inputs == PRESENT
    with pytest.raises(ValueError, match="is from another run: weights_hash="):
        encode(path, encoder=RecordingTextEncoder())


def test_file_of_the_user(path: Path) -> None:
    """A file that was not made here is never replaced."""
    path.parent.mkdir()
    np.save(path, np.ones(3))
    before = read_files(path.parent)
    with pytest.raises(ValueError, match=r"has no provenance that can be read: .* Use the file as a modality as it is"):
        encode(path)
    assert read_files(path.parent) == before


@pytest.mark.parametrize("stop_after", [0, 3, 4, 19])
def test_stopped(path: Path, recorder: type[RecordingTextEncoder], stop_after: int) -> None:
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


def test_stopped_early(path: Path, recorder: type[RecordingTextEncoder], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are saved from time to time. Those since the last time are encoded again, unless it is another request."""
    monkeypatch.setattr(encoding, "SAVE_INTERVAL", 60.0)
    recorder.stop_after = 16
    with pytest.raises(StoppedError):
        encode(path)
    with pytest.raises(StoppedError):
        encode(path, random_seed=1)
    assert recorder.inputs == PRESENT[:16]
    recorder.stop_after = float("inf")
    recorder.inputs.clear()
    features = encode(path, batch_size=3)
    assert recorder.inputs == PRESENT[4:]
    assert np.array_equal(features.features, encode().features, equal_nan=True)
    # nothing is left of the other request
    assert sorted(read_files(path.parent)) == ["textual.npy", "textual.npy.json"]


def test_second_call_waits(
    path: Path,
    recorder: type[RecordingTextEncoder],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A call waits for another one that encodes into the same file, and loads its result."""
    results: list[EncodedFeatures] = []
    second = threading.Thread(target=lambda: results.append(encode(path)))
    forward = RecordingTextEncoder.forward_normalized

    def start_second_call(self: RecordingTextEncoder, texts: Sequence[str]) -> Tensor:
        if second.ident is None:
            second.start()
            second.join(timeout=1)
        return forward(self, texts)

    monkeypatch.setattr(RecordingTextEncoder, "forward_normalized", start_second_call)
    results.append(encode(path))
    second.join(timeout=60)
    assert recorder.inputs == PRESENT
    assert "Another process encodes into" in caplog.text
    assert np.array_equal(results[0].features, results[1].features, equal_nan=True)
    assert sorted(read_files(path.parent)) == ["textual.npy", "textual.npy.json"]


ONES = np.ones((23, 3), dtype=np.float32)
#: The content of a damaged file
DAMAGES = [
    b"",
    b"something else",
    ONES[:3],
    np.concatenate([ONES, ONES]),
    ONES[:, 0],
    ONES * np.float32("inf"),
    np.where(np.eye(23, 3, dtype=bool), np.float32("nan"), ONES),
]


def damage(path: Path, content: Any) -> None:
    """Replace the content of a file."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)


@pytest.mark.parametrize("content", [*DAMAGES, ONES * np.float32("nan")], ids=repr)
def test_damaged_result(path: Path, content: Any) -> None:
    """A result that cannot be one is refused. The message has the file's name, and says what to do."""
    encode(path)
    damage(path, content)
    with pytest.raises(ValueError, match=r"textual.npy'.* damaged.*Delete it"):
        encode(path)


@pytest.mark.parametrize("content", DAMAGES, ids=repr)
def test_damaged_unfinished_file(path: Path, recorder: type[RecordingTextEncoder], content: Any) -> None:
    """So are rows of a stopped run."""
    recorder.stop_after = 8
    with pytest.raises(StoppedError):
        encode(path)
    recorder.stop_after = float("inf")
    (unfinished,) = path.parent.glob("*.unfinished.npy")
    damage(unfinished, content)
    with pytest.raises(ValueError, match=r"unfinished.npy'.* damaged.*Delete it"):
        encode(path)
    np.save(unfinished, ONES[:, :2] * np.float32("nan"))
    with pytest.raises(ValueError, match=r"earlier results have 2 features. If .* delete .*unfinished.npy"):
        encode(path)


def test_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder's result that is infinite is refused."""
    monkeypatch.setattr(
        RecordingTextEncoder, "forward_normalized", lambda _, texts: torch.full((len(texts), 2), np.inf)
    )
    with pytest.raises(
        ValueError, match=r"The encoder's result is partly NaN, infinite, or .* in 4 rows, first in row 0"
    ):
        encode()
