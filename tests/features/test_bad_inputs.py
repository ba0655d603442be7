"""Bad input for features."""

from typing import Any

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_dhns.features import (
    LexicalTextEncoder,
    align,
    encode_texts,
    entity_labels,
    label_to_text,
    load_features,
)

from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused, with_defaults

FACTORY = TriplesFactory(torch.zeros(1, 3, dtype=torch.long), entity_to_id=dict(b=1, a=0), relation_to_id=dict(r=0))
ONES = np.ones((2, 3), dtype=np.float32)

texts = with_defaults(encode_texts, texts=["a", "b"])
aligned = with_defaults(align, features=ONES, labels=["a", "b"], triples_factory=FACTORY)
loaded = with_defaults(load_features, name="textual", source=ONES)

NO_LISTS = ("ab", {"a"}, {"a": 1}, 3, True, torch.tensor(1), np.array("ab"))
NO_MAPPINGS = (3, "dim", ["dim"], True)

CASES = [
    *bad_values(texts, "texts", TypeError, *NO_LISTS, None, [3], [b"a"]),
    *bad_values(texts, "texts", ValueError, [], (), np.array([])),
    *bad_values(texts, "encoder", TypeError, 3, int, torch.nn.Identity(), ["lexical"]),
    *bad_values(texts, "encoder", ValueError, "", "nothing"),
    *bad_values(texts, "encoder_kwargs", TypeError, *NO_MAPPINGS),
    *bad_values(texts, "random_seed", TypeError, *NO_NUMBERS, 1.0),
    *bad_values(texts, "random_seed", ValueError, 2**64),
    *bad_values(texts, "batch_size", TypeError, *NO_NUMBERS, 1.0),
    *bad_values(texts, "batch_size", ValueError, 0, -1),
    *bad_values(aligned, "features", ValueError, None, "features.csv", ONES[0]),
    *bad_values(aligned, "labels", TypeError, *NO_LISTS, None),
    *bad_values(aligned, "labels", ValueError, [], ["a"], ["a", "a"]),
    *bad_values(aligned, "triples_factory", TypeError, None, 3, ["a", "b"]),
    *bad_values(aligned, "missing", TypeError, None, 0, True),
    *bad_values(aligned, "missing", ValueError, "zero"),
    *bad_values(aligned, "name", TypeError, None, 3),
    *bad_values(LexicalTextEncoder, "dim", TypeError, *NO_NUMBERS, 3.0),
    *bad_values(LexicalTextEncoder, "dim", ValueError, 0, -1, 2**31),
    *bad_values(LexicalTextEncoder, "ngram_range", TypeError, None, 3, "23", (2, 3.0), (True, 2)),
    *bad_values(LexicalTextEncoder, "ngram_range", ValueError, (3, 2), (0, 2), (2,), (1, 2, 3)),
    *bad_values(loaded, "name", TypeError, None, 3),
    *bad_values(entity_labels, "triples_factory", TypeError, None, 3, "nations"),
    *bad_values(label_to_text, "label", TypeError, None, 3, b"a"),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Test that bad values are refused by the argument's name."""
    check_refused(case)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.ma.masked_array(ONES, mask=[[True] * 3, [False] * 3]), [False, True]),
        (dict(features=ONES, mask=np.ma.masked_array([True, True], mask=[False, True])), [True, False]),
    ],
)
def test_masked_arrays(values: Any, expected: list[bool]) -> None:
    """Test that masked rows are missing, whatever is below the mask."""
    features, mask = load_features("textual", values)
    assert mask.tolist() == expected
    assert not features[~mask].any()
    with pytest.raises(ValueError, match=r"modalities\['textual'\] is partly NaN"):
        load_features("textual", np.ma.masked_array(ONES, mask=np.eye(2, 3, dtype=bool)))
