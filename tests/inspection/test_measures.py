"""Test the measures with a source whose generated embeddings are known."""

from typing import Any

import pandas as pd
import pytest
import torch

from pykeen_dhns.inspection import inspect_source, measures
from pykeen_dhns.inspection.measures import find_neighbors

from .runs import FACTORY, Planted


@pytest.fixture(name="source")
def _source() -> Planted:
    """Make the source."""
    return Planted()


@pytest.mark.parametrize("target", ["head", "tail"])
def test_neighbors(source: Planted, target: Any) -> None:
    """Without noise, the nearest entity is the missing one. What lacks a modality is left out."""
    frame = inspect_source(source, target=target, num_examples=200).neighbors
    without = source.entities[source.without]
    hard = frame[(frame["level"] == source.levels[0]) & (frame["modality"] == "good")]
    known = hard["tail" if target == "head" else "head"]
    assert without not in set(known) | set(hard["entity"])
    lacks = hard[target] == without
    assert lacks.any()
    assert hard.loc[lacks, "rank"].isna().all()
    assert (hard.loc[~lacks, "rank"] == 1).all()
    first = hard[~lacks].drop_duplicates(["head", "relation", "tail"])
    assert (first["entity"] == first[target]).all()
    assert (first["kind"] == "missing").all()
    assert first["cosine"].tolist() == pytest.approx([1.0] * len(first))
    groups = frame.groupby(["head", "relation", "tail", "level", "modality"])
    assert (groups.size() == 5).all()
    assert groups["cosine"].apply(lambda values: values.is_monotonic_decreasing).all()


def test_known_answers(source: Planted) -> None:
    """Other known answers are marked, and do not count for the rank."""
    head, relation, tail = source.triples[0].tolist()
    same = (source.triples[:, 0] == head) & (source.triples[:, 1] == relation)
    answers = {source.entities[i] for i in source.triples[same, 2].tolist()} - {source.entities[tail]}
    frame = find_neighbors(source, source.triples[:1], target="tail", num=len(source.entities))
    assert set(frame.loc[frame["kind"] == "known", "entity"]) == answers
    for _, rows in frame[frame["modality"] == "useless"].groupby("level"):
        before = rows[: rows["kind"].tolist().index("missing")]
        assert rows["rank"].unique() == [1 + (before["kind"] == "other").sum()]


