"""Tests for the list of PyKEEN's private members that this package uses."""

import ast
import importlib
import importlib.metadata
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

import pykeen_dhns
from pykeen_dhns._pykeen import PRIVATE_MEMBERS

#: Private members of others than PyKEEN
OTHERS = {"_DropoutNd", "_apply", "_exit", "_version"}


def is_private(name: str) -> bool:
    """Return whether a name is private, but not special."""
    return name.startswith("_") and not name.startswith("__")


def iterate_modules() -> Iterator[ModuleType]:
    """Import all modules of the package."""
    for module in pkgutil.walk_packages(pykeen_dhns.__path__, "pykeen_dhns."):
        if not module.name.endswith("__main__"):
            yield importlib.import_module(module.name)


def find_used_names(module: ModuleType) -> tuple[set[str], set[str]]:
    """Return the private attributes that a module reads, and those that it defines."""
    used: set[str] = set()
    defined: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            (defined if isinstance(node.ctx, ast.Store) else used).add(node.attr)
        elif isinstance(node, ast.FunctionDef):
            defined.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            defined.add(node.target.id)
    return used, defined


def find_overridden_names(module: ModuleType) -> set[str]:
    """Return the private members of PyKEEN's classes that a module's classes override."""
    return {
        name
        for _, cls in inspect.getmembers(module, inspect.isclass)
        for base in cls.__mro__
        if cls.__module__ == module.__name__ and base.__module__.startswith("pykeen.")
        for name in vars(cls).keys() & vars(base).keys()
        if is_private(name) and not name.startswith("_abc_")
    }


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in PRIVATE_MEMBERS.items() for name in names])
def test_exists(path: str, name: str) -> None:
    """The installed PyKEEN has each member, as a method, or as an attribute that a method sets."""
    module, _, class_name = path.partition(":")
    cls = getattr(importlib.import_module(module), class_name)
    sources = [inspect.getsource(base) for base in cls.__mro__ if base.__module__.startswith("pykeen.")]
    assert hasattr(cls, name) or any(f"self.{name}" in source or f"    {name}:" in source for source in sources), (
        f"{path}.{name}, which this package uses, is not in PyKEEN {importlib.metadata.version('pykeen')} any more. "
        "Find what took its place, and change what uses it. Until then, exclude this version in setup.cfg."
    )


def test_complete() -> None:
    """All private members of PyKEEN that the package uses are listed, and no others."""
    used: set[str] = set()
    defined: set[str] = set()
    overridden: set[str] = set()
    for module in iterate_modules():
        names = find_used_names(module)
        used |= names[0]
        defined |= names[1]
        overridden |= find_overridden_names(module)
    listed = {name for names in PRIVATE_MEMBERS.values() for name in names}
    assert (used - defined) | overridden <= listed | OTHERS, "add these to PRIVATE_MEMBERS in pykeen_dhns/_pykeen.py"
    assert listed <= used | defined, "remove these from PRIVATE_MEMBERS in pykeen_dhns/_pykeen.py"
