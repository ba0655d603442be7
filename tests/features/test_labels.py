"""Tests for labels."""

from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_dhns.features import entity_labels, label_to_text
from pykeen_dhns.features.inputs import hash_strings, name_some

TRIPLES = torch.zeros(1, 3, dtype=torch.long)


def test_entity_labels() -> None:
    """Labels are ordered by ID, not by name."""
    factory = TriplesFactory(TRIPLES, entity_to_id=dict(c=0, a=2, b=1), relation_to_id=dict(r=0))
    assert entity_labels(factory) == ["c", "b", "a"]
    training = Nations().training
    assert [training.entity_to_id[label] for label in entity_labels(training)] == list(range(14))


def test_entity_labels_errors() -> None:
    """Each entity needs a label."""
    core = CoreTriplesFactory(TRIPLES, num_entities=1, num_relations=1)
    with pytest.raises(TypeError, match=r"^CoreTriplesFactory has no labels of entities. Use a .*TriplesFactory"):
        entity_labels(core)
    factory = TriplesFactory(TRIPLES, entity_to_id=dict(a=0, b=2), relation_to_id=dict(r=0))
    with pytest.raises(ValueError, match=r"^1 of 3 entities have no label, the first one has ID 1"):
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
    ],
)
def test_label_to_text(label: str, text: str) -> None:
    """Labels of all kinds become names."""
    assert label_to_text(label) == text


@pytest.mark.parametrize("label", [None, 3, b"a"])
def test_label_to_text_errors(label: Any) -> None:
    """The message names anything that is not a label."""
    with pytest.raises(TypeError, match=r"^label=.* is a .*: it must be a string"):
        label_to_text(label)


def test_hash() -> None:
    """The hash depends on each string, their order, and where they end."""
    cases = [["a", "b"], ["b", "a"], ["ab"], ["ab", ""], ["", "ab"], ["a"], [], ["\udcff"], ["ä"]]
    assert len({hash_strings(case) for case in cases}) == len(cases)
    # it is part of saved files, so it must not change
    assert hash_strings(["a", "b"]) == "3c9d591045bc8876f9d0399bbfb05c6a412096e906f73278f98406cd5dca86df"


def test_name_some() -> None:
    """Messages name a few of many."""
    assert name_some(["a", "b", "c"]) == "'a', 'b', 'c'"
    assert name_some(map(str, range(5))) == "'0', '1', '2', and 2 more"
