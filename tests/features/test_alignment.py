"""Tests for bringing features in the order of entity IDs."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_dhns.features import align, encode_texts, entity_labels

#: The IDs are in no order that could be guessed
FACTORY = TriplesFactory(
    torch.zeros(1, 3, dtype=torch.long), entity_to_id=dict(b=3, d=0, a=2, c=1), relation_to_id=dict(r=0)
)
NAN = float("nan")


@pytest.mark.parametrize("kind", ["tensor", "array", "file", "frame", "mapping"])
def test_order(tmp_path: Path, kind: str) -> None:
    """Rows get to where their entities are, from wherever they come."""
    array = np.asarray([[1.0], [2.0], [3.0], [4.0]])
    np.save(tmp_path / "features.npy", array)
    source: Any = dict(
        tensor=torch.tensor(array),
        array=array.astype(int),
        file=tmp_path / "features.npy",
        frame=pd.DataFrame(array, index=list("abcd")),
        mapping=dict(features=array, mask=np.ones(4, dtype=bool)),
    )
    aligned = align(source[kind], ["a", "b", "c", "d"], FACTORY)
    assert aligned.dtype == np.float32
    assert aligned.tolist() == [[4.0], [3.0], [1.0], [2.0]]
    # aligned rows stay where they are
    assert np.array_equal(align(aligned, entity_labels(FACTORY), FACTORY), aligned)


def test_random_orders() -> None:
    """Each row stays with its label."""
    factory = Nations().training
    labels = entity_labels(factory)
    expected = np.random.default_rng(0).normal(size=(14, 3)).astype(np.float32)
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(14)
        assert np.array_equal(align(expected[order], [labels[i] for i in order], factory), expected)


def test_missing_and_unknown(caplog: pytest.LogCaptureFixture) -> None:
    """Entities without a row, rows without an entity, and rows without features."""
    with caplog.at_level(logging.WARNING):
        aligned = align(torch.tensor([[1.0], [2.0], [NAN]]), ["a", "x", "d"], FACTORY, name="textual")
    assert np.array_equal(aligned, [[NAN], [NAN], [1.0], [NAN]], equal_nan=True)
    assert [record.getMessage() for record in caplog.records] == [
        "textual: 1 of 3 rows belong to no entity, and are left out: 'x'",
        "textual: 2 of 4 entities have no row, and are missing: 'c', 'b'",
    ]
    with pytest.raises(
        ValueError, match=r"^2 of 4 entities have no row in textual: 'c', 'b'. Add them, or use missing="
    ):
        align(torch.ones(3, 1), ["a", "x", "d"], FACTORY, name="textual", missing="error")
    caplog.clear()
    align(torch.ones(4, 1), list("abcd"), FACTORY, missing="error")
    assert not caplog.records


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (list("abca"), ValueError, "1 labels occur more than once: 'a'"),
        (list("abc"), ValueError, "There are 3 labels, but 4 rows"),
        (set("abcd"), TypeError, "labels is a set: it must be a list, .*, in their order"),
        (
            list("ABCD"),
            ValueError,
            "None of the 4 labels of features, 'A', 'B', 'C', and 1 more, is that of an entity, such as 'd', 'c', 'a'",
        ),
    ],
)
def test_errors(labels: Any, error: type[Exception], message: str) -> None:
    """What cannot be aligned is refused."""
    with pytest.raises(error, match=message):
        align(torch.ones(4, 1), labels, FACTORY)


def test_other_errors() -> None:
    """Features, factories and options that are not possible."""
    with pytest.raises(ValueError, match=r"modalities\['textual'\] has shape \(4,\)"):
        align(torch.ones(4), list("abcd"), FACTORY, name="textual")
    core: Any = CoreTriplesFactory(FACTORY.mapped_triples, num_entities=4, num_relations=1)
    with pytest.raises(TypeError, match="CoreTriplesFactory has no labels"):
        align(torch.ones(4, 1), list("abcd"), core)
    option: Any = "zero"
    with pytest.raises(ValueError, match=r"missing='zero' is unknown. Try one of: \['error', 'nan'\]"):
        align(torch.ones(4, 1), list("abcd"), FACTORY, missing=option)


def test_encoded(tmp_path: Path) -> None:
    """Encoded features keep their provenance, and belong to the entities of the factory then."""
    texts = dict(c="some text", x="another text", a="", b="the third one")
    features = encode_texts(texts, encoder_kwargs=dict(dim=16), progress=False)
    with pytest.raises(ValueError, match="The 4 rows are not those of these 4 entities"):
        features.check(FACTORY)
    with pytest.raises(ValueError, match="The 4 rows are not those of these 4 entities"):
        align(features, ["c", "x", "b", "a"], FACTORY)
    aligned = align(features, list(texts), FACTORY)
    aligned.check(FACTORY)
    assert aligned.mask.tolist() == [False, True, False, True]
    assert np.array_equal(aligned.features[1], features.features[0])
    assert np.array_equal(aligned.features[3], features.features[3])
    assert aligned.provenance.num_missing == 2
    assert dict(aligned.provenance.missing) == {"no row": 1, "other reasons": 1}
    assert aligned.provenance.aligned_from == features.provenance.labels_hash
    assert aligned.provenance.inputs_hash == features.provenance.inputs_hash
    assert type(aligned).load(aligned.save(tmp_path / "aligned.npy"), FACTORY).provenance == aligned.provenance
