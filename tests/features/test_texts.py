"""Tests for features from texts."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.nn.text import CharacterEmbeddingTextEncoder, TextEncoder
from torch import Tensor
from typing_extensions import override

from pykeen_dhns.features import LexicalTextEncoder, encode_texts

#: 23 texts, 20 of which are not empty
TEXTS = ["", *(f"text number {i}" for i in range(10)), " ", *(f"{i} is the number" for i in range(10)), ""]
PRESENT = [text for text in TEXTS if text.strip()]


class RowsTextEncoder(TextEncoder):
    """An encoder whose result is given."""

    def __init__(self, rows: Tensor) -> None:
        """Initialize the encoder."""
        super().__init__()
        self.register_buffer("rows", rows)

    @override
    def forward_normalized(self, texts: Sequence[str]) -> Tensor:
        rows = self.rows
        assert isinstance(rows, Tensor)
        return rows


@pytest.mark.parametrize(("encoder", "dim"), [("lexical", 256), (None, 256), ("characterembedding", 32)])
def test_encoders(encoder: Any, dim: int, caplog: pytest.LogCaptureFixture) -> None:
    """Each encoder has one row per text, and NaN where there is none, which the log says."""
    with caplog.at_level(logging.WARNING):
        features = encode_texts(TEXTS, encoder=encoder)
    assert features.shape == (23, dim)
    assert features.dtype == np.float32
    assert np.isfinite(features).all(axis=1).tolist() == [bool(text.strip()) for text in TEXTS]
    assert "3 of 23 texts are missing, in the rows [0, 11, 22]" in caplog.text


def test_pykeens_result() -> None:
    """The result is the one that the encoder gives, by name and as an instance."""
    torch.manual_seed(3)
    encoder = CharacterEmbeddingTextEncoder(dim=5)
    expected = encoder(PRESENT).detach().numpy()
    by_name = encode_texts(PRESENT, encoder="characterembedding", encoder_kwargs=dict(dim=5), random_seed=3)
    assert np.array_equal(by_name, expected)
    assert np.array_equal(encode_texts(PRESENT, encoder=encoder), expected)
    # the mean of characters includes padding, to the longest text of a batch
    parts = [encoder(PRESENT[i : i + 3]) for i in range(0, len(PRESENT), 3)]
    in_batches = encode_texts(PRESENT, encoder=encoder, batch_size=3)
    assert np.array_equal(in_batches, torch.cat(parts).detach().numpy())


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """What is encoded in a moment has no progress bar."""
    encode_texts(PRESENT, batch_size=2)
    assert capsys.readouterr() == ("", "")


def test_random_state() -> None:
    """The initialisation of an encoder depends on its seed only, and leaves the global random state alone."""
    results = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        results.append(encode_texts(PRESENT, encoder="characterembedding"))
        assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(encode_texts(PRESENT, encoder="characterembedding", random_seed=1), results[0])


@pytest.mark.parametrize(
    "texts",
    [
        iter(["a", "", "b"]),
        np.asarray(["a", "", "b"]),
        pd.Series(["a", None, "b"], dtype="string", index=[2, 1, 0]),
        ["a", float("nan"), "b"],
    ],
    ids=lambda value: type(value).__name__,
)
def test_kinds_of_inputs(texts: Any) -> None:
    """Inputs can be anything with an order, and missing ones whatever pandas takes for missing."""
    assert np.array_equal(encode_texts(texts), encode_texts(["a", None, "b"]), equal_nan=True)


@pytest.mark.parametrize(
    ("texts", "kwargs", "error", "message"),
    [
        (["a", 3], {}, TypeError, r"All texts must be strings, or None if they are missing: \['a', 3\]"),
        (["", None, " "], {}, ValueError, "All of the 3 texts are missing"),
        (
            ["a"],
            dict(encoder=LexicalTextEncoder(), encoder_kwargs=dict(dim=3)),
            ValueError,
            "encoder_kwargs={'dim': 3} have no effect, since encoder is an instance",
        ),
        (
            ["a", "b"],
            dict(encoder=RowsTextEncoder(torch.ones(1, 3))),
            ValueError,
            r"The encoder's result has shape \(1, 3\): it must have one row for each of 2 texts",
        ),
        (["a", "b"], dict(encoder=RowsTextEncoder(torch.ones(2))), ValueError, r"result has shape \(2,\)"),
    ],
    ids=str,
)
def test_errors(texts: Any, kwargs: Any, error: type[Exception], message: str) -> None:
    """What cannot be encoded is refused."""
    with pytest.raises(error, match=message):
        encode_texts(texts, **kwargs)


def test_precision() -> None:
    """A result in half precision becomes one in single precision."""
    features = encode_texts(["a", "b"], encoder=RowsTextEncoder(torch.ones(2, 3, dtype=torch.bfloat16)))
    assert features.dtype == np.float32
    assert (features == 1.0).all()


def test_transformer(tmp_path: Path) -> None:
    """A transformer from a folder."""
    transformers = pytest.importorskip("transformers")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"0123456789"]
    tmp_path.joinpath("vocab.txt").write_text("\n".join(vocabulary), encoding="utf8")
    transformers.BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    kwargs: Any = dict(pretrained_model_name_or_path=str(tmp_path), max_length=16)
    features = encode_texts(TEXTS, encoder="transformer", encoder_kwargs=kwargs)
    assert features.shape == (23, 8)
