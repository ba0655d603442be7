"""Tests for features from texts, and for what all encoders share."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.nn.text import CharacterEmbeddingTextEncoder

from pykeen_dhns.features import LexicalTextEncoder, encode_texts

from .encoders import PRESENT, TEXTS, RecordingTextEncoder, encode


@pytest.mark.parametrize(
    ("encoder", "dim"), [("lexical", 256), (None, 256), ("characterembedding", 32), (RecordingTextEncoder, 3)]
)
def test_encoders(encoder: Any, dim: int, caplog: pytest.LogCaptureFixture) -> None:
    """Each encoder has one row per text, and NaN where there is none."""
    with caplog.at_level(logging.WARNING):
        features = encode(encoder=encoder)
    assert features.features.shape == (23, dim)
    assert features.features.dtype == np.float32
    assert features.mask.tolist() == [bool(text.strip()) for text in TEXTS]
    assert "3 of 23 texts are missing: empty: 3 ('row 0', ' ', 'row 22')" in caplog.text


def test_pykeens_result() -> None:
    """The result is the one that the encoder gives, by name and as an instance."""
    torch.manual_seed(3)
    encoder = CharacterEmbeddingTextEncoder(dim=5)
    features = encode_texts(PRESENT, encoder="characterembedding", encoder_kwargs=dict(dim=5), random_seed=3)
    assert np.array_equal(features.features, encoder(PRESENT).detach().numpy())
    assert np.array_equal(encode_texts(PRESENT, encoder=encoder).features, features.features)
    assert encode_texts(PRESENT, encoder=encoder.to(torch.bfloat16)).features.dtype == np.float32


def test_random_state() -> None:
    """The initialisation of an encoder neither depends on the global random state nor changes it."""
    results = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        results.append(encode().features)
        assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(results[0], results[1], equal_nan=True)
    assert not np.array_equal(encode(random_seed=1).features, results[0], equal_nan=True)


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """There is a progress bar, unless there must be none."""
    encode()
    assert not capsys.readouterr().err
    encode(progress=True)
    assert "20/20" in capsys.readouterr().err


@pytest.mark.parametrize(
    "texts",
    [
        iter(["a", "", "b"]),
        np.asarray(["a", "", "b"]),
        pd.Series(["a", None, "b"], dtype="string"),
        dict(a="a", c=None, b="b"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_kinds_of_inputs(texts: Any) -> None:
    """Inputs can be anything with an order, and missing ones whatever pandas takes for missing."""
    features = encode(texts=texts)
    expected = encode(texts=["a", float("nan"), "b"])
    assert np.array_equal(features.features, expected.features, equal_nan=True)


def test_integers_of_numpy(tmp_path: Path) -> None:
    """Parameters that are NumPy's are the same request as Python's."""
    kwargs = dict(batch_size=np.int64(4), random_seed=np.int64(0), encoder_kwargs=dict(dim=np.int64(3)))
    features = encode(tmp_path / "textual.npy", **kwargs)
    assert encode(tmp_path / "textual.npy", encoder_kwargs=dict(dim=3)).provenance == features.provenance


@pytest.mark.parametrize(
    ("texts", "kwargs", "error", "message"),
    [
        ("a text", {}, TypeError, "texts='a text' is a single string"),
        (["a", 3], dict(labels=["x", "y"]), TypeError, r"texts\[1\]=3 is a int: it must be a string, or None"),
        (None, {}, TypeError, "texts is a NoneType: it must be a list, .* with one item for each row"),
        ({"a"}, {}, TypeError, "texts is a set: it must be a list, .*, in their order"),
        (pd.DataFrame(dict(x=["a"])), {}, TypeError, "texts is a DataFrame: it must be a list"),
        ({1: "a"}, {}, TypeError, r"labels\[0\]=1 is a int: labels must be strings"),
        (["a"], dict(labels={"x": 0}), TypeError, "labels is a dict: it must be a list"),
        (dict(a="x"), dict(labels=["a"]), ValueError, "texts is a mapping, whose keys are the labels"),
        ([], {}, ValueError, "texts is empty"),
        (["", None, " "], {}, ValueError, "None of 3 texts is there: empty: 3"),
        (["a"], dict(labels=["x", "y"]), ValueError, "There are 2 labels, but 1 rows"),
        (["a"], dict(batch_size=0), ValueError, "batch_size=0 is invalid: it must be an integer >= 1"),
        (["a"], dict(random_seed=1.5), TypeError, "'float' object cannot be interpreted as an integer"),
        (["a"], dict(encoder="nothing"), KeyError, "nothing"),
        (["a"], dict(encoder=torch.nn.Linear(1, 1)), TypeError, "encoder is a Linear: it must be a TextEncoder"),
        (["a"], dict(encoder_kwargs=dict(dim={3})), TypeError, "encoder_kwargs has a set, .* as an instance"),
        (["a"], dict(encoder=LexicalTextEncoder(), encoder_kwargs=dict(dim=3)), ValueError, "'dim': 3} have no effect"),
    ],
    ids=str,
)
def test_errors(texts: Any, kwargs: Any, error: type[Exception], message: str) -> None:
    """The message says what was given, and what is needed."""
    with pytest.raises(error, match=message):
        encode(texts=texts, **kwargs)


class BrokenEncoder(RecordingTextEncoder):
    """An encoder with wrong results."""

    def __init__(self, result: str) -> None:
        """Initialize the encoder."""
        super().__init__()
        self.result = result

    def forward_normalized(self, texts: Any) -> Any:
        """Encode a batch."""
        rows = super().forward_normalized(texts).clone()
        if self.result == "nan":
            rows[1, 0] = float("nan")
        widths = rows[:, : 2 + len(rows) % 2]
        return dict(nan=rows, few=rows[1:], flat=rows[:, 0], none=rows[:, :0], widths=widths)[self.result]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("nan", "result is not finite for 1 inputs: 'b'"),
        ("few", r"result has shape \(1, 3\) for 2 inputs: it must be \(2, num_features\)"),
        ("flat", r"result has shape \(2,\) for 2 inputs"),
        ("none", r"result has shape \(2, 0\) for 2 inputs"),
        ("widths", r"results have 2 and 3 features: it must be the same number for all"),
    ],
)
def test_broken_encoders(result: str, message: str) -> None:
    """Results that are not features are refused."""
    with pytest.raises(ValueError, match=message):
        encode(texts=["a", "b", "c"], encoder=BrokenEncoder, encoder_kwargs=dict(result=result), batch_size=2)


def test_transformer(tmp_path: Path) -> None:
    """A transformer from a folder, which is not needed any more once the result is there."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path / "transformer"
    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"0123456789"]
    folder.joinpath("vocab.txt").write_text("\n".join(vocabulary), encoding="utf8")
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    transformers.BertModel(config).save_pretrained(folder)
    kwargs: Any = dict(pretrained_model_name_or_path=str(folder), max_length=16)
    features = encode(tmp_path / "textual.npy", encoder="transformer", encoder_kwargs=kwargs)
    assert features.features.shape == (23, 8)
    assert "transformers" in features.provenance.versions
    folder.rename(tmp_path / "elsewhere")
    again = encode(tmp_path / "textual.npy", encoder="transformer", encoder_kwargs=kwargs)
    assert np.array_equal(again.features, features.features, equal_nan=True)
