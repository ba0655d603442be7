"""Tests for the scoring of sampled negatives."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pykeen.models import ComplEx, DistMult, ERModel, RotatE
from pykeen.nn.representation import Embedding, Representation, TransformedRepresentation
from pykeen.regularizers import Regularizer
from pykeen.sampling import negative_sampler_resolver
from torch import Tensor, nn

from pykeen_dhns import MultimodalRepresentation
from pykeen_dhns.multimodal.feature_representation import FeatureRepresentation
from pykeen_dhns.training.model_adapter import AnyModel, ModelAdapter
from pykeen_dhns.training.scoring import TripleScorer

from ..helpers.interactions import NAMES
from ..helpers.loops import FACTORY
from ..helpers.models import make_features, make_model


def make_batch(sampler: str, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """Create positives, and negatives for them."""
    positives = FACTORY.mapped_triples[torch.randperm(FACTORY.num_triples)[:15]]
    instance = negative_sampler_resolver.make(
        sampler, mapped_triples=FACTORY.mapped_triples, num_entities=14, num_relations=55, num_negs_per_pos=7, **kwargs
    )
    return positives, instance.corrupt_batch(positives)


def check(model: AnyModel, positives: Tensor, negatives: Tensor) -> None:
    """Check that scores, and gradients, are those of PyKEEN."""
    scored = TripleScorer(ModelAdapter(model)).score(positives, negatives)
    gradients = []
    for positive, negative in (
        (scored.positive, scored.negative),
        (model.score_hrt(positives), model.score_hrt(negatives.flatten(end_dim=1)).view(negatives.shape[:-1])),
    ):
        model.zero_grad()
        (positive.square().sum() + negative.square().sum()).backward()
        gradients.append([positive, negative, *(p.grad for p in model.parameters() if p.grad is not None)])
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("sampler", ["basic", "bernoulli", "pseudotyped", "dhns"])
@pytest.mark.parametrize("name", NAMES)
def test_every_interaction(name: str, sampler: str) -> None:
    """The scores, and their gradients, are the same as PyKEEN's for separate triples."""
    model = make_model(name).eval()
    check(model, *make_batch(sampler))


def test_every_kind_of_row() -> None:
    """Rows may have the head, the tail, the relation, or different things corrupted, or nothing at all."""
    positives, negatives = make_batch("basic")
    negatives = positives.unsqueeze(dim=1).repeat(1, 7, 1)
    negatives[0:3, :, 0] = (negatives[0:3, :, 0] + 1) % 14
    negatives[3:6, :, 2] = (negatives[3:6, :, 2] + 1) % 14
    negatives[6:9, :, 1] = (negatives[6:9, :, 1] + 1) % 55
    negatives[9:12, ::2, 0] = (negatives[9:12, ::2, 0] + 1) % 14
    negatives[9:12, 1::2, 2] = (negatives[9:12, 1::2, 2] + 1) % 14
    for model in (make_model("rotate"), make_model("transd")):
        check(model, positives, negatives)
        for rows in (slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12), slice(12, 15)):
            check(model, positives[rows], negatives[rows])


def test_relation_corruption() -> None:
    """A sampler may corrupt relations, too."""
    check(make_model("rotate"), *make_batch("basic", corruption_scheme=["head", "relation", "tail"]))


def make_regularized(kind: str) -> AnyModel:
    """Create a model with a regulariser: of entities or relations, themselves or what they are made of."""
    modalities: dict[str, Any] = dict(textual=make_features())
    if kind == "modality":
        modalities = dict(textual=FeatureRepresentation(modalities["textual"], regularizer="lp"))
    multimodal = MultimodalRepresentation(
        max_id=FACTORY.num_entities,
        shape=8,
        modalities=modalities,
        regularizer="lp" if kind == "multimodal" else None,
    )
    base = Embedding(max_id=FACTORY.num_entities, shape=8, regularizer="lp")
    entities: dict[str, Representation] = {
        "entity": base,
        "multimodal": multimodal,
        "modality": multimodal,
        "transformed": TransformedRepresentation(nn.Identity(), base=base),
    }
    for module in nn.ModuleList(entities.values()).modules():
        if isinstance(module, Regularizer):
            # representations that are made of others look some of them up
            module.reset()
    return ERModel(
        triples_factory=FACTORY,
        interaction="distmult",
        entity_representations=entities.get(kind),
        entity_representations_kwargs=None if kind in entities else dict(shape=8),
        relation_representations_kwargs=dict(shape=8, regularizer="lp" if kind == "relation" else None),
        random_seed=0,
    )


