"""Tests for features from numeric literals."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory, TriplesNumericLiteralsFactory
from sklearn.preprocessing import MaxAbsScaler

from pykeen_dhns.features import encode_literals

#: The IDs are in no order that could be guessed
FACTORY = TriplesFactory(
    torch.zeros(1, 3, dtype=torch.long), entity_to_id=dict(b=3, d=0, a=2, c=1), relation_to_id=dict(r=0)
)

TRIPLES = np.asarray(
    [
        ("a", "height", "1"),
        ("b", "height", "3"),
        ("b", "age", "1e1"),
        ("c", "age", "-2.5"),
        ("a", "weight", "0"),
        ("b", "weight", "0"),
        ("c", "weight", "7"),
    ]
)


def test_values() -> None:
    """Attributes are standardised by their present values. Missing ones get the mean, and are marked."""
    features = encode_literals(FACTORY, TRIPLES)
    assert features.provenance.columns == ["age", "height", "weight", "age is missing", "height is missing"]
    low, high = -1 / 2**0.5, 2**0.5
    expected = {
        "a": [0, -1, low, 1, 0],
        "b": [1, 1, low, 0, 0],
        "c": [-1, 0, high, 0, 1],
        "d": [float("nan")] * 5,
    }
    for label, row in expected.items():
        assert np.allclose(features.features[FACTORY.entity_to_id[label]], row, equal_nan=True), label
    features.check(FACTORY)
    assert features.features.dtype == np.float32
    without = encode_literals(FACTORY, TRIPLES, indicators=False)
    assert without.provenance.columns == ["age", "height", "weight"]
    assert np.array_equal(without.features, features.features[:, :3], equal_nan=True)


def test_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """Triples that cannot be used are counted, reported, and left out. Several values are replaced by their mean."""
    more = [["a", "born", "1990-01-01"], ["b", "age", "inf"], ["x", "age", "3"], ["a", "height", "5"]]
    with caplog.at_level(logging.WARNING):
        features = encode_literals(FACTORY, np.asarray([*TRIPLES.tolist(), *more]))
    assert caplog.messages == [
        f"3 of 11 numeric triples have no finite number, or an unknown entity, and are left out: {more[:3]}",
        "1 of 4 entities are missing: ['d']",
    ]
    triples = np.asarray([(e, a, "3" if (e, a) == ("a", "height") else v) for e, a, v in TRIPLES.tolist()])
    assert np.array_equal(features.features, encode_literals(FACTORY, triples).features, equal_nan=True)


def test_factory() -> None:
    """The zeros of PyKEEN's factory are missing, since it has zeros for missing values."""
    factory = TriplesNumericLiteralsFactory.from_labeled_triples(
        np.asarray([("b", "r", "a"), ("c", "r", "d")]), numeric_triples=TRIPLES
    )
    features = encode_literals(factory)
    is_zero = TRIPLES[:, 2] == "0"
    expected = encode_literals(factory, TRIPLES[~is_zero])
    assert np.array_equal(features.features, expected.features, equal_nan=True)
    assert features.provenance.columns == expected.provenance.columns
    assert not np.array_equal(features.features, encode_literals(factory, TRIPLES).features, equal_nan=True)


@pytest.mark.parametrize("scaler", ["standard", "robust", "power", MaxAbsScaler, MaxAbsScaler()])
def test_scalers(scaler: Any) -> None:
    """Scalers can be given by name, by class, and as an instance. Missing values get the mean."""
    features = encode_literals(FACTORY, TRIPLES, scaler=scaler, indicators=False).features
    age = features[:, 0]
    assert age[1] < age[2] < age[3]
    assert age[2] == pytest.approx((age[1] + age[3]) / 2)
    assert np.isnan(age[0])


def test_scaler_kwargs() -> None:
    """The parameters get to the scaler and into the provenance."""
    kwargs: Any = dict(n_quantiles=2, output_distribution="normal")
    features = encode_literals(FACTORY, TRIPLES, scaler="quantile", scaler_kwargs=kwargs)
    assert features.features[3, 0] == features.features[:, 0][~np.isnan(features.features[:, 0])].max() > 5
    assert features.provenance.encoder == "quantile"
    assert features.provenance.encoder_kwargs == dict(scaler_kwargs=kwargs, indicators=True)


def test_same_result_of_many() -> None:
    """A scaler that draws a sample of many values draws the same one each time, unless it has another seed."""
    number = 2_000
    factory = TriplesFactory(
        torch.zeros(1, 3, dtype=torch.long),
        entity_to_id={str(i): i for i in range(number)},
        relation_to_id=dict(r=0),
    )
    triples = np.asarray([(str(i), "x", str(i**2)) for i in range(number)])
    first, second, other = (
        encode_literals(factory, triples, scaler="quantile", scaler_kwargs=kwargs).features
        for kwargs in (dict(subsample=1_000), dict(subsample=1_000), dict(subsample=1_000, random_state=1))
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("triples", "kwargs", "error", "message"),
    [
        (None, {}, TypeError, "^TriplesFactory has no literals: give numeric_triples"),
        ([("A", "x", "1")], {}, ValueError, "^There is no literal of any of the 4 entities. .*'d', 'c', 'a', 'b'"),
        (
            TRIPLES[:, 1:],
            {},
            ValueError,
            "numeric_triples=.* must be .* an array with three columns: entity, attribute",
        ),
        (TRIPLES, dict(scaler="nothing"), ValueError, "scaler='nothing' is unknown: .*'power', .*'standard'"),
    ],
    ids=str,
)
def test_errors(triples: Any, kwargs: Any, error: type[Exception], message: str) -> None:
    """The message says what was given, or what is needed."""
    with pytest.raises(error, match=message):
        encode_literals(FACTORY, triples, **kwargs)


def test_files(tmp_path: Path) -> None:
    """A file has the same triples, with decimal points."""
    path = tmp_path / "literals.tsv"
    with pytest.raises(FileNotFoundError, match=r"literals.tsv"):
        encode_literals(FACTORY, path)
    path.write_text("\n".join(map("\t".join, TRIPLES)), encoding="utf8")
    expected = encode_literals(FACTORY, TRIPLES)
    assert np.array_equal(encode_literals(FACTORY, path).features, expected.features, equal_nan=True)
    path.write_text("a\theight\t1,5\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"There is no literal of any .* with a decimal point"):
        encode_literals(FACTORY, path)


def test_quotation_marks(tmp_path: Path) -> None:
    """A quotation mark at the beginning of a field is part of it. Around a whole field, it is not."""
    path = tmp_path / "literals.tsv"
    path.write_text('a\t"height\t1\nb\tage\t2\nc\t"height\t3\n"d"\t"the ""age"""\t4\n', encoding="utf8")
    features = encode_literals(FACTORY, path, indicators=False)
    assert features.provenance.columns == ['"height', "age", 'the "age"']
    assert features.mask.all()
