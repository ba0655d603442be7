"""Tests for features with their provenance."""

import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pykeen.datasets import Nations

from pykeen_dhns import MultimodalModel, __version__
from pykeen_dhns.features import EncodedFeatures, encode_texts, entity_labels, load_features

NAMES = ["burma", "", "china", "cuba"]


def make(**kwargs: Any) -> EncodedFeatures:
    """Encode names, of which one is missing."""
    return encode_texts(NAMES, labels=list("abcd"), encoder_kwargs=dict(dim=8), progress=False, **kwargs)


def test_provenance() -> None:
    """All that is needed to know where features come from."""
    features = make()
    provenance = features.provenance
    assert features.features.shape == (provenance.num_rows, provenance.num_features) == (4, 8)
    assert features.features.dtype == np.float32
    assert features.mask.tolist() == [True, False, True, True]
    assert (provenance.kind, provenance.encoder, dict(provenance.encoder_kwargs)) == ("texts", "lexical", dict(dim=8))
    assert (provenance.num_missing, dict(provenance.missing)) == (1, dict(empty=1))
    assert provenance.versions["pykeen-dhns"] == __version__
    assert provenance.versions["torch"] == importlib.metadata.version("torch")
    assert "scikit-learn" in provenance.versions
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", provenance.created)


def test_save_and_load(tmp_path: Path) -> None:
    """What is loaded is what was saved, and the file is a modality."""
    features = make()
    path = features.save(tmp_path / "textual.npy")
    assert {file.name for file in tmp_path.iterdir()} == {"textual.npy", "textual.npy.json"}
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


def test_wrong_entities(tmp_path: Path) -> None:
    """Features of other entities, or in another order, are refused."""
    path = make().save(tmp_path / "textual.npy")
    for entities, problem in ((list("abdc"), "other labels, or another order"), (list("abc"), "others")):
        with pytest.raises(ValueError, match=rf"have 4 rows, .* {len(entities)} entities: .* for {problem}. Use align"):
            EncodedFeatures.load(path, entities)
    with pytest.raises(ValueError, match="have 4 rows, but they are not those of these 14 entities"):
        EncodedFeatures.load(path, Nations().training)


def test_wrong_files(tmp_path: Path) -> None:
    """Files that are missing, changed, or broken."""
    path = make().save(tmp_path / "textual.npy")
    provenance = tmp_path / "textual.npy.json"
    array, content = path.read_bytes(), provenance.read_text(encoding="utf8")

    np.save(path, np.ones((4, 8), dtype=np.float32))
    with pytest.raises(ValueError, match=r"textual.npy' is not the file whose provenance is in textual.npy.json"):
        EncodedFeatures.load(path)
    path.write_bytes(array[:-1])
    with pytest.raises(ValueError, match=r"textual.npy' cannot be read as .npy"):
        EncodedFeatures.load(path)
    path.write_bytes(array)
    EncodedFeatures.load(path)

    for broken, message in (
        ("{", "is no valid JSON file"),
        ("[]", "holds a list: it must hold an object"),
        ("{}", "is no provenance of features: 'features_hash'"),
        (json.dumps({**json.loads(content), "else": 1}), "is no provenance of features: .*'else'"),
    ):
        provenance.write_text(broken, encoding="utf8")
        with pytest.raises(ValueError, match=message):
            EncodedFeatures.load(path)
    provenance.unlink()
    with pytest.raises(FileNotFoundError, match=r"textual.npy.json' is not a file: .* two files"):
        EncodedFeatures.load(path)
    with pytest.raises(ValueError, match=r"textual.pt' has suffix '.pt': it must be .npy"):
        make().save(tmp_path / "textual.pt")


def test_places_to_save(tmp_path: Path) -> None:
    """A missing folder is made, and where nothing can be written, this is said."""
    path = make().save(tmp_path / "new" / "folder" / "textual.npy")
    with pytest.raises(OSError, match=r"x.npy' cannot be written: .* Use a path in a folder that can be written to"):
        make().save(path / "x.npy")
    nothing: Any = None
    with pytest.raises(TypeError, match="path=None is a NoneType: it must be a path"):
        make().save(nothing)


def test_save_is_atomic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If saving fails, what was there before is still there."""
    path = make().save(tmp_path / "textual.npy")
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        make(random_seed=1).save(path)
    assert path.read_bytes() == before
    EncodedFeatures.load(path)
