"""Bad input for the diffusion model."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from pykeen_dhns.diffusion import (
    ConditionalDenoiser,
    GaussianDiffusion,
    Levels,
    RunningScale,
    SinusoidalTimeEmbedding,
)
from pykeen_dhns.diffusion.schedule import make_betas

from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused, with_defaults

NO_COUNTS = (*NO_NUMBERS, 4.0, math.nan)


def _levels(levels: Any) -> Levels:
    return Levels.make(levels)


def _grid(reverse: Any) -> tuple[int, ...]:
    return GaussianDiffusion().grid([2], reverse=reverse)


def _returns(value: Any) -> Any:
    """Make a schedule that returns a value in one of its steps."""
    return lambda num_timesteps: torch.full((num_timesteps,), 0.5).index_fill(0, torch.tensor(3), value)


betas = with_defaults(make_betas, schedule="cosine")
denoiser = with_defaults(ConditionalDenoiser, dim=4, num_timesteps=10)
embedding = with_defaults(SinusoidalTimeEmbedding, num_timesteps=10, dim=4)
scale = with_defaults(RunningScale, dim=4)

CASES = [
    *bad_values(
        _levels, "levels", TypeError, 0.5, "0.5", "1234", b"1", [None], ["0.5"], [[0.5]], [True], {0.5: 1}, {0.5}
    ),
    *bad_values(_levels, "levels", TypeError, np.array(0.5), np.array([[0.5]]), np.array(["0.5"]), torch.tensor([0.5])),
    *bad_values(_levels, "levels", ValueError, [], (), np.array([]), [0], [0.1, 1.1], [math.nan], np.array([math.inf])),
    *(
        case
        for call in (GaussianDiffusion, betas)
        for case in (
            *bad_values(call, "num_timesteps", TypeError, *NO_COUNTS, np.array(3), torch.tensor(3)),
            *bad_values(call, "num_timesteps", ValueError, 1, 0, -3, 2**40, 10**400),
        )
    ),
    *bad_values(GaussianDiffusion, "schedule", TypeError, 3, [0.1] * 50, torch.rand(50), lambda num: [0.1] * num),
    *bad_values(GaussianDiffusion, "schedule", ValueError, *map(_returns, (math.nan, 0.0, -0.1, 1.0, 1.1, math.inf))),
    *bad_values(GaussianDiffusion, "schedule", ValueError, lambda num: torch.rand(num + 1), lambda _: torch.rand(())),
    *bad_values(_grid, "reverse", TypeError, None, 3, ["short"], {}),
    *bad_values(_grid, "reverse", ValueError, "", "euler"),
    *(
        case
        for name in ("dim", "num_timesteps", "num_layers", "time_dim")
        for case in bad_values(denoiser, name, TypeError, *NO_COUNTS)
        + bad_values(denoiser, name, ValueError, 0, -1, 2**40)
    ),
    *bad_values(denoiser, "hidden_dim", TypeError, *(value for value in NO_COUNTS if value is not None)),
    *bad_values(denoiser, "hidden_dim", ValueError, 0, -1, 2**40),
    *bad_values(denoiser, "time_dim", ValueError, 5),
    *bad_values(denoiser, "prediction", TypeError, None, 3),
    *bad_values(denoiser, "prediction", ValueError, "score"),
    *bad_values(embedding, "dim", ValueError, 0, 5),
    *(
        case
        for name in ("dim", "num_groups")
        for case in bad_values(scale, name, TypeError, *NO_COUNTS) + bad_values(scale, name, ValueError, 0, -1, 2**40)
    ),
    *bad_values(scale, "momentum", TypeError, *NO_NUMBERS),
    *bad_values(scale, "momentum", ValueError, 0, 1.1, -0.1, math.nan),
    *bad_values(scale, "eps", ValueError, 0, -1, math.nan, math.inf),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Values of a wrong type and values out of range are refused."""
    check_refused(case)


def test_accepted() -> None:
    """Lists, arrays, and numbers of NumPy are accepted."""
    expected = Levels((0.25, 0.5))
    accepted: list[Any] = [[0.5, 0.25], np.array([0.5, 0.25]), np.array([0.5, 0.25], dtype=np.float32), expected]
    assert all(Levels.make(levels) == expected for levels in accepted)
    num_timesteps: Any = np.int64(20)
    assert GaussianDiffusion(num_timesteps).num_timesteps == 20
    assert GaussianDiffusion(20, schedule=_returns(0.25)).betas[4] == 0.25
