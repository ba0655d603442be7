"""Tests for the lexical encoder."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.nn.init import LabelBasedInitializer
from pykeen.nn.text import text_encoder_resolver

from pykeen_dhns.features import LexicalTextEncoder, encode_texts, label_to_text

NAMES = ["Anna Karenina", "Karenina, Anna", "Anne of Green Gables", "University of Green Bay", "Tokyo", "Tokyo Tower"]


def test_inner_products() -> None:
    """Inner products approach those of the counts of n-grams with more features."""
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), size=6)) for _ in range(60)]
    texts = [" ".join(rng.choice(words, size=3)) for _ in range(200)]
    exact = LexicalTextEncoder(dim=2**15)(texts)
    errors = []
    for dim in (64, 256, 1024):
        approximate = LexicalTextEncoder(dim=dim)(texts)
        errors.append(float((approximate @ approximate.T - exact @ exact.T).square().mean().sqrt()))
        assert errors[-1] < 1.1 / dim**0.5
    assert errors == sorted(errors, reverse=True)


def test_rows_are_independent() -> None:
    """The features of a text do not depend on other texts, nor on the random state."""
    encoder = LexicalTextEncoder()
    features = encoder(NAMES)
    for i, name in enumerate(NAMES):
        torch.manual_seed(i)
        assert torch.equal(LexicalTextEncoder()([name])[0], features[i])


def test_values() -> None:
    """Features stay as they are, since users may have saved some."""
    (features,) = LexicalTextEncoder(dim=4)(["FC Jūrmala"])
    assert torch.allclose(features, torch.tensor([-0.2182, 0.0, -0.8729, 0.4364]), atol=1e-4)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Gilles_Mbang_Ondo", "gilles mbang ondo"),
        ("STRASSE", "straße"),
        ("Andr\u00e9", "Andre\u0301"),
        ("\uff26\uff23 Tokyo", "FC Tokyo"),
        ("  a   b ", "a b"),
    ],
)
def test_normalization(a: str, b: str) -> None:
    """Different ways to write the same text give the same features."""
    features = LexicalTextEncoder()([a, b])
    assert torch.equal(features[0], features[1])
    assert features.any()


@pytest.mark.parametrize("text", ["a", "!", "東京", "\U0001f600", "a\x00b", "\udcff", "x" * 100_000])
def test_unusual_texts(text: str) -> None:
    """A text that is not empty has features."""
    (features,) = LexicalTextEncoder()([text])
    assert features.isfinite().all()
    assert features.norm().isclose(torch.ones(()))


def test_in_pykeen() -> None:
    """PyKEEN knows the encoder by name, and can use it."""
    encoder = text_encoder_resolver.make("lexical", dim=8, ngram_range=[2, 3])
    assert isinstance(encoder, LexicalTextEncoder)
    assert repr(encoder) == "LexicalTextEncoder(dim=8, ngram_range=(2, 3))"
    assert not list(encoder.parameters())
    assert not encoder.state_dict()
    expected = encoder(NAMES)
    assert expected.dtype == torch.float32
    assert torch.equal(encoder.encode_all(NAMES, batch_size=4), expected)
    assert torch.equal(LabelBasedInitializer(NAMES, encoder=encoder, batch_size=4).tensor, expected)


@pytest.mark.parametrize("kwargs", [dict(dim=0), dict(ngram_range=(3, 2))])
def test_errors(kwargs: Any) -> None:
    """Arguments that are not valid are refused."""
    with pytest.raises(ValueError, match=next(iter(kwargs))):
        LexicalTextEncoder(**kwargs)(NAMES)


def test_published(published: Path) -> None:
    """Real names that share a rare word are almost always nearer to each other than random ones."""
    lines = published.joinpath("MKG-Y", "entity2id.txt").read_text(encoding="utf8").splitlines()[1:]
    names = [label_to_text(line.rsplit(maxsplit=1)[0]) for line in lines]
    features = encode_texts(names)
    assert np.isfinite(features).all()
    by_word: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        for word in set(name.casefold().split()):
            by_word.setdefault(word, []).append(row)
    pairs = np.asarray([rows[:2] for word, rows in by_word.items() if len(word) > 3 and 2 <= len(rows) <= 20])
    assert len(pairs) > 2000
    random = np.random.default_rng(0).integers(len(names), size=pairs.shape)
    near, far = ((features[i] * features[j]).sum(axis=1) for i, j in (pairs.T, random.T))
    assert near.mean() > 0.4
    assert abs(far.mean()) < 0.05
    # the probability that one of the former is nearer than one of the latter, i.e., the area under the ROC curve
    assert (near[:, None] > far[None, :]).mean() > 0.98
