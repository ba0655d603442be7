"""Tests for bringing features in the order of entity IDs."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_dhns.features import EncodedFeatures, align, encode_texts, entity_labels

#: The IDs are in no order that could be guessed
FACTORY = TriplesFactory(
    torch.zeros(1, 3, dtype=torch.long), entity_to_id=dict(b=3, d=0, a=2, c=1), relation_to_id=dict(r=0)
)
NAN = float("nan")


@pytest.mark.parametrize("kind", ["tensor", "file", "frame", "mapping"])
def test_order(tmp_path: Path, kind: str) -> None:
    """Rows get to where their entities are, from wherever they come."""
    array = np.asarray([[1.0], [2.0], [3.0], [4.0]])
    np.save(tmp_path / "features.npy", array)
    source: Any = dict(
        tensor=torch.tensor(array),
        file=tmp_path / "features.npy",
        frame=pd.DataFrame(array, index=list("wxyz")),
        mapping=dict(features=array, mask=np.ones(4, dtype=bool)),
    )
    aligned = align(source[kind], ["a", "b", "c", "d"], FACTORY)
    assert aligned.dtype == np.float32
    assert aligned.tolist() == [[4.0], [3.0], [1.0], [2.0]]
    # aligned rows stay where they are
    assert np.array_equal(align(aligned, entity_labels(FACTORY), FACTORY), aligned)


def test_missing_and_unknown(caplog: pytest.LogCaptureFixture) -> None:
    """Entities without a row, rows without an entity, and rows without features."""
    message = (
        "2 of 4 entities have no row in textual: ['c', 'b']. 1 of 3 rows of textual belong to no entity, and are left "
        "out: ['x']."
    )
    with caplog.at_level(logging.WARNING):
        aligned = align(torch.tensor([[1.0], [2.0], [NAN]]), ["a", "x", "d"], FACTORY, name="textual")
    assert np.array_equal(aligned, [[NAN], [NAN], [1.0], [NAN]], equal_nan=True)
    assert caplog.messages == [message]
    with pytest.raises(ValueError, match=r"2 of 4 entities have no row .* Write labels in the same way"):
        align(torch.ones(3, 1), ["a", "x", "d"], FACTORY, missing="error")
    caplog.clear()
    align(torch.ones(4, 1), list("abcd"), FACTORY, missing="error")
    assert not caplog.records


@pytest.mark.parametrize(
    ("labels", "kwargs", "message"),
    [
        (list("abca"), {}, r"There are 4 labels and 4 rows of features: .* none twice. Twice are: \['a'\]"),
        (list("abc"), {}, "There are 3 labels and 4 rows of features: there must be one for each"),
        (list("ABCD"), {}, "4 of 4 entities have no row in features: .* 4 of 4 rows .* Write labels in the same way"),
        (list("abcd"), dict(missing="zero"), r"missing='zero' is unknown. Try one of: \['error', 'nan'\]"),
    ],
)
def test_errors(labels: Any, kwargs: Any, message: str) -> None:
    """What cannot be aligned is refused."""
    with pytest.raises(ValueError, match=message):
        align(torch.ones(4, 1), labels, FACTORY, **kwargs)


def test_encoded(tmp_path: Path) -> None:
    """Encoded features keep their provenance, and belong to the entities of the factory then."""
    texts = dict(c="some text", x="another text", a="", b="the third one")
    features = encode_texts(texts, encoder_kwargs=dict(dim=16), progress=False)
    with pytest.raises(ValueError, match="The 4 rows are not those of these 4 entities"):
        align(features, ["c", "x", "b", "a"], FACTORY)
    aligned = align(features, list(texts), FACTORY)
    assert aligned.mask.tolist() == [False, True, False, True]
    assert np.array_equal(aligned.features[[1, 3]], features.features[[0, 3]])
    assert aligned.provenance.encoder_kwargs == features.provenance.encoder_kwargs
    assert EncodedFeatures.load(aligned.save(tmp_path / "aligned.npy"), FACTORY).provenance == aligned.provenance
