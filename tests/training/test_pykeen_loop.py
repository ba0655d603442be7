"""Tests against PyKEEN's own training loop: without a generator, and with the same sampler, training is the same."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.models import ComplEx, DistMult, InductiveNodePiece, Model, TransE, model_resolver
from pykeen.trackers import PythonResultTracker
from pykeen.training import SLCWATrainingLoop
from pykeen.triples import CoreTriplesFactory

from pykeen_dhns import DHNSTrainingLoop

from ..helpers.loops import FACTORY
from ..helpers.models import INVERSE as WITH_INVERSE
from ..helpers.models import MODELS
from ..helpers.padding import Padded, PaddingFilterer

INVERSE = Nations(create_inverse_triples=True).training


def make_both(model: Callable[..., Model], model_kwargs: dict[str, Any], **kwargs: Any) -> list[SLCWATrainingLoop]:
    """Create PyKEEN's loop, and ours without a generator."""
    factory = model_kwargs.get("triples_factory", FACTORY)
    defaults: dict[str, Any] = dict(triples_factory=FACTORY, embedding_dim=6, random_seed=0)
    arguments: dict[str, Any] = dict(optimizer="adam", automatic_memory_optimization=False, triples_factory=factory)
    loops: list[SLCWATrainingLoop] = []
    for cls, own in ((SLCWATrainingLoop, {}), (DHNSTrainingLoop, dict(generator="none"))):
        loops.append(cls(model=model(**(defaults | model_kwargs)), **(arguments | kwargs | own)))
    return loops


def assert_same_training(loops: list[SLCWATrainingLoop], factory: CoreTriplesFactory = FACTORY) -> None:
    """Train both loops, and check that losses and parameters are the same."""
    results = []
    for loop in loops:
        torch.manual_seed(0)
        losses = loop.train(factory, num_epochs=2, batch_size=256, use_tqdm=False)
        results.append((losses, [p.detach() for p in loop.model.parameters()]))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "model_kwargs", "kwargs"),
    [
        (TransE, dict(loss="nssa"), {}),
        (TransE, dict(loss="nssa", triples_factory=INVERSE), {}),
        (
            TransE,
            dict(loss="bcewithlogits"),
            dict(
                loss_weighter="relation",
                loss_weighter_kwargs=dict(weights=torch.linspace(0, 1, FACTORY.num_relations)),
            ),
        ),
        (
            InductiveNodePiece,
            dict(triples_factory=INVERSE, inference_factory=INVERSE, num_tokens=2, loss="nssa"),
            dict(mode="training"),
        ),
    ],
    ids=["plain", "inverse", "weighted", "inductive"],
)
def test_same_training(model: Callable[..., Model], model_kwargs: dict[str, Any], kwargs: dict[str, Any]) -> None:
    """Losses and parameters are the same, also with inverse triples, with weights, and in the inductive setting."""
    kwargs = dict(negative_sampler="basic", negative_sampler_kwargs=dict(num_negs_per_pos=4)) | kwargs
    loops = make_both(model, model_kwargs, **kwargs)
    assert_same_training(loops, model_kwargs.get("triples_factory", FACTORY))


@pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled:UserWarning")  # RGCN's
@pytest.mark.parametrize("name", MODELS)
def test_every_model(name: str) -> None:
    """Losses and parameters are the same for every model, also with batch normalisation, dropout, and regularisers."""
    factory = Nations(create_inverse_triples=name in WITH_INVERSE).training
    loops = make_both(
        model_resolver.lookup(name),
        dict(loss="nssa", triples_factory=factory, embedding_dim=8) | MODELS[name],
        negative_sampler="basic",
        negative_sampler_kwargs=dict(num_negs_per_pos=3),
    )
    assert_same_training(loops, factory)


@pytest.mark.parametrize("model", [ComplEx, DistMult])
def test_filters_and_regularizers(model: Callable[..., Model]) -> None:
    """Losses and parameters are the same if the regularised entities or relations depend on a filter."""
    tracker = PythonResultTracker()
    loops = make_both(
        model,
        {},
        negative_sampler="basic",
        negative_sampler_kwargs=dict(num_negs_per_pos=8, filtered=True, filterer="python-set"),
        result_tracker=tracker,
    )
    assert_same_training(loops)
    assert numpy.isfinite(tracker.metrics[2]["dhns.score_sampled"])


def test_padding() -> None:
    """A sampler may pad with what is no entity, if a filter leaves it out."""
    kwargs = dict(num_negs_per_pos=4, filtered=True, filterer=PaddingFilterer)
    model_kwargs = dict(loss="bcewithlogits")
    assert_same_training(make_both(TransE, model_kwargs, negative_sampler=Padded, negative_sampler_kwargs=kwargs))


def make_both_with_own_loss(num_negs_per_pos: int, hard_fraction: float) -> list[SLCWATrainingLoop]:
    """Create both loops, with the sampler and the loss of the whole method."""
    return make_both(
        TransE,
        dict(loss="dhns", loss_kwargs=dict(hard_fraction=hard_fraction)),
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=num_negs_per_pos, hard_fraction=hard_fraction),
    )


@pytest.mark.parametrize(("num_negs_per_pos", "hard_fraction"), [(1, 0.125), (3, 0.125), (1, 0.75), (4, 0.125)])
def test_few_negatives(num_negs_per_pos: int, hard_fraction: float) -> None:
    """With few negatives, both loops take the only generated column for a sampled one in the same cases."""
    assert_same_training(make_both_with_own_loss(num_negs_per_pos, hard_fraction))


def test_no_positive_in_the_loss() -> None:
    """Both loops refuse to train if no term of the loss has the positive."""
    for loop in make_both_with_own_loss(num_negs_per_pos=4, hard_fraction=1.0):
        with pytest.raises(ValueError, match=r"All 4 negatives.*positive_weight=0\.0.*lower hard_fraction"):
            loop.train(FACTORY, num_epochs=1, batch_size=256, use_tqdm=False)


def test_inductive_mode_with_a_generator() -> None:
    """In the inductive setting, negatives are generated from the representations of the training graph."""
    model = InductiveNodePiece(
        triples_factory=INVERSE, inference_factory=INVERSE, num_tokens=2, embedding_dim=6, loss="nssa", random_seed=0
    )
    loop = DHNSTrainingLoop(model=model, triples_factory=INVERSE, mode="training", optimizer="adam")
    losses = loop.train(INVERSE, num_epochs=2, batch_size=512, use_tqdm=False)
    assert torch.as_tensor(losses).isfinite().all()
    assert loop.objective.adapter.entities == model._get_entity_representations_from_inductive_mode(mode="training")
