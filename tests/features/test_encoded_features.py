"""Tests for features with their provenance."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.datasets import Nations

from pykeen_dhns import MultimodalModel, __version__
from pykeen_dhns.features import EncodedFeatures, encode_texts, entity_labels, load_features


@pytest.fixture(name="features")
def _features() -> EncodedFeatures:
    """Encode names, one of which is missing."""
    return encode_texts(["burma", "", "china", "cuba"], labels=list("abcd"), encoder_kwargs=dict(dim=8), progress=False)


def test_provenance(features: EncodedFeatures) -> None:
    """The provenance says where features come from."""
    provenance = features.provenance
    assert features.features.shape == (provenance.num_rows, provenance.num_features) == (4, 8)
    assert features.mask.tolist() == [True, False, True, True]
    assert (provenance.kind, provenance.encoder, dict(provenance.encoder_kwargs)) == ("texts", "lexical", dict(dim=8))
    assert (provenance.num_missing, dict(provenance.missing)) == (1, dict(empty=1))
    assert provenance.versions["pykeen_dhns"] == __version__
    assert provenance.versions["torch"] == torch.__version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", provenance.created)


def test_save_and_load(features: EncodedFeatures, tmp_path: Path) -> None:
    """Saved features are the same when they are loaded, and the file is a modality."""
    path = features.save(tmp_path / "new" / "folder" / "textual.npy")
    assert {file.name for file in path.parent.iterdir()} == {"textual.npy", "textual.npy.json"}
    loaded = EncodedFeatures.load(str(path), entities=list("abcd"))
    assert np.array_equal(loaded.features, features.features, equal_nan=True)
    assert loaded.provenance == features.provenance
    values, mask = load_features("textual", path)
    assert mask.tolist() == [True, False, True, True]
    assert np.array_equal(values[mask].numpy(), features.features[features.mask])


def test_model(tmp_path: Path) -> None:
    """A model takes the path."""
    factory = Nations().training
    path = encode_texts(entity_labels(factory), encoder_kwargs=dict(dim=8), progress=False).save(tmp_path / "names.npy")
    EncodedFeatures.load(path, factory)
    model = MultimodalModel(
        triples_factory=factory, interaction="distmult", embedding_dim=4, modalities=dict(textual=str(path))
    )
    assert model.score_hrt(factory.mapped_triples[:5]).isfinite().all()


@pytest.mark.parametrize("entities", [list("abdc"), list("abc"), Nations().training], ids=["order", "few", "factory"])
def test_other_entities(features: EncodedFeatures, entities: Any, tmp_path: Path) -> None:
    """Features of other entities, or in another order, are refused."""
    path = features.save(tmp_path / "textual.npy")
    with pytest.raises(ValueError, match=r"The 4 rows are not those of these \d+ entities: .* another order. Use"):
        EncodedFeatures.load(path, entities)


def test_other_files(features: EncodedFeatures, tmp_path: Path) -> None:
    """Files that are missing, changed, or broken are refused."""
    path = features.save(tmp_path / "textual.npy")
    content = path.read_bytes()
    np.save(path, np.ones((4, 8), dtype=np.float32))
    with pytest.raises(ValueError, match=r"textual.npy' does not hold the features .* It was changed or replaced"):
        EncodedFeatures.load(path)
    with path.open("wb") as file:
        np.savez(file, a=features.features)
    with pytest.raises(ValueError, match=r"textual.npy' does not hold the features"):
        EncodedFeatures.load(path)
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match=r"textual.npy' does not hold the features .* delete both, and encode again"):
        EncodedFeatures.load(path)
    path.write_bytes(content)
    path.with_name("textual.npy.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"textual.npy.json"):
        EncodedFeatures.load(path)
    with pytest.raises(ValueError, match=r"path='.*textual.pt' has suffix '.pt': it must be .npy"):
        features.save(tmp_path / "textual.pt")
