"""Tests for labels."""

import pytest
import torch
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_dhns.features import entity_labels, label_to_text

TRIPLES = torch.zeros(1, 3, dtype=torch.long)


def test_entity_labels() -> None:
    """Labels are ordered by ID, not by name."""
    factory = TriplesFactory(TRIPLES, entity_to_id=dict(c=0, a=2, b=1), relation_to_id=dict(r=0))
    assert entity_labels(factory) == ["c", "b", "a"]
    core = CoreTriplesFactory(TRIPLES, num_entities=1, num_relations=1)
    with pytest.raises(
        TypeError, match=r"^triples_factory is a CoreTriplesFactory, which has no labels .* TriplesFactory"
    ):
        entity_labels(core)


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
