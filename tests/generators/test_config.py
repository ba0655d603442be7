"""Tests for making generators from arguments."""

from typing import Any

import pytest
import torch
from torch import nn

from pykeen_dhns.generators import (
    DiffHEG,
    EmbeddingGenerator,
    GaussianNoise,
    GeneratorConfig,
    QueryGenerator,
    generator_resolver,
)

from ..helpers.generators import NoisyLinearGenerator


@pytest.mark.parametrize(
    ("generator", "expected"),
    [
        (None, DiffHEG),
        ("diffheg", DiffHEG),
        ("DiffHEG", DiffHEG),
        ("noise", GaussianNoise),
        ("GaussianNoise", GaussianNoise),
        ("query", QueryGenerator),
        ("shadow", QueryGenerator),
        (QueryGenerator, QueryGenerator),
        (NoisyLinearGenerator, NoisyLinearGenerator),
    ],
)
def test_names(generator: Any, expected: type[EmbeddingGenerator]) -> None:
    """Generators are found by name and by class."""
    condition = nn.Linear(2, 2)
    module = GeneratorConfig(generator=generator).make_generator(4, num_groups=3, condition=condition)
    assert type(module) is expected
    assert (module.dim, module.num_groups, module.condition) == (4, 3, condition)


def test_unknown_name() -> None:
    """The error names the alternatives."""
    with pytest.raises(ValueError, match=r"nope.*diffheg"):
        GeneratorConfig(generator="nope").make_generator(4)


@pytest.mark.parametrize("generator", ["diffheg", "noise", NoisyLinearGenerator])
def test_shared_arguments(generator: Any) -> None:
    """Each generator gets what it has an argument for, be it its own or that of the base class, and nothing else."""
    config = GeneratorConfig(
        generator=generator,
        num_timesteps=20,
        schedule="cosine",
        reverse="ddpm",
        levels=[0.3],
        learning_rate=0.5,
        hidden_dim=8,
        num_layers=3,
        prediction="noise",
    )
    module = config.make_generator(4)
    assert module.time_steps == (6,)
    assert module.optimizer is None or module.optimizer.param_groups[0]["lr"] == 0.5
    if isinstance(module, DiffHEG):
        assert (module.reverse, module.denoiser.prediction) == ("ddpm", "noise")
        assert [layer.out_features for layer in module.denoiser.layers if isinstance(layer, nn.Linear)] == [8, 8, 8, 4]


def test_own_arguments() -> None:
    """Additional arguments reach the generator, and win over the others. What it does not know is an error."""
    kwargs = dict(noise=0.0, learning_rate=0.25)
    config = GeneratorConfig(generator=NoisyLinearGenerator, generator_kwargs=kwargs, learning_rate=0.5)
    module = config.make_generator(4)
    assert module.optimizer is not None
    assert module.optimizer.param_groups[0]["lr"] == 0.25
    hard, *_, easy = module.generate(torch.randn(1, 5, 4))
    assert hard.equal(easy)
    with pytest.raises(TypeError, match="nope"):
        GeneratorConfig(generator_kwargs=dict(nope=1)).make_generator(4)


def test_own_name() -> None:
    """A generator that is registered is found by its name."""
    generator_resolver.register(NoisyLinearGenerator)
    try:
        assert isinstance(GeneratorConfig(generator="noisylinear").make_generator(4), NoisyLinearGenerator)
    finally:
        del generator_resolver.lookup_dict["noisylinear"]
