"""Tests for how embeddings of a model are read, and scored."""

from typing import Any, cast

import pytest
import torch
from pykeen.models import RGCN, ComplEx, ERModel, PairRE, TransD
from pykeen.nn.message_passing import RGCNRepresentation
from pykeen.nn.representation import Embedding

from pykeen_dhns import MultimodalRepresentation
from pykeen_dhns.training.model_adapter import AnyModel, ModelAdapter

from ..helpers.interactions import NAMES
from ..helpers.loops import FACTORY
from ..helpers.models import make_features, make_model, make_multimodal

POSITIVES = FACTORY.mapped_triples[:20]


@pytest.mark.parametrize("name", NAMES)
def test_every_interaction(name: str) -> None:
    """For every interaction, targets and conditions can be read, and generated embeddings can be scored."""
    model = make_model(name).float().eval()
    adapter = ModelAdapter(model)
    embeddings = adapter.read(POSITIVES, adapter.make_query())
    assert embeddings.targets.shape == embeddings.conditions.shape == (2, 20, adapter.dim)
    assert not embeddings.targets.requires_grad
    heads, relations, tails = (
        [side] if torch.is_tensor(side) else side
        for side in model._get_representations(h=POSITIVES[:, 0], r=POSITIVES[:, 1], t=POSITIVES[:, 2], mode=None)
    )
    # generated embeddings that are those of the true entities have the scores of the positives
    samples = torch.stack([embeddings.targets, embeddings.targets + torch.randn_like(embeddings.targets)])
    scores = adapter.score(samples, heads=heads, relations=relations, tails=tails)
    assert scores.shape == (2, 2, 20)
    expected = model.score_hrt(POSITIVES).squeeze(dim=-1)
    for side in range(2):
        torch.testing.assert_close(scores[0, side], expected, rtol=1e-3, atol=1e-4)
    # PyKEEN's initialisation makes all scores of some interactions zero
    assert not scores[1].allclose(scores[0]) or not expected.any()


def test_modalities() -> None:
    """Each modality is a group of its own, for each side, with conditions of the same modality."""
    model = make_multimodal(textual=make_features(), visual=make_features())
    adapter = ModelAdapter(model)
    assert adapter.names == ("structural", "textual", "visual")
    query = adapter.make_query()
    embeddings = adapter.read(POSITIVES, query)
    assert embeddings.targets.shape == (6, 20, 12)
    representation = cast(MultimodalRepresentation, model.entity_representations[0])
    heads, tails = (representation.modalities(POSITIVES[:, column]) for column in (0, 2))
    relations = model.relation_representations[0](POSITIVES[:, 1])
    for i, name in enumerate(adapter.names):
        for group, target, computed in (
            (i, heads[name], query.head((tails[name],), (relations,))[0]),
            (3 + i, tails[name], query.tail((heads[name],), (relations,))[0]),
        ):
            torch.testing.assert_close(adapter.head.unflatten(embeddings.targets[group])[0], target)
            torch.testing.assert_close(adapter.head.unflatten(embeddings.conditions[group])[0], computed)
    structural = ModelAdapter(model, multimodal=False)
    assert structural.names == ("structural",)
    torch.testing.assert_close(structural.read(POSITIVES, query).targets, embeddings.targets[[0, 3]])


def test_missing_modality() -> None:
    """Learning needs the modality of both entities. Generating needs that of the known entity."""
    missing = (0, 5)
    model = make_multimodal(textual=make_features(missing), visual=make_features())
    adapter = ModelAdapter(model)
    embeddings = adapter.read(POSITIVES, adapter.make_query())
    assert embeddings.learnable is not None
    assert embeddings.usable is not None
    has_text = torch.ones(14, dtype=torch.bool)
    has_text[list(missing)] = False
    head, tail = has_text[POSITIVES[:, 0]], has_text[POSITIVES[:, 2]]
    everything = torch.ones_like(head)
    assert embeddings.learnable.equal(torch.stack([everything, head & tail, everything] * 2))
    assert embeddings.usable.equal(torch.stack([everything, tail, everything, everything, head, everything]))
    assert not head.all()
    assert embeddings.targets.isfinite().all()
    assert embeddings.conditions.isfinite().all()


@pytest.mark.parametrize("name", ["transd", "cp", "rotate"])
def test_entities(name: str) -> None:
    """Entities on their own are read like those of a batch."""
    adapter = ModelAdapter(make_model(name).float().eval())
    embeddings, exist = adapter.read_entities(torch.arange(14))
    assert exist.all()
    targets = adapter.read(POSITIVES, adapter.make_query()).targets
    assert torch.equal(targets[0], embeddings[0, POSITIVES[:, 0]])
    assert torch.equal(targets[1], embeddings[1, POSITIVES[:, 2]])


def test_entities_without_modality() -> None:
    """The mask says which entities lack a modality, for both sides."""
    adapter = ModelAdapter(make_multimodal(textual=make_features(missing=(2, 5))))
    embeddings, exist = adapter.read_entities(torch.arange(14))
    assert embeddings.shape[:2] == exist.shape == (4, 14)
    assert not embeddings.requires_grad
    missing = [(group, int(entity)) for group, entity in (~exist).nonzero().tolist()]
    assert missing == [(1, 2), (1, 5), (3, 2), (3, 5)]


