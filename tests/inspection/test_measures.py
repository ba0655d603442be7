"""Test what is found where the truth is known."""

import itertools
import math
from typing import Any

import pytest
import torch

from pykeen_dhns.inspection import Inspection, InspectionSettings
from pykeen_dhns.inspection.inspection import inspect_source
from pykeen_dhns.inspection.labels import Labels
from pykeen_dhns.inspection.neighbors import find_neighbors

from .runs import FACTORY, Planted


@pytest.fixture(name="source")
def _source() -> Planted:
    """Make the source."""
    return Planted()


def inspect(source: Planted, **settings: Any) -> Inspection:
    """Inspect the source."""
    return inspect_source(source, InspectionSettings(**settings))


@pytest.mark.parametrize("target", ["head", "tail"])
def test_neighbors(source: Planted, target: Any) -> None:
    """Without noise, the nearest entity is the missing one."""
    for example in inspect(source, target=target, num_examples=20).examples:
        missing, known = (example.tail, example.head) if target == "tail" else (example.head, example.tail)
        easy, hard = example.neighborhoods[-2], example.neighborhoods[0]
        assert (hard.level, hard.modality) == ("t = 1 of 10", "good")
        assert (easy.level, easy.modality) == ("t = 10 of 10", "good")
        without = FACTORY.entity_id_to_label[source.without]
        if known == without:
            assert hard.neighbors is None
            assert hard.rank is None
            continue
        assert hard.neighbors is not None
        labels = [neighbor.label for neighbor in hard.neighbors]
        assert without not in labels
        if missing == without:
            assert hard.rank is None
            continue
        assert hard.rank == 1
        assert labels[0] == missing
        assert [neighbor.is_true for neighbor in hard.neighbors] == [True, False, False, False, False]
        assert hard.neighbors[0].similarity == pytest.approx(1.0)
        assert all(a.similarity >= b.similarity for a, b in itertools.pairwise(hard.neighbors))


def test_known_answers(source: Planted) -> None:
    """Other known answers are marked, and do not count for the rank."""
    head, relation, _ = source.triples[0].tolist()
    same = (source.triples[:, 0] == head) & (source.triples[:, 1] == relation)
    labels = Labels(source.training)
    known = {labels.entity(tail) for tail in source.triples[same, 2].tolist()}
    (example,) = find_neighbors(source, source.triples[:1], labels, target="tail", num_neighbors=source.num_entities)
    for neighborhood in example.neighborhoods:
        assert neighborhood.neighbors is not None
        for neighbor in neighborhood.neighbors:
            assert neighbor.is_true == (neighbor.label == example.tail)
            assert neighbor.is_known == (neighbor.label in known - {example.tail})
        if neighborhood.modality == "useless":
            before = itertools.takewhile(lambda neighbor: not neighbor.is_true, neighborhood.neighbors)
            assert neighborhood.rank == 1 + sum(not neighbor.is_known for neighbor in before)


def test_resemblance(source: Planted) -> None:
    """The rank is 1 without noise, and that of chance where nothing makes sense."""
    rows = {(row.level, row.modality): row for row in inspect(source).resemblance}
    hard, easy = rows["t = 1 of 10", "good"], rows["t = 10 of 10", "good"]
    useless = rows["t = 1 of 10", "useless"]
    assert hard.median_rank == 1
    assert hard.nearest_is_known == pytest.approx(1.0, abs=0.1)
    assert hard.num_entities == 14
    assert hard.spread == pytest.approx(1.0, abs=0.1)
    assert easy.spread == pytest.approx(20, rel=0.1)
    # other answers left out, chance is half of what is left
    assert 2 < useless.median_rank < 8
    assert useless.nearest_is_known < 0.8
    assert hard.num_triples < useless.num_triples == 500


