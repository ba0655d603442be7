"""Tests for the arguments of the training loop."""

import functools
from typing import Any

import numpy
import pytest
import torch
from pykeen.losses import NSSALoss
from pykeen.sampling import BasicNegativeSampler

from pykeen_dhns import DHNSNegativeSampler
from pykeen_dhns.generators import GaussianNoise
from pykeen_dhns.training import LoopConfig

from ..helpers.generators import LinearGenerator
from ..helpers.loops import FACTORY, assert_same, make_loop, train

OPTIONS: list[dict[str, Any]] = [
    dict(generator="none"),
    dict(generator="noise"),
    dict(generator="query"),
    dict(generator=LinearGenerator),
    dict(levels=[0.1]),
    dict(adaptive_training=False),
    dict(adaptive_training=False, filtered=True),
    dict(adaptive_margin=False),
    dict(diffusion_weight=0.5),
    dict(reverse="ddpm"),
    dict(schedule="cosine"),
    dict(prediction="noise"),
    dict(hard_fraction=0.5),
    dict(negative_sampler="bernoulli"),
    dict(base_sampler="pseudotyped", filtered=True),
]
#: Options that the loss of the whole method handles in another way than other losses do
OPTIONS_WITH_OWN_LOSS = [
    options
    for options in OPTIONS
    if options.keys() & {"adaptive_training", "adaptive_margin", "hard_fraction", "filtered"} or options == OPTIONS[0]
]


@functools.cache
def default_losses(loss: str) -> list[float]:
    """Train without any option."""
    return train(make_loop(model_kwargs=dict(loss=loss)))


@pytest.mark.parametrize(
    ("options", "loss"),
    [*((options, "nssa") for options in OPTIONS), *((options, "dhns") for options in OPTIONS_WITH_OWN_LOSS)],
    ids=str,
)
def test_options(options: dict[str, Any], loss: str) -> None:
    """Each option trains, and makes a difference."""
    losses = train(make_loop(model_kwargs=dict(loss=loss), **options))
    assert torch.as_tensor(losses).isfinite().all()
    assert losses != default_losses(loss)


@pytest.mark.parametrize(
    ("options", "loss"),
    [
        # this model has no modalities
        (dict(multimodal=True), "nssa"),
        # the base sampler of the default sampler
        (dict(negative_sampler="basic"), "nssa"),
        # this loss has no margin
        (dict(adaptive_margin=False), "bcewithlogits"),
    ],
)
def test_options_without_effect(options: dict[str, Any], loss: str) -> None:
    """An option that does not matter changes nothing, not even what is drawn."""
    assert train(make_loop(model_kwargs=dict(loss=loss), **options)) == default_losses(loss)


def test_own_sampler_is_the_default() -> None:
    """Without a sampler, ours is used. It leaves generation to the loop, and takes its arguments from the loop."""
    loop = make_loop(num_timesteps=30, levels=[0.1, 0.3], filtered=True)
    assert loop.negative_sampler is DHNSNegativeSampler
    train(loop, num_epochs=1)
    sampler = loop.sampler
    assert isinstance(sampler, DHNSNegativeSampler)
    assert (sampler.num_negs_per_pos, sampler.layout.num_generated) == (4, 0)
    assert isinstance(sampler.base_sampler, BasicNegativeSampler)
    assert sampler.filterer is not None
    assert loop.objective.generator is not None
    assert loop.objective.generator.time_steps == (3, 9)


def test_generator_by_class() -> None:
    """A generator can be given by class. It gets its own arguments, those of all generators, and a learning rate."""
    kwargs: dict[str, Any] = dict(levels=[0.5], learning_rate=0.25)
    loop = make_loop(generator=LinearGenerator, generator_kwargs=dict(slope=3.0), **kwargs)
    generator = loop.objective.generator
    assert isinstance(generator, LinearGenerator)
    assert (generator.slope, generator.time_steps) == (3.0, (10,))
    assert generator.condition is loop.objective.query
    assert loop.objective.generator_optimizer is not None
    assert loop.objective.generator_optimizer is generator.optimizer
    assert loop.objective.generator_optimizer.param_groups[0]["lr"] == 0.25
    # a generator ignores arguments that it does not have
    assert isinstance(make_loop(generator=GaussianNoise, **kwargs).objective.generator, GaussianNoise)


