"""Tests for features from texts: whatever is common to all encoders, too."""

import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.nn.text import CharacterEmbeddingTextEncoder

from pykeen_dhns.features import EncodedFeatures, LexicalTextEncoder, encode_texts

from .encoders import KILL_AFTER, RECORD, RecordingTextEncoder, read_record

ROOT = Path(__file__).parents[2]

#: 23 texts, of which 20 are not empty
TEXTS = ["", *(f"text number {i}" for i in range(10)), " ", *(f"{i} is the number" for i in range(10)), ""]
PRESENT = [text for text in TEXTS if text.strip()]


class StoppedError(BaseException):
    """What stops a run. Nothing handles it, so files are left as if the process had been killed."""


@pytest.fixture(name="record")
def _record(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Record what is encoded."""
    path = tmp_path_factory.mktemp("record") / "record.txt"
    monkeypatch.setenv(RECORD, str(path))
    return path


def run(cache: Path | None = None, texts: Any = TEXTS, **kwargs: Any) -> EncodedFeatures:
    """Encode the texts in batches of 4."""
    defaults: dict[str, Any] = dict(encoder=RecordingTextEncoder, batch_size=4, progress=False)
    return encode_texts(texts, cache=cache, **(defaults | kwargs))


def files(folder: Path) -> list[str]:
    """Return the names of all files."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("encoder", "dim"), [("lexical", 256), ("characterembedding", 32), ("recording", 3)])
def test_encoders(encoder: str, dim: int, caplog: pytest.LogCaptureFixture) -> None:
    """Each encoder has one row per text, and NaN where there is none."""
    kwargs: Any = dict(encoder=RecordingTextEncoder) if encoder == "recording" else dict(encoder=encoder)
    with caplog.at_level(logging.WARNING):
        features = encode_texts(TEXTS, **kwargs, batch_size=7, progress=False)
    assert features.features.shape == (23, dim)
    assert features.mask.tolist() == [bool(text.strip()) for text in TEXTS]
    assert np.isfinite(features.features[features.mask]).all()
    assert features.provenance.encoder == encoder
    assert "3 of 23 texts are missing: empty: 3 ('row 0', ' ', 'row 22')" in caplog.text
    # the same, if the same is asked for
    again = encode_texts(TEXTS, **kwargs, batch_size=7, progress=False)
    assert np.array_equal(again.features, features.features, equal_nan=True)


def test_pykeens_result() -> None:
    """The result is the one that the encoder gives."""
    torch.manual_seed(3)
    encoder = CharacterEmbeddingTextEncoder(dim=5)
    features = encode_texts(PRESENT, encoder="characterembedding", encoder_kwargs=dict(dim=5), random_seed=3)
    assert np.array_equal(features.features, encoder(PRESENT).detach().numpy())
    assert np.array_equal(encode_texts(PRESENT, encoder=encoder).features, features.features)


def test_global_random_state() -> None:
    """The initialisation of an encoder leaves it as it is, and does not depend on it."""
    results = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        results.append(run().features)
        assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(results[0], results[1], equal_nan=True)
    assert not np.array_equal(run(random_seed=1).features, results[0], equal_nan=True)


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """There is a progress bar, unless there must be none."""
    run()
    assert not capsys.readouterr().err
    run(progress=True)
    assert "texts: 100%" in (output := capsys.readouterr().err)
    assert "20/20" in output


@pytest.mark.parametrize(
    ("texts", "kwargs", "error", "message"),
    [
        ("a text", {}, TypeError, "texts='a text' is a single string"),
        (["a", 3], dict(labels=["x", "y"]), TypeError, r"texts\[1\]=3 is a int: it must be a string, or None"),
        (None, {}, TypeError, "texts is a NoneType: it must be a list, or something else with one item for each row"),
        ({"a"}, {}, TypeError, "texts is a set: it must be a list, .*, in their order"),
        (pd.DataFrame(dict(x=["a"])), {}, TypeError, "texts is a DataFrame: it must be a list, .*, in their order"),
        ({1: "a"}, {}, TypeError, r"labels\[0\]=1 is a int: labels must be strings"),
        (["a"], dict(labels=3), TypeError, "labels is a int: it must be a list"),
        (["a"], dict(labels={"x"}), TypeError, "labels is a set: it must be a list, .*, in their order"),
        (["a"], dict(labels={"x": 0}), TypeError, "labels is a dict: it must be a list"),
        ([], {}, ValueError, "texts is empty"),
        (["", None, " ", float("nan")], {}, ValueError, "None of 4 texts can be encoded: empty: 4"),
        (["a"], dict(labels=["x", "y"]), ValueError, "There are 2 labels, but 1 rows"),
        (["a"], dict(batch_size=0), ValueError, "batch_size=0 is invalid: it must be an integer >= 1"),
        *[
            (["a"], dict(batch_size=value), ValueError, f"batch_size={value!r} is invalid: it must be an integer >= 1")
            for value in (1.5, "8", None, True)
        ],
        *[
            (["a"], dict(random_seed=value), ValueError, f"random_seed={value!r} is invalid: it must be an integer of")
            for value in (1.5, "8", None, True, 2**70)
        ],
        (["a"], dict(encoder="nothing"), KeyError, "nothing"),
        (["a"], dict(encoder=torch.nn.Linear(1, 1)), TypeError, "encoder is a Linear: it must be a TextEncoder"),
        (["a"], dict(encoder_kwargs="dim=3"), TypeError, "encoder_kwargs='dim=3' is a str: it must be a mapping"),
        (["a"], dict(cache=3), TypeError, "cache=3 is a int: it must be a path"),
        (["a"], dict(cache=Path(__file__, "x.npy")), OSError, "request.json' cannot be written: .* can be written to"),
        (["a"], dict(cache="features.pt"), ValueError, "'features.pt' has suffix '.pt': it must be .npy"),
        (["a"], dict(encoder_kwargs=dict(dim={3})), TypeError, "encoder_kwargs has a set, .* as an instance"),
        (
            ["a"],
            dict(encoder=LexicalTextEncoder(), encoder_kwargs=dict(dim=3)),
            ValueError,
            r"encoder is an instance of LexicalTextEncoder, so encoder_kwargs=\{'dim': 3\} have no effect",
        ),
    ],
    ids=str,
)
def test_errors(texts: Any, kwargs: Any, error: type[Exception], message: str) -> None:
    """The message says what was given, and what is needed."""
    with pytest.raises(error, match=message):
        encode_texts(texts, **(dict(progress=False) | kwargs))


class BrokenEncoder(RecordingTextEncoder):
    """An encoder with wrong results."""

    def __init__(self, result: str) -> None:
        """Initialize the encoder."""
        super().__init__()
        self.result = result

    def forward_normalized(self, texts: Any) -> torch.Tensor:
        """Encode a batch."""
        rows = super().forward_normalized(texts)
        if self.result == "nan":
            rows[1, 0] = float("nan")
        return dict(nan=rows, few=rows[1:], flat=rows[:, 0], none=rows[:, :0], widths=rows[:, : 2 + len(rows) % 2])[
            self.result
        ]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("nan", "result is not finite for 1 inputs: 'b'"),
        ("few", r"result has shape \(1, 3\) for 2 inputs: it must be \(2, num_features\)"),
        ("flat", r"result has shape \(2,\) for 2 inputs"),
        ("none", r"result has shape \(2, 0\) for 2 inputs"),
        ("widths", r"results have \[2, 3\] features: it must be the same number for all"),
    ],
)
def test_broken_encoders(result: str, message: str) -> None:
    """Results that are no features are refused."""
    with pytest.raises(ValueError, match=message):
        run(texts=["a", "b", "c"], encoder=BrokenEncoder, encoder_kwargs=dict(result=result), batch_size=2)


