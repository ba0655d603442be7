"""Checks of PyKEEN's own arguments, which it checks late, or not at all."""

from collections.abc import Callable, Mapping
from functools import partial
from os import PathLike
from typing import Any

from class_resolver import ClassResolver
from class_resolver.contrib.torch import lr_scheduler_resolver
from pykeen.optimizers import optimizer_resolver
from pykeen.stoppers import Stopper
from pykeen.triples.weights import loss_weighter_resolver
from torch.optim import SGD, Adagrad, Optimizer, SparseAdam

from ..utils.validation import (
    check_bool,
    check_fraction,
    check_hint,
    check_integer,
    check_kwargs,
    check_non_negative,
    check_positive,
    check_type,
)

__all__ = ["MAX_NUM_WORKERS", "check_constructor_arguments", "check_train_arguments"]

#: More processes than this are certainly a mistake
MAX_NUM_WORKERS = 1024

RESOLVERS: Mapping[str, ClassResolver[Any]] = {
    "optimizer": optimizer_resolver,
    "lr_scheduler": lr_scheduler_resolver,
    "loss_weighter": loss_weighter_resolver,
}
SWITCHES = (
    *("continue_training", "only_size_probing", "clear_optimizer", "checkpoint_on_failure", "drop_last", "pin_memory"),
    *("use_tqdm", "use_tqdm_batch"),
)
check_path = partial(check_type, types=(str, PathLike), allowed="a string or a path")
#: The checks of arguments of ``train``, by name
CHECKS: Mapping[str, Callable[[str, Any], None]] = dict.fromkeys(SWITCHES, check_bool) | dict(
    num_epochs=partial(check_integer, minimum=0),
    batch_size=check_integer,
    sub_batch_size=check_integer,
    num_workers=partial(check_integer, minimum=0, maximum=MAX_NUM_WORKERS),
    label_smoothing=check_fraction,
    gradient_clipping_max_norm=check_positive,
    gradient_clipping_max_abs_value=check_positive,
    checkpoint_frequency=check_non_negative,
    checkpoint_directory=check_path,
    checkpoint_name=check_path,
    stopper=partial(check_type, types=Stopper, allowed="a stopper, e.g., a pykeen.stoppers.EarlyStopper"),
)


def check_constructor_arguments(arguments: Mapping[str, Any]) -> None:
    """Check arguments of the constructors of PyKEEN's training loops and Lightning modules.

    :param arguments: the arguments, by name. Those that are not given are not checked.

    :raises TypeError: if one has a wrong type
    :raises ValueError: if a name is unknown
    """  # noqa: DOC502
    for name, resolver in RESOLVERS.items():
        if arguments.get(name) is not None:
            check_hint(name, arguments[name], resolver)
        check_kwargs(f"{name}_kwargs", arguments.get(f"{name}_kwargs"))
    if "automatic_memory_optimization" in arguments:
        check_bool("automatic_memory_optimization", arguments["automatic_memory_optimization"])


def check_train_arguments(arguments: Mapping[str, Any]) -> None:
    """Check arguments of ``train``.

    :param arguments: all arguments, by name

    :raises TypeError: if one has a wrong type
    :raises ValueError: if one is out of range
    """  # noqa: DOC502
    for name, check in CHECKS.items():
        if arguments[name] is not None or name in {"num_epochs", "label_smoothing"}:
            check(name, arguments[name])


def check_sparse_gradients(optimizer: Optimizer, **clipping: float | None) -> None:
    """Check that sparse gradients are possible. PyTorch's own errors take a page.

    :param optimizer: the model's optimizer
    :param clipping: the arguments that ask for clipped gradients, by name

    :raises ValueError: if the optimizer does not allow them, or if they are to be clipped
    """  # noqa: DOC103
    if not isinstance(optimizer, Adagrad | SparseAdam | SGD):
        name = type(optimizer).__name__
        message = f"sparse_gradients=True is not possible with {name}. Use optimizer='adagrad', 'sparseadam', or 'sgd'."
        raise ValueError(message)  # noqa: TRY004
    for name, value in clipping.items():
        if value is not None:
            raise ValueError(f"{name} is given, but PyTorch cannot clip sparse gradients. Use sparse_gradients=False.")
