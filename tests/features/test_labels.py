"""Tests for labels."""

from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_dhns.features import entity_labels, label_to_text
from pykeen_dhns.features.labels import check_labels, hash_strings, name_some, split_labels


def test_entity_labels() -> None:
    """Labels are ordered by ID, not by name."""
    factory = TriplesFactory(
        torch.zeros(1, 3, dtype=torch.long), entity_to_id=dict(c=0, a=2, b=1), relation_to_id=dict(r=0)
    )
    assert entity_labels(factory) == ["c", "b", "a"]
    training = Nations().training
    assert [training.entity_to_id[label] for label in entity_labels(training)] == list(range(14))


def test_entity_labels_errors() -> None:
    """Each entity needs a label."""
    triples = torch.zeros(1, 3, dtype=torch.long)
    core: Any = CoreTriplesFactory(triples, num_entities=1, num_relations=1)
    with pytest.raises(TypeError, match=r"^CoreTriplesFactory has no labels of entities: .*TriplesFactory is needed"):
        entity_labels(core)
    factory = TriplesFactory(triples, entity_to_id=dict(a=0, b=2), relation_to_id=dict(r=0))
    with pytest.raises(ValueError, match=r"^1 of 3 entities have no label, e.g., the one with ID 1"):
        entity_labels(factory)


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("FC_Jūrmala", "FC Jūrmala"),
        ("<http://dbpedia.org/resource/New_York_City>", "New York City"),
        ("http://www.wikidata.org/entity/Q370252", "Q370252"),
        ("http://example.org/ontology#Some_Thing", "Some Thing"),
        ("https://example.org/a%20b/", "a b"),
        ("50%_of_it", "50% of it"),
        ("AC/DC", "AC/DC"),
        ("_", ""),
        ("", ""),
    ],
)
def test_label_to_text(label: str, text: str) -> None:
    """Labels of all kinds."""
    assert label_to_text(label) == text


def test_hash() -> None:
    """The hash depends on each string, their order, and where they end."""
    cases = [["a", "b"], ["b", "a"], ["ab"], ["ab", ""], ["", "ab"], ["a"], [], ["\udcff"], ["ä"]]
    assert len({hash_strings(case) for case in cases}) == len(cases)
    # it is stored in files, so it must stay as it is
    assert hash_strings(["a", "b"]) == "3c9d591045bc8876f9d0399bbfb05c6a412096e906f73278f98406cd5dca86df"


@pytest.mark.parametrize(
    ("given", "kwargs", "error", "message"),
    [
        ("abc", {}, TypeError, "labels='abc' is a single string"),
        (["a", 1], {}, TypeError, r"labels\[1\]=1 is a int: labels must be strings"),
        (["a"], dict(n=2), ValueError, "There are 1 labels, but 2 rows"),
        (
            list("abcabd"),
            dict(unique=True),
            ValueError,
            "2 labels occur more than once: 'a', 'b'. .* keep one for each",
        ),
    ],
)
def test_check_labels(given: Any, kwargs: Any, error: type[Exception], message: str) -> None:
    """The message says what was given, and what is needed."""
    with pytest.raises(error, match=message):
        check_labels(given, **kwargs)


def test_split_labels() -> None:
    """Inputs with labels, and without."""
    assert split_labels("texts", dict(a="x", b=None), None) == (["x", None], ["a", "b"])
    assert split_labels("texts", ["x", None], ["a", "b"]) == (["x", None], ["a", "b"])
    assert split_labels("texts", ["x", None, float("nan")], None)[1] == ["x", "", ""]
    for inputs, given, message in (
        (dict(a="x"), ["a"], "texts is a mapping from labels, so labels must not be given"),
        ([], None, "texts is empty: there must be at least one"),
        (["x"], ["a", "b"], "There are 2 labels, but 1 rows"),
    ):
        with pytest.raises(ValueError, match=message):
            split_labels("texts", inputs, given)


def test_name_some() -> None:
    """Of many names, a few are enough."""
    assert name_some(["a", "b", "c"]) == "'a', 'b', 'c'"
    assert name_some(map(str, range(5))) == "'0', '1', '2', and 2 more"


@pytest.mark.parametrize("label", [None, 3, b"a", ["a"], float("nan")])
def test_label_to_text_of_something_else(label: Any) -> None:
    """What is no label is named."""
    with pytest.raises(TypeError, match=r"^label=.* is a .*: it must be a string"):
        label_to_text(label)
