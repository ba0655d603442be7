"""Cases of bad input. Each folder of tests has a list of them, in ``test_bad_inputs.py``."""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import pytest

__all__ = ["BadInput", "bad_values", "check_refused", "with_defaults"]

#: Values of a wrong type, for an argument that is a number
NO_NUMBERS = ("0.5", [0.5], {"a": 1}, 1j, None, True, Fraction(1, 2))


class BadInput(NamedTuple):
    """A call that must be refused."""

    #: The call, which takes the argument by its name
    call: Callable[..., Any]
    name: str
    value: Any
    error: type[Exception]

    def __repr__(self) -> str:
        """Return the test's ID, which must be the same in all processes that run tests."""
        # tensors may be random, and objects are anywhere in memory
        value = type(self.value).__name__ if hasattr(self.value, "dtype") else repr(self.value)
        text = f"{getattr(self.call, '__name__', self.call)}-{self.name}={value}"
        return re.sub(r" at 0x[0-9a-f]+", "", text)[:80]


def bad_values(call: Callable[..., Any], name: str, error: type[Exception], *values: Any) -> list[BadInput]:
    """Make a case of each value.

    :param call: the call
    :param name: the argument's name
    :param error: the expected exception
    :param values: the bad values

    :returns: the cases
    """
    return [BadInput(call=call, name=name, value=value, error=error) for value in values]


def with_defaults(call: Callable[..., Any], **defaults: Any) -> Callable[..., Any]:
    """Give a call arguments that are fine, unless others are given.

    :param call: the call
    :param defaults: the arguments

    :returns: the call with these arguments
    """

    def call_with_defaults(**kwargs: Any) -> Any:
        return call(**(defaults | kwargs))

    call_with_defaults.__name__ = call.__name__
    return call_with_defaults


def check_refused(case: BadInput) -> None:
    """Check that a call raises the expected exception, and that its message has the argument's name.

    :param case: the case
    """
    with pytest.raises(case.error, match=rf"\b{re.escape(case.name)}\b") as info:
        case.call(**{case.name: case.value})
    # not a subclass, e.g., no UnicodeDecodeError instead of a ValueError
    assert info.type is case.error
    assert len(str(info.value)) < 1000
