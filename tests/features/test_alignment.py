"""Tests for bringing features in the order of entity IDs."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_dhns.features import align, entity_labels

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
