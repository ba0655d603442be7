"""Types of options: names that PyKEEN knows, arguments as JSON, and files by modality."""

import difflib
import importlib
import json
from pathlib import Path
from typing import Any

import click
from class_resolver import ClassResolver

__all__ = ["ComponentType", "JSONType", "ModalityType"]


class ComponentType(click.ParamType):  # type: ignore[type-arg]
    """The name of a component, as one of PyKEEN's resolvers knows it."""

    name = "name"

    def __init__(self, resolver: str, *, or_file: bool = False) -> None:
        """Initialize the type.

        :param resolver: where the resolver is, e.g., ``pykeen.losses:loss_resolver``. It is imported at first use.
        :param or_file: whether the path of a file is as good as a name
        """
        self._resolver = resolver
        self.or_file = or_file

    @property
    def resolver(self) -> ClassResolver[Any]:
        """Return the resolver."""
        # all entry points, ours among them, are loaded with it
        importlib.import_module("pykeen.datasets")
        module, _, name = self._resolver.partition(":")
        resolver: ClassResolver[Any] = getattr(importlib.import_module(module), name)
        return resolver

    def is_same(self, one: Any, other: Any) -> bool:
        """Compare names.

        :param one: a name
        :param other: another one

        :returns: whether both are of the same component
        """
        resolver = self.resolver
        try:
            return resolver.lookup(one) is resolver.lookup(other)
        except (KeyError, TypeError, ValueError):
            return bool(one == other)

    # docstr-coverage: inherited
    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: D102
        if self.or_file and Path(value).is_file():
            return value
        resolver = self.resolver
        try:
            resolver.lookup(value)
        except KeyError:
            allowed = sorted({*resolver.lookup_dict, *resolver.synonyms})
            near = difflib.get_close_matches(resolver.normalize(value), allowed, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            self.fail(f"{value!r} is unknown.{hint} Allowed: {', '.join(allowed)}.", param, ctx)
        return value


class JSONType(click.ParamType):  # type: ignore[type-arg]
    """Keyword-based arguments, as a JSON object."""

    name = "json"

    # docstr-coverage: inherited
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: D102
        if not isinstance(value, str):
            return value
        try:
            content = json.loads(value)
        except json.JSONDecodeError as error:
            self.fail(f"{value!r} is no JSON ({error}). An example: '{{\"lr\": 0.01}}', quoted as here.", param, ctx)
        if not isinstance(content, dict):
            self.fail(f"{value!r} is a {type(content).__name__}, it must be an object: '{{\"lr\": 0.01}}'.", param, ctx)
        return content


class ModalityType(click.ParamType):  # type: ignore[type-arg]
    """A modality, and the file with its features."""

    name = "name=file"

    # docstr-coverage: inherited
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: D102
        if not isinstance(value, str):
            return value
        name, separator, file = value.partition("=")
        if not separator or not name or not file:
            self.fail(f"{value!r} must be NAME=FILE, e.g., textual=textual.npy.", param, ctx)
        if not Path(file).is_file():
            self.fail(f"There is no file {file!r} with the features of {name!r}.", param, ctx)
        return name, file