def test_half_precision() -> None:
    """Results of another data type."""
    features = run(encoder=RecordingTextEncoder().to(torch.bfloat16))
    assert features.features.dtype == np.float32
    assert features.mask.sum() == 20


@pytest.mark.usefixtures("record")
def test_cache(tmp_path: Path) -> None:
    """What is finished is loaded."""
    path = tmp_path / "new" / "textual.npy"
    features = run(path)
    assert read_record() == PRESENT
    assert files(path.parent) == ["textual.npy", "textual.npy.json"]
    again = run(path)
    assert again.provenance == features.provenance
    assert np.array_equal(again.features, features.features, equal_nan=True)
    # the size of batches is no part of what is asked for
    run(path, batch_size=3)
    assert read_record() == PRESENT


@pytest.mark.parametrize(
    ("kwargs", "difference"),
    [
        (dict(texts=[*TEXTS[:-1], "new"]), "inputs differ; labels differ"),
        (dict(texts=[*TEXTS[::-1]]), "inputs differ; labels differ"),
        (dict(labels=[str(i) for i in range(23)]), "labels differ"),
        (dict(encoder_kwargs=dict(dim=5)), r"encoder_kwargs=\{\}, not \{'dim': 5\}"),
        (dict(encoder="lexical"), "encoder='recording', not 'lexical'"),
        (dict(random_seed=1), "random_seed=0, not 1"),
        (dict(encoder=RecordingTextEncoder()), "random_seed=0, not None; weights differ"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("finished", [True, False])
def test_cache_of_another_run(
    tmp_path: Path, kwargs: Any, difference: str, *, finished: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results of other inputs, or of another encoder, are neither used nor replaced."""
    path = tmp_path / "textual.npy"
    if finished:
        run(path)
    else:
        stop_after(3, monkeypatch)
        with pytest.raises(StoppedError):
            run(path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.*") if file.is_file()}
    where = "textual.npy" if finished else "textual.npy.partial"
    with pytest.raises(ValueError, match=rf"{where}' is from another run: {difference}. Nothing was changed. Choose"):
        run(path, **kwargs)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*.*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "textual.npy",
            b"",
            r"textual.npy' cannot be read as .npy: .* Delete it and textual.npy.json, and encode again",
        ),
        ("textual.npy.json", b"{", "textual.npy.json' is no valid JSON file: .* Restore it, or delete it"),
        ("textual.npy.json", b"[]", "textual.npy.json' holds a list: it must hold an object"),
        ("textual.npy.json", b"{}", "textual.npy.json' is no provenance of features: .* Delete it, and encode again"),
    ],
)
def test_damaged_cache(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """A result that is broken is an error that says what to do."""
    run(tmp_path / "textual.npy")
    tmp_path.joinpath(name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        run(tmp_path / "textual.npy")


def test_archive(tmp_path: Path) -> None:
    """So is one that was replaced by several arrays."""
    run(tmp_path / "textual.npy")
    with (tmp_path / "textual.npy").open("wb") as file:
        np.savez(file, a=np.ones((23, 3)))
    with pytest.raises(ValueError, match=r"is not the file whose provenance is in textual.npy.json"):
        run(tmp_path / "textual.npy")


def test_kinds_of_inputs(tmp_path: Path) -> None:
    """What is no list, but has an order, what pandas has for empty cells, and integers of NumPy."""
    expected = run(texts=["a", "", "b"])
    for texts in (iter(["a", "", "b"]), np.asarray(["a", "", "b"]), pd.Series(["a", None, "b"], dtype="string")):
        features = run(texts=texts, labels=iter(["a", "", "b"]))
        assert np.array_equal(features.features, expected.features, equal_nan=True)
    integers: Any = dict(batch_size=np.int64(4), random_seed=np.int64(0), encoder_kwargs=dict(dim=np.int64(3)))
    features = run(tmp_path / "textual.npy", texts=["a", "", "b"], **integers)
    assert np.array_equal(features.features, expected.features, equal_nan=True)
    assert run(tmp_path / "textual.npy", texts=["a", "", "b"], **integers).provenance == features.provenance
    assert run(encoder=None).provenance.encoder == "lexical"


def test_file_of_someone_else(tmp_path: Path) -> None:
    """A file without provenance is not replaced."""
    path = tmp_path / "textual.npy"
    path.write_bytes(b"precious")
    with pytest.raises(ValueError, match=r"textual.npy' exists, but without provenance, so it was not made here"):
        run(path)
    assert path.read_bytes() == b"precious"
    assert files(tmp_path) == ["textual.npy"]


def stop_after(num_files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop when a file is written, before it is in its place."""
    fsync, count = os.fsync, 0

    def stop(descriptor: int) -> None:
        nonlocal count
        fsync(descriptor)
        count += 1
        if count > num_files:
            monkeypatch.undo()
            raise StoppedError

    monkeypatch.setattr("os.fsync", stop)


# the request, 5 batches, the features, and their provenance
@pytest.mark.parametrize("num_files", range(8))
def test_stopped_anywhere(tmp_path: Path, record: Path, monkeypatch: pytest.MonkeyPatch, num_files: int) -> None:
    """A run that is stopped, whenever that is, ends like one that was not, and repeats at most one batch."""
    expected = run(tmp_path / "expected.npy")
    record.unlink()
    path = tmp_path / "textual.npy"
    with monkeypatch.context() as context:
        stop_after(num_files, context)
        with pytest.raises(StoppedError):
            run(path)
    # the context undoes what sets the variable, too
    monkeypatch.setenv(RECORD, str(record))
    resumed = run(path)
    assert np.array_equal(resumed.features, expected.features, equal_nan=True)
    assert path.read_bytes() == (tmp_path / "expected.npy").read_bytes()
    encoded = read_record()
    assert list(dict.fromkeys(encoded)) == PRESENT
    lost = PRESENT[4 * (num_files - 1) :][:4] if 1 <= num_files <= 5 else []
    assert len(encoded) == 20 + len(lost)
    assert [text for text in PRESENT if encoded.count(text) > 1] == lost
    assert files(tmp_path) == ["expected.npy", "expected.npy.json", "textual.npy", "textual.npy.json"]


@pytest.mark.usefixtures("record")
def test_stopped_while_cleaning_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the result is complete, it does not matter what is left of what it was made from."""
    path = tmp_path / "textual.npy"

    def stop(folder: Path, **_: Any) -> None:
        if folder.exists():
            raise StoppedError

    with monkeypatch.context() as context:
        context.setattr(shutil, "rmtree", stop)
        with pytest.raises(StoppedError):
            run(path)
    assert files(tmp_path) == ["textual.npy", "textual.npy.json", "textual.npy.partial"]
    features = run(path)
    assert read_record() == PRESENT
    # what is left does not become part of another run
    path.unlink()
    path.with_name("textual.npy.json").unlink()
    others = [f"another {text}" for text in TEXTS]
    assert not np.isclose(run(path, texts=others).features[1:11], features.features[1:11]).any()
    assert files(tmp_path) == ["textual.npy", "textual.npy.json"]


def test_other_batch_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With too little memory, a run can be continued with smaller batches."""
    path = tmp_path / "textual.npy"
    with monkeypatch.context() as context:
        stop_after(3, context)
        with pytest.raises(StoppedError):
            run(path, encoder="lexical")
    features = run(path, encoder="lexical", batch_size=3)
    assert np.array_equal(features.features, run(encoder="lexical").features, equal_nan=True)


@pytest.mark.parametrize("damage", ["truncate", "delete", "empty", "long", "flat", "double"])
def test_damaged_batch(tmp_path: Path, record: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    """From the first batch that is broken or gone, all are encoded again."""
    path = tmp_path / "textual.npy"
    with monkeypatch.context() as context:
        stop_after(4, context)
        with pytest.raises(StoppedError):
            run(path)
    batch = tmp_path / "textual.npy.partial" / f"{4:012}.npy"
    if damage == "truncate":
        batch.write_bytes(batch.read_bytes()[:-1])
    elif damage == "delete":
        batch.unlink()
    else:
        # what is no batch, or one of more rows than there are
        dtype = np.float64 if damage == "double" else np.float32
        shape = dict(empty=(0, 3), long=(17, 3), flat=(12,), double=(4, 3))[damage]
        np.save(batch, np.zeros(shape, dtype))
    monkeypatch.setenv(RECORD, str(record))
    record.unlink()
    features = run(path, batch_size=4)
    assert read_record() == PRESENT[4:]
    assert np.array_equal(features.features, run().features, equal_nan=True)


SCRIPT = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.features.test_texts import run
run(Path(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="There is no such signal.")
@pytest.mark.usefixtures("record")
def test_killed(tmp_path: Path) -> None:
    """The same, with a process that is killed for real, by a signal that it cannot handle."""
    path = tmp_path / "textual.npy"
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, path],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", KILL_AFTER: "10"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert files(tmp_path) == ["textual.npy.partial"]
    # it was killed in the third batch
    assert read_record() == PRESENT[:12]
    resumed = run(path)
    assert read_record() == PRESENT[:12] + PRESENT[8:]
    expected = run(tmp_path / "expected.npy")
    assert np.array_equal(resumed.features, expected.features, equal_nan=True)
    assert path.read_bytes() == (tmp_path / "expected.npy").read_bytes()


@pytest.mark.usefixtures("record")
def test_instance(tmp_path: Path) -> None:
    """Of encoders that are given, those with the same parameters are the same."""
    torch.manual_seed(0)
    encoder = RecordingTextEncoder()
    path = tmp_path / "textual.npy"
    run(path, encoder=encoder)
    torch.manual_seed(0)
    run(path, encoder=RecordingTextEncoder())
    assert read_record() == PRESENT
    with pytest.raises(ValueError, match="is from another run: weights differ"):
        run(path, encoder=RecordingTextEncoder())


def test_light() -> None:
    """Features from files need none of the packages that encoders need."""
    script = (
        "import sys, pykeen_dhns.features\n"
        "heavy = {'pykeen.nn', 'sklearn', 'scipy', 'pandas', 'PIL', 'transformers', 'torchvision'}\n"
        "print(sorted(heavy.intersection(sys.modules)))"
    )
    process = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    assert process.stdout == "[]\n"


@pytest.fixture(name="transformer")
def _transformer(tmp_path: Path) -> str:
    """Make a small transformer, with random parameters, or skip."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path / "transformer"
    folder.mkdir()
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    folder.joinpath("vocab.txt").write_text("\n".join(vocabulary), encoding="utf8")
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    transformers.BertModel(config).save_pretrained(folder)
    return str(folder)


def test_transformer(transformer: str, tmp_path: Path) -> None:
    """A transformer, from a folder."""
    kwargs: Any = dict(
        encoder="transformer", encoder_kwargs=dict(pretrained_model_name_or_path=transformer, max_length=16)
    )
    path = tmp_path / "textual.npy"
    features = run(path, **kwargs)
    assert features.features.shape == (23, 8)
    assert features.mask.sum() == 20
    assert "transformers" in features.provenance.versions
    # it has no dropout, and the result does not need the model any more
    assert np.array_equal(run(**kwargs).features, features.features, equal_nan=True)
    shutil.rmtree(transformer)
    assert np.array_equal(run(path, **kwargs).features, features.features, equal_nan=True)
