"""The names of arguments: which ones there are, and which one a misspelt name could mean."""

import difflib
import functools
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterable
from typing import Any, ParamSpec, TypeVar

__all__ = ["argument_names", "check_names", "suggest_names"]

P = ParamSpec("P")
T = TypeVar("T")
#: Parameters that take any arguments, to pass them on
VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
#: Arguments of the training loop that one may look for in the sampler
OF_LOOP = ("num_shared_negs", "shared_negs_from_batch", "num_proposed_negs")


def argument_names(cls: type[Any]) -> set[str]:
    """Return the names of the arguments of a constructor, with those that it passes on to its base classes.

    :param cls: the class

    :returns: the names
    """
    names: set[str] = set()
    for base in cls.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            variable = {parameter.name for parameter in parameters if parameter.kind in VARIABLE}
            names |= {parameter.name for parameter in parameters} - variable - {"self"}
            if not variable:
                break
    return names


def check_names(owner: str, given: Iterable[str], known: Collection[str]) -> None:
    """Check the names of keyword-based arguments.

    :param owner: what has the arguments, for the message
    :param given: the names that are given
    :param known: the names that there are

    :raises TypeError: if there is no such argument; the message suggests a similar name
    """
    for name in given:
        if name not in known:
            similar = difflib.get_close_matches(name, sorted(known), n=1)
            names = textwrap.shorten(", ".join(sorted(known)), width=600, placeholder=" ...")
            hint = f"Did you mean {similar[0]!r}?" if similar else f"Its arguments are: {names}"
            if name in OF_LOOP:
                hint = "It belongs in training_loop_kwargs, with training_loop='dhns'."
            raise TypeError(f"{owner} got an unexpected keyword argument {name!r}. {hint}")


def suggest_names(function: Callable[P, T]) -> Callable[P, T]:
    """Let a constructor suggest a name where one is misspelt. Python does so only since version 3.13.

    :param function: the constructor

    :returns: the same constructor, which checks the names of its arguments first
    """
    known = inspect.signature(function).parameters.keys() - {"self"}
    owner = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        check_names(owner, kwargs, known)
        return function(*args, **kwargs)

    return wrapper
