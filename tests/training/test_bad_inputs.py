"""Bad input for the training loop."""

import functools
from typing import Any

import pytest
import torch
from pykeen.models import RotatE
from pykeen.sampling import BasicNegativeSampler

from pykeen_dhns import DHNSTrainingLoop, DiffHEG
from pykeen_dhns.training import LoopConfig

from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused
from ..helpers.loops import FACTORY, make_loop

NAN, INF = float("nan"), float("inf")
#: In this configuration, None means the default
NUMBERS = tuple(value for value in NO_NUMBERS if value is not None)


def config(**kwargs: Any) -> None:
    """Make a configuration."""
    LoopConfig.from_arguments(kwargs)


CASES = [
    *(
        case
        for name in ("multimodal", "adaptive_training", "adaptive_margin", "filtered", "sparse_gradients")
        for case in bad_values(config, name, TypeError, "false", "no", 0, 1, [], torch.tensor(True))
    ),
    *(
        case
        for name in ("diffusion_weight", "generated_share", "hard_fraction")
        for case in bad_values(config, name, TypeError, *NUMBERS)
    ),
    *bad_values(config, "diffusion_weight", ValueError, -1, NAN, INF, 1e39),
    *bad_values(config, "generated_share", ValueError, 0, -1, 1.5, NAN),
    *bad_values(config, "hard_fraction", ValueError, -0.1, 1.1, NAN, INF),
    *bad_values(config, "num_negs_per_pos", TypeError, *NUMBERS, 4.0),
    *bad_values(config, "num_negs_per_pos", ValueError, 0, -1, 2**40),
    *(
        case
        for name in ("num_shared_negs", "num_proposed_negs", "num_candidates")
        for case in (
            *bad_values(config, name, TypeError, *NUMBERS, 4.0),
            *bad_values(config, name, ValueError, -1, 2**40),
        )
    ),
    *(
        case
        for name in ("generator_kwargs", "negative_sampler_kwargs", "base_sampler_kwargs", "hardness_loss_kwargs")
        for case in bad_values(config, name, TypeError, "num_negs_per_pos", 5, [1], [("num_negs_per_pos", 1)])
    ),
    *(
        case
        for name in ("generator", "negative_sampler", "base_sampler", "filterer")
        for case in (
            *bad_values(config, name, TypeError, 5, ["basic"], True, RotatE),
            *bad_values(config, name, ValueError, "gan", "", "x" * 10_000),
        )
    ),
    *bad_values(config, "generator", TypeError, DiffHEG(dim=12), BasicNegativeSampler),
]


@functools.cache
def make_once() -> DHNSTrainingLoop:
    """Make a loop."""
    return make_loop()


def train(**kwargs: Any) -> None:
    """Train a loop, or rather not."""
    make_once().train(FACTORY, **({"num_epochs": 0} | kwargs))


def make(**kwargs: Any) -> None:
    """Make a loop."""
    make_loop(**kwargs)


def _sampler(**kwargs: Any) -> None:
    """Make a loop with arguments of its sampler."""
    make_loop(negative_sampler_kwargs=kwargs)


CASES += [
    *(
        case
        for name in ("optimizer", "lr_scheduler", "loss_weighter")
        for case in (
            *bad_values(make, name, TypeError, 5, True, ["adam"]),
            *bad_values(make, name, ValueError, "gan"),
            *bad_values(make, f"{name}_kwargs", TypeError, "lr", 5),
        )
    ),
    *bad_values(make, "automatic_memory_optimization", TypeError, "no", 0),
    *bad_values(train, "num_epochs", TypeError, *NO_NUMBERS, 1.5),
    *bad_values(train, "num_epochs", ValueError, -1),
    *(
        case
        for name in ("batch_size", "sub_batch_size", "num_workers")
        for case in (*bad_values(train, name, TypeError, *NUMBERS, 4.0), *bad_values(train, name, ValueError, -1))
    ),
    *bad_values(train, "batch_size", ValueError, 0),
    *bad_values(train, "num_workers", ValueError, 2**40),
    *bad_values(train, "label_smoothing", TypeError, *NO_NUMBERS),
    *bad_values(train, "label_smoothing", ValueError, -0.1, 1.1, NAN),
    *(
        case
        for name in (
            *("continue_training", "only_size_probing", "clear_optimizer", "checkpoint_on_failure", "drop_last"),
            *("pin_memory", "use_tqdm"),
        )
        for case in bad_values(train, name, TypeError, "no", "false", 0, 1)
    ),
    *bad_values(train, "checkpoint_name", TypeError, 5, ["checkpoint.pt"]),
    *bad_values(train, "stopper", TypeError, "early", 5),
    *bad_values(train, "checkpoint_frequency", TypeError, "5", [5]),
    *bad_values(train, "checkpoint_frequency", ValueError, -1, NAN),
    *(
        case
        for name in ("gradient_clipping_max_norm", "gradient_clipping_max_abs_value")
        for case in (*bad_values(train, name, TypeError, "1", [1]), *bad_values(train, name, ValueError, 0, -1, NAN))
    ),
    *bad_values(train, "adaptive_training", TypeError, "no"),
    *(
        case
        for call in (make, train)
        for name in ("foo", "num_shared_neg")
        for case in bad_values(call, name, TypeError, 1)
    ),
    # what the sampler refuses, which is made when the training begins
    *bad_values(_sampler, "num_negs_per_po", TypeError, 1),
    *bad_values(_sampler, "num_candidates", ValueError, 0),
    *bad_values(_sampler, "embedding_dim", ValueError, 3),
    *bad_values(_sampler, "selection", ValueError, "nope"),
    *bad_values(_sampler, "corruption_scheme", ValueError, ["t"]),
    *bad_values(make, "filterer_kwargs", TypeError, 3),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Values of a wrong type or out of range are refused, and the message names the argument."""
    check_refused(case)