def test_batches(source: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large graphs are compared in batches, with the same result."""

    def generate(self: Planted, triples: torch.Tensor, target: Any) -> torch.Tensor:  # noqa: ARG001
        """Generate without noise, since batches draw it in another order."""
        return self.embeddings[:, triples[:, 2]].repeat(3, 1, 1, 1)

    monkeypatch.setattr(Planted, "generate", generate)
    expected = find_neighbors(source, source.triples[:20], target="tail", num=3)
    monkeypatch.setattr(measures, "MAX_CELLS", 7 * len(source.levels) * 2 * len(source.entities))
    pd.testing.assert_frame_equal(find_neighbors(source, source.triples[:20], target="tail", num=3), expected)


def test_ranks(source: Planted) -> None:
    """The median rank is 1 without noise, and that of chance for what is generated at random."""
    rows = inspect_source(source).ranks.set_index(["level", "modality"])
    hard, easy = rows.loc[(source.levels[0], "good")], rows.loc[(source.levels[2], "good")]
    useless = rows.loc[(source.levels[0], "useless")]
    assert hard["median rank"] == 1
    assert hard["nearest is a known answer"] == pytest.approx(1.0, abs=0.1)
    assert hard["spread"] == pytest.approx(1.0, abs=0.1)
    assert easy["spread"] == pytest.approx(20, rel=0.1)
    # half of those that are left without other answers
    assert 2 < useless["median rank"] < 8
    assert useless["nearest is a known answer"] < 0.8
    assert useless["distinct nearest"] == 14 / 500
    assert hard["triples"] < useless["triples"] == 500


def test_scores(source: Planted) -> None:
    """Each triple is scored once, uniform negatives are no known triples, and gaps are relative to them."""
    inspection = inspect_source(source, max_triples=600, num_uniform=3)
    sizes = inspection.scores.groupby("triples", sort=False).size()
    assert list(sizes.index) == ["positives", "uniform", *source.levels]
    assert sizes["positives"] == 600
    assert 0 < sizes["uniform"] < 1800
    assert (sizes[[*source.levels]] == 1200).all()
    table = inspection.score_summary.set_index("triples")
    uniform = table.loc["uniform"]
    for level, shift, above in zip(source.levels, (0.75, -0.25, -1.25), (1.0, 0.0, 0.0), strict=True):
        row = table.loc[level]
        assert row["mean"] == pytest.approx(table.loc["positives", "mean"] + shift)
        assert row["gap"] == pytest.approx((row["mean"] - uniform["mean"]) / uniform["std"])
        assert row["above"] == above


def test_relations(source: Planted) -> None:
    """Relations have their own uniform negatives, and all triples are counted."""
    relations = inspect_source(source, max_triples=10_000).relations
    ids, counts = FACTORY.mapped_triples[:, 1].unique(return_counts=True)
    expected = {FACTORY.relation_id_to_label[i]: n for i, n in zip(ids.tolist(), counts.tolist(), strict=True)}
    assert dict(zip(relations["relation"], relations["triples"], strict=True)) == expected
    assert relations["triples"].is_monotonic_decreasing
    gaps = relations[[source.levels[0], "positives", *source.levels[1:]]].dropna()
    assert len(gaps) > 40
    assert (gaps.diff(axis=1).iloc[:, 1:] < 0).all(axis=None)


def test_projection(source: Planted) -> None:
    """Without noise, generated entities are where true ones are."""
    points = inspect_source(source).projection
    assert set(points["modality"]) == {"good", "useless"}
    assert set(points["relation"]) == {FACTORY.relation_id_to_label[int(source.triples[:, 1].mode().values)]}
    assert set(points["kind"]) == {"true", "uniform", "generated"}
    assert points.groupby("modality")["explained"].first().between(0.1, 0.5).all()
    good = points[points["modality"] == "good"]
    true = {tuple(point) for point in good.loc[good["kind"] == "true", ["x", "y"]].round(3).to_numpy()}
    hard, easy = (good.loc[good["level"] == level, ["x", "y"]] for level in source.levels[::2])
    # the others stand for the entity without this modality
    assert sum(tuple(point) in true for point in hard.round(3).to_numpy()) / len(hard) > 0.8
    assert (easy.std() > 5 * hard.std()).all()


def test_projection_of_one_dimension() -> None:
    """Embeddings of a single dimension have no second component, and the first one explains everything."""
    points = inspect_source(Planted(dim=1)).projection
    assert (points["y"] == 0).all()
    assert points["explained"].to_numpy() == pytest.approx(1)


def test_choice_of_relation(source: Planted) -> None:
    """Examples and projection are of the chosen relation."""
    label = FACTORY.relation_id_to_label[7]
    inspection = inspect_source(source, relation=label, num_examples=3)
    assert set(inspection.neighbors["relation"]) == set(inspection.projection["relation"]) == {label}
    source.triples = source.triples[source.triples[:, 1] != 7]
    with pytest.raises(ValueError, match="No training triple has the relation"):
        inspect_source(source, relation=label)


def test_choice_of_examples(source: Planted) -> None:
    """Examples are the given ones, by their labels."""
    triples = [("brazil", "treaties", "usa"), ("usa", "embassy", "uk")]
    frame = inspect_source(source, examples=[*triples, triples[0]]).neighbors
    found = frame[["head", "relation", "tail"]].drop_duplicates()
    assert [*found.itertuples(index=False, name=None)] == triples
    assert len(frame) == 2 * 3 * 2 * 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(relation="likes"), "There is no relation 'likes'. The training triples have 55, for example: 'accusa"),
        (dict(examples=[("narnia", "embassy", "usa")]), "There is no entity 'narnia'. The training triples have 14"),
    ],
)
def test_mistakes(source: Planted, settings: dict[str, Any], message: str) -> None:
    """Errors name what is wrong, and what is allowed."""
    with pytest.raises(ValueError, match=message):
        inspect_source(source, **settings)


def test_seed(source: Planted) -> None:
    """Everything that is drawn depends on the seed alone, and other random numbers do not depend on it."""
    first = inspect_source(source, seed=1).to_markdown()
    before = torch.get_rng_state()
    assert inspect_source(source, seed=1).to_markdown() == first
    assert inspect_source(source, seed=2).to_markdown() != first
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["score", "score_generated"])
def test_divergence(source: Planted, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that are not finite are an error, rather than an empty table."""
    original = getattr(Planted, name)
    monkeypatch.setattr(Planted, name, lambda *args: torch.full_like(original(*args), torch.nan))
    with pytest.raises(ValueError, match="the training has diverged"):
        inspect_source(source)