def test_arguments_by_way_of_the_sampler() -> None:
    """The sampler's arguments configure the loop's generator."""
    loop = make_loop(
        num_negs_per_pos=None,
        num_timesteps=None,
        negative_sampler_kwargs=dict(num_negs_per_pos=3, num_timesteps=100, levels=[0.5], learning_rate=0.01),
    )
    assert loop.objective.generator is not None
    assert loop.objective.generator.time_steps == (50,)
    assert loop.objective.generator_optimizer is not None
    assert loop.objective.generator_optimizer.param_groups[0]["lr"] == 0.01


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(negative_sampler_kwargs=dict(num_negs_per_pos=3)), r"num_negs_per_pos is given twice: 4, and 3"),
        (dict(negative_sampler="basic", hard_fraction=0.5), r"'hard_fraction'.*negative_sampler=BasicNegativeSampler"),
        (dict(generator="gan"), r"generator='gan' is unknown.*diffheg.*none.*query"),
        (
            dict(negative_sampler=BasicNegativeSampler(mapped_triples=FACTORY.mapped_triples)),
            r"'num_negs_per_pos'\] have no effect, since negative_sampler is an instance",
        ),
        (dict(generated_share=0.5, adaptive_training=False), r"generated_share=0.5 needs adaptive_training=True"),
        (dict(levels=(2,)), r"levels=\(2,\)"),
        (
            dict(model_kwargs=dict(loss="dhns"), hardness_loss_kwargs=dict(margin=1)),
            r"hardness_loss_kwargs=.*margin.*loss_kwargs",
        ),
        (dict(hardness_loss_kwargs=dict(margins=[1.0, 2.0]), levels=[0.1, 0.2, 0.3]), r"margins"),
    ],
    ids=str,
)
def test_invalid_arguments(kwargs: dict[str, Any], message: str) -> None:
    """The loop refuses invalid arguments when it is made, and not after an hour."""
    with pytest.raises(ValueError, match=message):
        make_loop(**kwargs)


def test_margin_of_another_loss() -> None:
    """If the model has another loss, its margin is that of generated negatives, too."""
    loop = make_loop(model_kwargs=dict(loss=NSSALoss(margin=5.0)))
    assert loop.objective.criterion.margin == 5.0
    assert loop.objective.criterion.base is loop.model.loss
    assert make_loop(model_kwargs=dict(loss="bcewithlogits")).objective.criterion.margin == 0.0


def test_arguments_of_train() -> None:
    """Arguments of the loop can be given to its method train, as a search needs it. The result is the same."""
    kwargs: dict[str, Any] = dict(num_negs_per_pos=3, num_timesteps=20, learning_rate=1e-3, generated_share=0.5)
    first = make_loop(**kwargs)
    train(first)
    second = make_loop(num_negs_per_pos=None, num_timesteps=None)
    train(second, **kwargs, levels=None)
    assert_same(first, second)
    first = make_loop(levels=numpy.array([0.1, 0.2]))
    train(first, num_epochs=1)
    train(first, num_epochs=2, continue_training=True, levels=numpy.array([0.1, 0.2]))
    # they stay in effect, and so does what was learned
    generator = second.objective.generator
    train(second, num_epochs=3, continue_training=True, num_timesteps=20)
    assert second.objective.generator is generator
    with pytest.raises(ValueError, match=r"continue_training=True .*'num_timesteps'"):
        train(second, num_epochs=4, continue_training=True, num_timesteps=50)
    train(second, num_epochs=1, num_timesteps=50)
    assert (second.config.num_timesteps, second.config.learning_rate) == (50, 1e-3)


def test_arguments_of_train_by_way_of_the_sampler() -> None:
    """The sampler's arguments can be given to train, too. They win over defaults."""
    loop = make_loop(num_negs_per_pos=None, num_timesteps=None)
    train(loop, num_epochs=1, negative_sampler_kwargs=dict(num_negs_per_pos=3, num_timesteps=100))
    assert loop.sampler is not None
    assert (loop.config.num_timesteps, loop.sampler.num_negs_per_pos) == (100, 3)


def test_arguments_given_twice() -> None:
    """If loop and train are given different values, the error helps in a search. The loop stays usable."""
    loop = make_loop(num_timesteps=20, num_negs_per_pos=None, negative_sampler_kwargs=dict(num_negs_per_pos=3))
    with pytest.raises(
        ValueError, match=r"num_timesteps is given twice: 20 .*50 .*training_kwargs=dict\(num_timesteps"
    ):
        train(loop, num_epochs=1, num_timesteps=50)
    with pytest.raises(ValueError, match="num_negs_per_pos is given twice"):
        train(loop, num_epochs=1, num_negs_per_pos=4)
    with pytest.raises(TypeError, match="num_stepstones"):
        train(loop, num_epochs=1, num_stepstones=4)
    train(loop, num_epochs=1, num_timesteps=20)


def test_sampler_is_checked(caplog: pytest.LogCaptureFixture) -> None:
    """The sampler whose only purpose is to check its arguments changes no draw, and logs nothing."""
    caplog.set_level("INFO")
    drawn = []
    for arguments in (None, dict(hard_fraction=0.5)):
        torch.manual_seed(0)
        if arguments is not None:
            LoopConfig.from_arguments(arguments)
        drawn.append(torch.rand(3))
    assert torch.equal(*drawn)
    assert not caplog.records
