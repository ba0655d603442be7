"""Tests for features with their provenance."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pykeen.datasets import Nations

from pykeen_dhns.features import EncodedFeatures, encode_texts, load_features


@pytest.fixture(name="features")
def _features() -> EncodedFeatures:
    """Encode names, one of which is missing."""
    return encode_texts(["burma", "", "china", "cuba"], labels=list("abcd"), encoder_kwargs=dict(dim=8), progress=False)


def test_save_and_load(features: EncodedFeatures, tmp_path: Path) -> None:
    """Saved features are the same when they are loaded, and the file is a modality."""
    path = features.save(tmp_path / "new" / "folder" / "textual.npy")
    assert {file.name for file in path.parent.iterdir()} == {"textual.npy", "textual.npy.json"}
    loaded = EncodedFeatures.load(str(path), entities=list("abcd"))
    assert np.array_equal(loaded.features, features.features, equal_nan=True)
    assert loaded.provenance == features.provenance
    assert (loaded.provenance.kind, loaded.provenance.encoder) == ("texts", "lexical")
    assert loaded.provenance.encoder_kwargs == dict(dim=8)
    for source in (path, loaded):
        values, mask = load_features("textual", source)
        assert mask.tolist() == loaded.mask.tolist() == [True, False, True, True]
        assert np.array_equal(values[mask].numpy(), features.features[features.mask])


@pytest.mark.parametrize("entities", [list("abdc"), list("abc"), Nations().training], ids=["order", "few", "factory"])
def test_other_entities(features: EncodedFeatures, entities: Any, tmp_path: Path) -> None:
    """Features of other entities, or in another order, are refused."""
    path = features.save(tmp_path / "textual.npy")
    with pytest.raises(
        ValueError, match=r"The 4 rows are not those of these \d+ entities: .* another order, or were .* Use"
    ):
        EncodedFeatures.load(path, entities)


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"{}", b'{"something": "else"}'])
def test_broken_provenance(features: EncodedFeatures, content: bytes | None, tmp_path: Path) -> None:
    """Features without a provenance are refused."""
    path = features.save(tmp_path / "textual.npy")
    source = path.with_name("textual.npy.json")
    if content is None:
        source.unlink()
    else:
        source.write_bytes(content)
    with pytest.raises(ValueError, match=r"textual.npy' has no provenance that can be read: .* encode it again"):
        EncodedFeatures.load(path)


def test_missing_file(features: EncodedFeatures, tmp_path: Path) -> None:
    """A provenance without features is no features."""
    features.save(tmp_path / "textual.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"textual.npy"):
        EncodedFeatures.load(tmp_path / "textual.npy")
