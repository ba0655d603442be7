"""Bad input for the sampler."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.sampling.filtering import PythonSetFilterer

from pykeen_dhns import DHNSNegativeSampler
from pykeen_dhns.sampling.selection import NearestSelection

from .samplers import TRIPLES, make
from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused


def _with(call: Callable[..., Any], **kwargs: Any) -> Callable[..., Any]:
    """Add arguments to a call."""
    result = functools.partial(call, **kwargs)
    result.__name__ = ", ".join(kwargs)  # type: ignore[attr-defined]
    return result


corrupt = make(hard_fraction=0.5).corrupt_batch
#: What stands for a class, or an instance, and is neither
NO_HINTS: tuple[Any, ...] = (3, [], dict)
#: What stands for keyword-based parameters, and is none
NO_KWARGS = ("a", [1], 3, True)
NOT_NONE = tuple(value for value in NO_NUMBERS if value is not None)

CASES = [
    *bad_values(DHNSNegativeSampler, "mapped_triples", TypeError, None, TRIPLES.tolist(), TRIPLES.numpy()),
    *bad_values(DHNSNegativeSampler, "mapped_triples", TypeError, TRIPLES.float(), TRIPLES.bool()),
    *bad_values(DHNSNegativeSampler, "mapped_triples", ValueError, TRIPLES[:, :2], TRIPLES[:0], TRIPLES - 1),
    *bad_values(make, "num_entities", TypeError, *NOT_NONE, 14.0),
    *bad_values(make, "num_entities", ValueError, 0, -1, 13, 2**40, 2**62),
    *bad_values(_with(make, triples=torch.tensor([[0, 0, 0]])), "num_entities", ValueError, 1, None),
    *bad_values(make, "num_relations", TypeError, *NOT_NONE, 55.0),
    *bad_values(make, "num_relations", ValueError, 0, -1, 54, 2**62),
    *bad_values(make, "num_negs_per_pos", TypeError, *NOT_NONE, 1.5, math.nan),
    *bad_values(make, "num_negs_per_pos", ValueError, 0, -1, 2**40),
    *bad_values(make, "filtered", TypeError, "false", "no", 1, None, []),
    *bad_values(make, "filterer", TypeError, *NO_HINTS),
    *bad_values(make, "filterer", ValueError, "nope"),
    *bad_values(_with(make, filterer="bloom"), "filterer_kwargs", TypeError, *NO_KWARGS),
    *bad_values(_with(make, filterer=PythonSetFilterer(TRIPLES)), "filterer_kwargs", ValueError, dict(error_rate=0.1)),
    *bad_values(make, "base_sampler", TypeError, *NO_HINTS),
    *bad_values(make, "base_sampler", ValueError, "nope"),
    *bad_values(_with(make, base_sampler="basic"), "base_sampler_kwargs", TypeError, *NO_KWARGS),
    *bad_values(make, "corruption_scheme", TypeError, "tail", 3, [None], [("tail",)], np.array("tail")),
    *bad_values(make, "corruption_scheme", TypeError, torch.tensor(1), torch.tensor([1]), np.array([["head", "tail"]])),
    *bad_values(
        lambda corruption_scheme: make(
            base_sampler="basic", base_sampler_kwargs=dict(corruption_scheme=corruption_scheme)
        ),
        "corruption_scheme",
        TypeError,
        3,
    ),
    *bad_values(make, "corruption_scheme", ValueError, ["t"], (), ("relation",)),
    *bad_values(make, "hard_fraction", TypeError, *NO_NUMBERS),
    *bad_values(make, "hard_fraction", ValueError, -0.1, 1.1, math.nan),
    *bad_values(_with(make, hard_fraction=0.0), "anneal_epochs", TypeError, *NOT_NONE, 2.0),
    *bad_values(make, "anneal_epochs", ValueError, 0, -1),
    *bad_values(make, "generator", TypeError, *NO_HINTS),
    *bad_values(make, "generator", ValueError, "nope"),
    *bad_values(make, "generator_kwargs", TypeError, *NO_KWARGS),
    # the generator's own, which has more of them
    *bad_values(make, "levels", ValueError, [1.5]),
    *bad_values(make, "num_timesteps", ValueError, 1),
    *bad_values(make, "reverse", ValueError, "euler"),
    *bad_values(make, "guidance", TypeError, *NOT_NONE),
    *bad_values(make, "guidance", ValueError, -0.1, 1.1, math.nan),
    *bad_values(make, "selection", TypeError, *NO_HINTS),
    *bad_values(make, "selection", ValueError, "nope"),
    *bad_values(make, "selection_kwargs", TypeError, *NO_KWARGS),
    *bad_values(lambda exponent: make(selection_kwargs=dict(exponent=exponent)), "exponent", ValueError, -1),
    *bad_values(_with(make, selection=NearestSelection()), "selection_kwargs", ValueError, dict(margin=1)),
    *bad_values(make, "num_candidates", TypeError, *NO_NUMBERS, 1.5),
    *bad_values(make, "num_candidates", ValueError, 0, -1, 2**40),
    *bad_values(make, "embedding_dim", TypeError, *NO_NUMBERS, 2.0),
    *bad_values(make, "embedding_dim", ValueError, 31, 0, -2, 2**40),
    *(
        case
        for name in ("learning_rate", "proxy_learning_rate")
        for case in (
            *bad_values(make, name, TypeError, *NO_NUMBERS),
            *bad_values(make, name, ValueError, 0, -1.0, math.nan, math.inf),
        )
    ),
    *bad_values(corrupt, "positive_batch", TypeError, None, TRIPLES.tolist(), TRIPLES.float()),
    *bad_values(corrupt, "positive_batch", ValueError, TRIPLES[:6, :2], TRIPLES[:, 0], torch.tensor(0), TRIPLES + 1),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """What has a wrong type, or is out of range, is refused before anything is made of it."""
    check_refused(case)
