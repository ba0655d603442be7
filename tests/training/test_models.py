"""Tests with PyKEEN's models and losses: with the sampler by name in PyKEEN's loop, and with the training loop."""

from typing import Any

import pytest
import torch
from pykeen.losses import loss_resolver
from pykeen.models import Model, RotatE
from pykeen.pipeline import PipelineResult, pipeline
from torch import Tensor, nn

from pykeen_dhns import DHNSTrainingLoop, HardnessAdaptiveLoss
from pykeen_dhns.training.model_adapter import UnsupportedModelError

from ..helpers.loops import FACTORY, make_loop
from ..helpers.models import INVERSE, MODELS

#: One model of each kind: plain, with inverse triples, with message passing, with several representations
QUICK = {"RotatE", "ConvE", "RGCN", "TransD"}
ALL_MODELS = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in MODELS]
#: One loss of each kind: pointwise, pairwise, setwise
QUICK_LOSSES = {"bcewithlogits", "marginranking", "nssa"}
LOSSES = [
    pytest.param(name, marks=() if name in QUICK_LOSSES else pytest.mark.slow)
    for name in sorted(loss_resolver.lookup_dict)
]


def run(**kwargs: Any) -> PipelineResult:
    """Run the pipeline for a moment."""
    defaults: dict[str, Any] = dict(
        dataset="nations",
        model="TransE",
        model_kwargs=dict(embedding_dim=8),
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=4),
        training_kwargs=dict(num_epochs=1, batch_size=512, use_tqdm=False),
        evaluator_kwargs=dict(metrics=["mrr"], add_defaults=False),
        evaluation_kwargs=dict(use_tqdm=False, batch_size=128),
        random_seed=0,
        device="cpu",
    )
    result = pipeline(**(defaults | kwargs))
    assert torch.as_tensor(result.losses).isfinite().all()
    return result


def run_model(model: str, **kwargs: Any) -> None:
    """Train one of PyKEEN's models with its own defaults."""
    result = run(
        model=model,
        model_kwargs=dict(embedding_dim=8) | MODELS[model],
        dataset_kwargs=dict(create_inverse_triples=model in INVERSE),
        **kwargs,
    )
    assert 0 < result.get_metric("mrr") <= 1


@pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled:UserWarning")  # RGCN's
@pytest.mark.parametrize("model", ALL_MODELS)
def test_models(model: str) -> None:
    """Each of PyKEEN's models trains in the loop."""
    run_model(model, training_loop="dhns", negative_sampler=None)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled:UserWarning")  # RGCN's
@pytest.mark.parametrize("model", sorted(QUICK))
def test_models_in_pykeens_loop(model: str) -> None:
    """Models of each kind train with the sampler in PyKEEN's loop."""
    run_model(model)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss: str) -> None:
    """Each loss that PyKEEN can train by negative sampling also trains with the sampler, and in the loop."""
    try:
        run(loss=loss, negative_sampler="basic")
    except NotImplementedError:
        pytest.skip(f"PyKEEN cannot train with {loss} by negative sampling")
    run(loss=loss)
    run(loss=loss, training_loop="dhns")


def test_by_name() -> None:
    """The whole method on a stock model, by name."""
    result = run(
        model="RotatE",
        training_loop="dhns",
        negative_sampler_kwargs=None,
        loss="dhns",
        training_kwargs=dict(num_epochs=2, use_tqdm=False),
    )
    assert type(result.training_loop) is DHNSTrainingLoop
    assert type(result.model.loss) is HardnessAdaptiveLoss
    assert result.losses[-1] < result.losses[0]


def test_same_seed_same_result() -> None:
    """A seed fixes a whole run with the sampler in PyKEEN's loop, bit for bit."""
    kwargs = dict(num_negs_per_pos=4, filtered=True)
    first, second = (run(negative_sampler_kwargs=kwargs) for _ in range(2))
    assert first.losses == second.losses
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert a.equal(b)


class _NoRepresentations(Model):
    """A model of another kind."""

    def _reset_parameters_(self) -> None:
        pass

    def collect_regularization_term(self) -> Any:
        return 0.0

    score_hrt = score_h = score_r = score_t = _get_entity_len = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("attributes", "missing"),
    [
        ({}, "'entity_representations'"),
        (dict.fromkeys(("entity_representations", "relation_representations", "interaction")), "pykeen.models.ERModel"),
    ],
)
def test_model_of_another_kind(attributes: dict[str, Any], missing: str) -> None:
    """The error names what the model lacks, and what works nevertheless."""
    _NoRepresentations.__abstractmethods__ = frozenset()
    model = _NoRepresentations(triples_factory=FACTORY, random_seed=0)
    model.dummy = nn.Parameter(torch.zeros(1))
    for name, value in attributes.items():
        setattr(model, name, value)
    with pytest.raises(UnsupportedModelError, match=rf"_NoRepresentations.*{missing}.*slcwa.*dhns"):
        DHNSTrainingLoop(model=model, triples_factory=FACTORY)


def test_model_without_entities() -> None:
    """A model whose entities have no representations is refused, too."""
    model = RotatE(triples_factory=FACTORY, random_seed=0)
    model.entity_representations = nn.ModuleList()  # type: ignore[assignment]
    with pytest.raises(UnsupportedModelError, match=r"RotatE.*entity representations \(there are none\)"):
        DHNSTrainingLoop(model=model, triples_factory=FACTORY)


def test_model_with_a_method_of_its_own() -> None:
    """A model that does something else with its representations is refused, rather than scored in another way."""

    class Scaled(RotatE):
        def score_hrt(self, *args: Any, **kwargs: Any) -> Tensor:
            return 2 * super().score_hrt(*args, **kwargs)

    with pytest.raises(UnsupportedModelError, match=r"Scaled.*score_hrt of its own"):
        make_loop(Scaled)