def test_joint_score() -> None:
    """The joint score is the mean over those modalities that are not masked."""
    adapter = ModelAdapter(make_multimodal(textual=make_features(), visual=make_features()))
    scores = torch.randn(4, 6, 20)
    joint = adapter.joint_score(scores, usable=None)
    assert joint.shape == (4, 2, 20)
    torch.testing.assert_close(joint[:, 0], (scores[:, 0] + scores[:, 1] + scores[:, 2]) / 3)
    usable = torch.ones(6, 20, dtype=torch.bool)
    torch.testing.assert_close(adapter.joint_score(scores, usable), joint)
    usable[1, 3] = usable[2, 3] = usable[4, 7] = False
    scores[:, ~usable] = float("nan")
    masked = adapter.joint_score(scores, usable)
    torch.testing.assert_close(masked[:, 0, 3], scores[:, 0, 3])
    torch.testing.assert_close(masked[:, 1, 7], (scores[:, 3, 7] + scores[:, 5, 7]) / 2)
    others = torch.ones(20, dtype=torch.bool)
    others[[3, 7]] = False
    torch.testing.assert_close(masked[..., others], joint[..., others])


def test_gradients() -> None:
    """Gradients reach the known side and the relation, and the embeddings to be generated only if asked for."""
    model = make_multimodal(TransD, textual=make_features())
    adapter = ModelAdapter(model)
    assert not adapter.read(POSITIVES, adapter.make_query()).targets.requires_grad
    assert adapter.read(POSITIVES, adapter.make_query(), detach=False).targets.requires_grad
    assert adapter.read(POSITIVES, adapter.make_query(), detach=False).conditions.requires_grad
    heads, relations, tails = (
        [side] if torch.is_tensor(side) else side
        for side in model._get_representations(h=POSITIVES[:, 0], r=POSITIVES[:, 1], t=POSITIVES[:, 2], mode=None)
    )
    samples = adapter.read(POSITIVES, adapter.make_query()).targets.unsqueeze(dim=0)
    scores = adapter.score(samples, heads=heads, relations=relations, tails=tails)
    for side, known, missing in zip(scores.chunk(2, dim=1), (tails, heads), (heads, tails), strict=True):
        inputs = [known[0], relations[0], missing[0]]
        gradients = torch.autograd.grad(side.sum(), inputs, retain_graph=True)
        assert [bool(gradient.any()) for gradient in gradients] == [True, True, False]


def test_normalizer() -> None:
    """Generated embeddings are normalised like all others."""
    model = PairRE(triples_factory=FACTORY, embedding_dim=6, random_seed=0)
    adapter = ModelAdapter(model)
    samples = torch.randn(1, 2, 20, 6)
    h, r, t = model._get_representations(h=POSITIVES[:, 0], r=POSITIVES[:, 1], t=POSITIVES[:, 2], mode=None)
    scores = adapter.score(samples, heads=[h], relations=r, tails=[t])
    torch.testing.assert_close(scores, adapter.score(7 * samples, heads=[h], relations=r, tails=[t]))


def test_reading_has_no_side_effects() -> None:
    """Reading embeddings does not regularise them, and leaves no cache without gradients in message passing."""
    model = ComplEx(triples_factory=FACTORY, embedding_dim=6, random_seed=0)
    ModelAdapter(model).read(POSITIVES, ModelAdapter(model).make_query())
    assert model.collect_regularization_term() == 0
    with torch.sparse.check_sparse_tensor_invariants(enable=False):
        gnn: AnyModel = RGCN(triples_factory=FACTORY, embedding_dim=6, random_seed=0)
        adapter = ModelAdapter(gnn)
        adapter.read(POSITIVES, adapter.make_query())
        gnn.score_hrt(POSITIVES).sum().backward()
    assert all(p.grad is not None for p in gnn.entity_representations[0].parameters() if p.requires_grad)


def test_shares() -> None:
    """The shares of modalities sum to one. A model without modalities has no shares."""
    with torch.no_grad():
        shares: Any = ModelAdapter(make_multimodal(textual=make_features((3,)), visual=make_features())).shares()
    assert list(shares) == ["structural", "textual", "visual"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["textual"] < shares["visual"]
    assert not ModelAdapter(make_model("rotate")).shares()


@pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled:UserWarning")
def test_shares_have_no_side_effects() -> None:
    """Computing shares leaves no cache without gradients in a modality that passes messages."""
    base = RGCNRepresentation(triples_factory=FACTORY, entity_representations_kwargs=dict(shape=(6,)), num_layers=1)
    model = make_multimodal(graph=base)
    adapter = ModelAdapter(model)
    state = torch.get_rng_state()
    with torch.no_grad():
        adapter.shares()
    assert torch.get_rng_state().equal(state)
    assert model.training
    model.score_hrt(POSITIVES).sum().backward()
    assert all(p.grad is not None for p in base.parameters())


def test_mask_of_one_side() -> None:
    """Masks also work if only one side is multimodal."""
    features = make_features(missing=tuple(range(14)))
    features[0] = 1.0
    model: AnyModel = ERModel(
        triples_factory=FACTORY,
        interaction="cp",
        entity_representations=[MultimodalRepresentation.configured(modalities=dict(textual=features)), Embedding],
        entity_representations_kwargs=[dict(shape=(1, 6)), dict(shape=(1, 6))],
        relation_representations_kwargs=dict(shape=(1, 6)),
        random_seed=0,
    )
    adapter = ModelAdapter(model)
    embeddings = adapter.read(POSITIVES, adapter.make_query())
    assert embeddings.learnable is not None
    assert embeddings.usable is not None
    has_text = POSITIVES[:, 0] == 0
    # structural and textual heads, then tails
    for learnable, expected in zip(embeddings.learnable, [True, has_text, True, has_text], strict=True):
        assert (learnable == expected).all()
    # a generated head has the tail for its condition
    for usable, expected in zip(embeddings.usable, [True, True, True, has_text], strict=True):
        assert (usable == expected).all()
