"""Tests for features from texts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.nn.text import CharacterEmbeddingTextEncoder

from pykeen_dhns.features import encode_texts

from .encoders import PRESENT, TEXTS, RecordingTextEncoder, encode


@pytest.mark.parametrize(
    ("encoder", "dim"), [("lexical", 256), (None, 256), ("characterembedding", 32), (RecordingTextEncoder, 3)]
)
def test_encoders(encoder: Any, dim: int) -> None:
    """Each encoder has one row per text, and NaN where there is none."""
    features = encode(encoder=encoder)
    assert features.features.shape == (23, dim)
    assert features.features.dtype == np.float32
    assert features.mask.tolist() == [bool(text.strip()) for text in TEXTS]


def test_pykeens_result() -> None:
    """The result is the one that the encoder gives, by name and as an instance."""
    torch.manual_seed(3)
    encoder = CharacterEmbeddingTextEncoder(dim=5)
    features = encode_texts(PRESENT, encoder="characterembedding", encoder_kwargs=dict(dim=5), random_seed=3)
    assert np.array_equal(features.features, encoder(PRESENT).detach().numpy())
    assert np.array_equal(encode_texts(PRESENT, encoder=encoder).features, features.features)


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
    folder.rename(tmp_path / "elsewhere")
    again = encode(tmp_path / "textual.npy", encoder="transformer", encoder_kwargs=kwargs)
    assert np.array_equal(again.features, features.features, equal_nan=True)
