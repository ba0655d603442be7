"""Tests for the scoring of sampled negatives."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pykeen.models import ComplEx, DistMult, RotatE
from pykeen.nn.modules import RotatEInteraction
from pykeen.nn.representation import Embedding
from pykeen.sampling import negative_sampler_resolver
from torch import Tensor, nn

from pykeen_dhns.training.model_adapter import AnyModel, ModelAdapter
from pykeen_dhns.training.scoring import TripleScorer

from ..helpers.interactions import NAMES
from ..helpers.loops import FACTORY
from ..helpers.models import make_model


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
        gradients.append(
            [positive, negative, *(gradient_of(model, p) for p in model.parameters() if p.grad is not None)]
        )
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


def gradient_of(model: AnyModel, parameter: nn.Parameter) -> Tensor:
    """Get a parameter's gradient. Of the gradient of RotatE's rotations, get only the part that rotates.

    PyKEEN rotates the head forwards, or the tail backwards, whichever is cheaper. For rotations, both are the same, and
    so are the gradients along them. Across them, the constraint forbids to move, and gradients may differ.
    """
    assert parameter.grad is not None
    if not isinstance(model.interaction, RotatEInteraction) or parameter.shape[0] != model.num_relations:
        return parameter.grad
    rotation, gradient = (torch.view_as_complex(x.unflatten(-1, (-1, 2))) for x in (parameter.detach(), parameter.grad))
    return (rotation.conj() * gradient).imag


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


@pytest.mark.parametrize("model_cls", [DistMult, RotatE])
def test_regularizers_see_the_same(model_cls: Callable[..., AnyModel]) -> None:
    """The regularisation term is that of PyKEEN's loop: positives and negatives count alike."""
    model = model_cls(triples_factory=FACTORY, embedding_dim=8, random_seed=0, regularizer="lp")
    positives, negatives = make_batch("basic")
    # DistMult regularises relations only
    assert TripleScorer(ModelAdapter(model)).can_broadcast == (model_cls is DistMult)
    model.score_hrt(positives)
    model.score_hrt(negatives.flatten(end_dim=1))
    expected = model.collect_regularization_term()
    assert expected > 0
    TripleScorer(ModelAdapter(model)).score(positives, negatives)
    torch.testing.assert_close(model.collect_regularization_term(), expected)


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
