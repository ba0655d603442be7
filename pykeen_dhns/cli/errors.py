"""Errors of commands: a sentence for whoever typed the command, and a traceback for whoever asks for it."""

import functools
from collections.abc import Callable
from typing import Any

import click

__all__ = ["show_errors"]


def show_errors(function: Callable[..., None]) -> Callable[..., None]:
    """Show errors as messages. This adds the option ``--traceback`` to a command.

    :param function: the function of the command

    :returns: the function, with the option
    """

    @click.option("--traceback", is_flag=True, help="On errors, show where they happened.")
    @functools.wraps(function)
    def wrapper(*args: Any, traceback: bool, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if traceback:
                raise
            # the message of a KeyError is the key, in quotes
            message = error.args[0] if isinstance(error, KeyError) and error.args else error
            hint = "--traceback shows where this happened."
            raise click.ClickException(f"{message}\n({type(error).__name__}; {hint})") from error

    return wrapper
