"""Bad input for generators."""

import math
from typing import Any

import pytest
import torch

from pykeen_dhns import DiffHEG
from pykeen_dhns.generators import EmbeddingGenerator, GaussianNoise, GeneratorConfig

from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused, with_defaults


def _make(**kwargs: Any) -> EmbeddingGenerator:
    """Make a generator as sampler and loop do."""
    return GeneratorConfig(**kwargs).make_generator(4)


NOT_NONE = tuple(value for value in NO_NUMBERS if value is not None)
diffheg = with_defaults(DiffHEG, dim=4)

CASES = [
    *(
        case
        for call in (diffheg, with_defaults(GaussianNoise, dim=4))
        for name in ("dim", "num_groups", "num_timesteps")
        for case in (
            *bad_values(call, name, TypeError, *NO_NUMBERS, 4.0, math.nan),
            *bad_values(call, name, ValueError, 0, -1),
            *bad_values(call, "condition", TypeError, *NOT_NONE, torch.zeros(4)),
        )
    ),
    *(
        case
        for call in (diffheg, _make)
        for case in (
            *bad_values(call, "learning_rate", TypeError, *NO_NUMBERS),
            *bad_values(call, "learning_rate", ValueError, 0.0, -1, math.inf, math.nan, 1e39),
            *bad_values(call, "hidden_dim", TypeError, "8", [8], 8.0, True),
            *bad_values(call, "hidden_dim", ValueError, 0, -1),
            *bad_values(call, "num_layers", TypeError, *NO_NUMBERS, 2.0),
            *bad_values(call, "num_layers", ValueError, 0),
            *bad_values(call, "levels", TypeError, 0.5, "0.5", [None]),
            *bad_values(call, "levels", ValueError, [], [0.0], [2]),
            *bad_values(call, "schedule", TypeError, 3, torch.rand(50)),
            *bad_values(call, "schedule", ValueError, "", "nope", "x" * 10_000),
            *bad_values(call, "reverse", TypeError, None, True),
            *bad_values(call, "reverse", ValueError, "euler"),
            *bad_values(call, "prediction", ValueError, "score"),
        )
    ),
    *bad_values(_make, "generator", TypeError, 3, int, ["diffheg"], True, DiffHEG(4)),
    *bad_values(_make, "generator_kwargs", TypeError, 3, "dim", [4], True),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Values of a wrong type and values out of range are refused."""
    check_refused(case)


@pytest.mark.parametrize(
    "embeddings", [[[[0.0] * 4]], None, torch.zeros(1, 5, 4, dtype=torch.long), torch.ones(1, 5, 4) > 0]
)
def test_no_embeddings(embeddings: Any) -> None:
    """What is no tensor of floating or complex numbers is refused."""
    with pytest.raises(TypeError, match="Embeddings must be a tensor"):
        DiffHEG(4).generate(embeddings)
