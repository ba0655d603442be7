"""Test that the package's imports point one way, and that its modules stay small."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pykeen_dhns

PACKAGE = Path(pykeen_dhns.__file__).parent
#: The packages, and the modules next to them. Each may import those that come before it, cf. docs/design.md.
LAYERS = (
    *("version", "_pykeen", "utils", "diffusion", "queries", "generators", "sampling", "losses", "features"),
    *("multimodal", "training", "lightning", "datasets", "inspection", "comparison", "cli", "__main__", "__init__"),
)
MAX_LINES = 350


def name_of(path: Path) -> tuple[str, ...]:
    """Return the dotted name of a module within the package, split at its dots."""
    return path.relative_to(PACKAGE).with_suffix("").parts


#: The path of each module
MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def is_for_type_checker(node: ast.AST) -> bool:
    """Return whether the type checker alone runs a statement."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def find_imports(name: tuple[str, ...], node: ast.AST) -> Iterator[tuple[str, ...]]:
    """Find which modules of the package a module imports, also within its functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom) and child.level:
            base = (*name[: len(name) - child.level], *(child.module or "").split("."))
            base = tuple(part for part in base if part)
            for alias in child.names:
                # what is imported is a module, or something that a module or the package's __init__ defines
                candidates = ((*base, alias.name), base, (*base, "__init__"))
                yield next((candidate for candidate in candidates if candidate in MODULES), base)
        elif not is_for_type_checker(child):
            yield from find_imports(name, child)


IMPORTS = {name: set(find_imports(name, ast.parse(path.read_text("utf8")))) for name, path in MODULES.items()}


def test_layers() -> None:
    """Each module only imports from its own package, and from those below it."""
    backwards = [
        f"{'.'.join(name)} imports {'.'.join(other)}"
        for name, others in IMPORTS.items()
        for other in others
        if LAYERS.index(other[0]) > LAYERS.index(name[0])
    ]
    assert backwards == []


def test_no_cycle() -> None:
    """No module imports itself by way of others."""
    graphlib.TopologicalSorter(IMPORTS).prepare()


def test_size() -> None:
    """A module that grows too long has a part that can stand on its own."""
    lengths = {".".join(name): len(path.read_text("utf8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}
