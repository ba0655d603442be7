"""Test that misspelt arguments get a suggestion."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.models import ERModel, TransE
from pykeen.sampling import BasicNegativeSampler, NegativeSampler
from torch import nn

from pykeen_dhns import DHNSNegativeSampler, DiffHEG, HardnessAdaptiveLoss
from pykeen_dhns.multimodal.model import MultimodalModel
from pykeen_dhns.utils.arguments import argument_names

from ..helpers.loops import make_loop

TRIPLES = torch.tensor([[0, 0, 1]])


def make_sampler(**kwargs: Any) -> NegativeSampler:
    """Make a sampler."""
    return DHNSNegativeSampler(mapped_triples=TRIPLES, **kwargs)


def make_model(**kwargs: Any) -> ERModel[Any, Any, Any]:
    """Make a model."""
    return MultimodalModel(triples_factory=Nations().training, **kwargs)


@pytest.mark.parametrize(
    ("make", "kwargs", "owner", "suggestion"),
    [
        (make_sampler, dict(hard_fracton=0.5), "DHNSNegativeSampler", "hard_fraction"),
        (make_sampler, dict(generator_kwargs=dict(hiden_dim=4)), "DiffHEG", "hidden_dim"),
        (make_sampler, dict(selection_kwargs=dict(exponnt=4)), "SemiHardSelection", "exponent"),
        (
            make_sampler,
            dict(base_sampler="basic", base_sampler_kwargs=dict(corruption_schem=["tail"])),
            "BasicNegativeSampler",
            "corruption_scheme",
        ),
        (make_sampler, dict(filterer="bloom", filterer_kwargs=dict(eror_rate=0.1)), "BloomFilterer", "error_rate"),
        (make_loop, dict(num_shared_neg=1), "DHNSTrainingLoop", "num_shared_negs"),
        (make_loop, dict(optimiser="adam"), "DHNSTrainingLoop", "optimizer"),
        (make_loop, dict(negative_sampler_kwargs=dict(hard_fracton=0)), "DHNSNegativeSampler", "hard_fraction"),
        (make_loop, dict(hardness_loss_kwargs=dict(margn=4)), "HardnessAdaptiveLoss", "margin"),
        (HardnessAdaptiveLoss, dict(margn=4), "HardnessAdaptiveLoss", "margin"),
        (HardnessAdaptiveLoss, dict(base_kwargs=dict(adversarial_temp=4)), "NSSALoss", "adversarial_temperature"),
        (make_model, dict(embeding_dim=4), "MultimodalModel", "embedding_dim"),
        (make_model, dict(regulariser="lp"), "MultimodalModel", "regularizer"),
    ],
)
def test_suggestion(make: Callable[..., Any], kwargs: dict[str, Any], owner: str, suggestion: str) -> None:
    """The message names the class, the argument, and a similar one."""
    with pytest.raises(TypeError, match=rf"^{owner} got an .* argument '\w+'. Did you mean '{suggestion}'\?$"):
        make(**kwargs)


def test_no_suggestion() -> None:
    """Without a similar name, the message has the names that there are, if they are not too many."""
    with pytest.raises(TypeError, match=r"DHNSNegativeSampler got .* 'x'. Its arguments are: .*base_sampler, "):
        make_sampler(x=1)


def test_argument_of_the_loop() -> None:
    """What the sampler lacks, but the loop has, is sent there."""
    with pytest.raises(TypeError, match=r"'num_shared_negs'\. It belongs in training_loop_kwargs, with"):
        make_sampler(num_shared_negs=100)


def test_argument_names() -> None:
    """Arguments count that are passed on to a base class, and no others."""
    assert argument_names(BasicNegativeSampler) == {
        *inspect.signature(NegativeSampler).parameters,
        "corruption_scheme",
    }
    assert {"hidden_dim", "levels"} < argument_names(DiffHEG)
    assert {"embedding_dim", "regularizer", "random_seed"} < argument_names(TransE)
    assert argument_names(nn.Identity) == set()
    # PyKEEN's resolvers, and its command line, read signatures
    assert "hard_fraction" in inspect.signature(DHNSNegativeSampler).parameters