@pytest.mark.parametrize("kind", ["entity", "relation", "multimodal", "modality", "transformed"])
def test_regularizers_see_the_same(kind: str) -> None:
    """The regularisation term is that of PyKEEN's loop: each look-up counts, also below the surface."""
    model = make_regularized(kind)
    scorer = TripleScorer(ModelAdapter(model))
    positives, negatives = make_batch("basic")
    model.score_hrt(positives)
    model.score_hrt(negatives.flatten(end_dim=1))
    expected = model.collect_regularization_term()
    assert expected > 0
    scorer.score(positives, negatives)
    torch.testing.assert_close(model.collect_regularization_term(), expected)


@pytest.mark.parametrize("name", ["rotate", "conve"])
def test_masked_negatives_need_not_exist(name: str) -> None:
    """A sampler may pad with anything that a filter leaves out. It is not looked up."""
    model = make_model(name).eval()
    positives, negatives = make_batch("basic")
    masks = torch.rand(negatives.shape[:-1]) < 0.6
    expected = model.score_hrt(negatives[masks]).flatten()
    negatives[~masks] = -1
    scored = TripleScorer(ModelAdapter(model)).score(positives, negatives, masks)
    torch.testing.assert_close(scored.negative[masks], expected)


@pytest.mark.parametrize("model_cls", [ComplEx, DistMult, RotatE])
def test_regularizers_do_not_see_what_is_filtered(model_cls: Callable[..., AnyModel]) -> None:
    """Like PyKEEN, it looks up only the negatives that a filter has left. Their scores stay in their places."""
    model = model_cls(triples_factory=FACTORY, embedding_dim=8, random_seed=0, regularizer="lp")
    positives, negatives = make_batch("basic")
    masks = torch.rand(negatives.shape[:-1]) < 0.6
    model.score_hrt(positives)
    expected = model.score_hrt(negatives[masks])
    term = model.collect_regularization_term()
    assert term > 0
    scored = TripleScorer(ModelAdapter(model)).score(positives, negatives, masks)
    torch.testing.assert_close(scored.negative[masks], expected.flatten())
    torch.testing.assert_close(model.collect_regularization_term(), term)


def test_no_broadcasting_with_batch_normalisation_or_dropout() -> None:
    """Models whose scores depend on the rest of the batch are scored as PyKEEN does it."""
    assert not TripleScorer(ModelAdapter(make_model("conve"))).can_broadcast
    model = RotatE(triples_factory=FACTORY, embedding_dim=8, random_seed=0)
    assert TripleScorer(ModelAdapter(model)).can_broadcast
    model.entity_representations[0].dropout = torch.nn.Dropout(0.1)
    assert not TripleScorer(ModelAdapter(model)).can_broadcast


def test_one_call_for_all_entities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each representation is called once, since some are costly."""
    model = make_model("rotate")
    calls: list[Tensor] = []
    forward = Embedding.forward

    def record(self: Embedding, indices: Tensor) -> Tensor:
        calls.append(indices)
        return forward(self, indices)

    monkeypatch.setattr(Embedding, "forward", record)
    TripleScorer(ModelAdapter(model)).score(*make_batch("basic"))
    # the middle row is mixed: half of its negatives have corrupted heads
    assert [len(indices) for indices in calls] == [15 + 15 + 15 * 7 + 7, 15]