def test_scores(source: Planted) -> None:
    """Everything is scored once, known triples are no uniform negatives, and gaps are what they should be."""
    scores = inspect(source, max_triples=600, num_uniform=3).scores
    assert len(scores.triples.unique(dim=0)) == 600
    assert torch.equal(scores.positive, scores.triples[:, 2].float())
    assert scores.uniform.shape == (600, 3)
    assert scores.generated.shape == (3, 600, 2)
    rows = {row["name"]: row for row in scores.rows()}
    assert list(rows)[:5] == ["positives", "uniform", "t = 1 of 10", "t = 5 of 10", "t = 10 of 10"]
    assert len(rows) == 5 + 2 + 3 * 2
    assert rows["positives, good"]["mean"] == pytest.approx(rows["positives"]["mean"])
    assert rows["positives, useless"]["mean"] == pytest.approx(rows["positives"]["mean"] + 2)
    mean, std = rows["uniform"]["mean"], rows["uniform"]["std"]
    for name, shift, above in (("t = 1 of 10", 0.75, 1.0), ("t = 5 of 10", -0.25, 0.0), ("t = 10 of 10", -1.25, 0.0)):
        expected = scores.positive.mean().item() + shift
        assert rows[name]["mean"] == pytest.approx(expected, rel=1e-5)
        assert rows[name]["gap"] == pytest.approx((expected - mean) / std, rel=1e-4)
        assert rows[name]["above"] == above
        assert rows[f"{name}, useless"]["mean"] == pytest.approx(expected - 1, rel=1e-4)
    assert 0 < scores.uniform.isnan().sum() < scores.uniform.numel()


def test_relations(source: Planted) -> None:
    """Relations have their own uniform negatives, and all triples are counted."""
    inspection = inspect(source, max_triples=10_000)
    counts = {relation.label: relation.num_triples for relation in inspection.relations}
    assert counts == {
        FACTORY.relation_id_to_label[int(i)]: int(n)
        for i, n in zip(*FACTORY.mapped_triples[:, 1].unique(return_counts=True), strict=True)
    }
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    for relation in inspection.relations:
        assert relation.above == [1.0, 0.0, 0.0]
        if math.isfinite(relation.positive):
            assert relation.gaps[0] > relation.positive > relation.gaps[1] > relation.gaps[2]


def test_projection(source: Planted) -> None:
    """Without noise, generated entities are where true ones are."""
    (good, useless) = inspect(source).projections
    assert (good.modality, useless.modality) == ("good", "useless")
    frequent = FACTORY.relation_id_to_label[int(source.triples[:, 1].mode().values)]
    assert good.relation == frequent
    hard, _, easy = good.panels
    true = {tuple(point) for point in good.true.round(3).tolist()}
    assert len(true) == len(good.true)
    near = [tuple(point) in true for point in hard.generated.round(3).tolist()]
    # what cannot be there is the entity without this modality
    assert sum(near) / len(near) > 0.8
    assert easy.generated.std() > 5 * hard.generated.std()
    assert all(panel.chosen.shape == (0, 2) for panel in good.panels)


def test_choice_of_relation(source: Planted) -> None:
    """Examples and projection are of the relation that is asked for."""
    label = FACTORY.relation_id_to_label[7]
    inspection = inspect(source, relation=label, num_examples=3)
    assert [example.relation for example in inspection.examples] == [label] * 3
    assert {projection.relation for projection in inspection.projections} == {label}
    with pytest.raises(ValueError, match="There is no relation 'likes' among 55, the first of which are: 'accusation'"):
        inspect(source, relation="likes")
    source.triples = source.triples[source.triples[:, 1] != 7]
    with pytest.raises(ValueError, match="There is no training triple with relation="):
        inspect(source, relation=label)


def test_choice_of_examples(source: Planted) -> None:
    """Examples are those that are asked for, by labels."""
    triples = [("brazil", "treaties", "usa"), ("usa", "embassy", "uk")]
    inspection = inspect(source, examples=triples)
    assert [(x.head, x.relation, x.tail) for x in inspection.examples] == triples
    with pytest.raises(ValueError, match=r"There are no entities \['narnia'\] among 14, the first of which are: "):
        inspect(source, examples=[("narnia", "treaties", "usa")])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(target="relation"), "target='relation' is unknown"),
        (dict(num_neighbors=0), "num_neighbors=0 is invalid"),
        (dict(max_triples=-1), "max_triples=-1 is invalid"),
    ],
)
def test_settings(settings: dict[str, Any], message: str) -> None:
    """What cannot be is refused."""
    with pytest.raises(ValueError, match=message):
        InspectionSettings(**settings)


def test_seed(source: Planted) -> None:
    """The seed decides what is drawn, and nothing outside of it."""
    first = inspect(source, seed=1).to_markdown()
    torch.rand(3)
    assert inspect(source, seed=1).to_markdown() == first
    assert inspect(source, seed=2).to_markdown() != first
    before = torch.get_rng_state()
    inspect(source)
    assert torch.equal(torch.get_rng_state(), before)


def test_divergence(source: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that are none are an error, not a table of nothing."""
    monkeypatch.setattr(Planted, "score", lambda _, triples: torch.full(triples.shape[:-1], math.nan))
    with pytest.raises(ValueError, match="training has diverged"):
        inspect(source)
