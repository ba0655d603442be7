"""What PyKEEN loads of this package, by an entry point, whenever its datasets are imported.

The module lies outside of the package, so that PyKEEN survives whatever is wrong with the package, also with its
``__init__``.
"""

import importlib
import logging
import sys
from types import ModuleType
from typing import Any

import pykeen.contrib

logger = logging.getLogger(__name__)

# PyKEEN's only usable entry point is the one for datasets. It is loaded while other parts of PyKEEN are half imported,
# and have no resolver yet. So some of our modules must wait until Python has imported what they need. Python ends the
# import of a module by setting it as an attribute of its package. The documented way to notice this is to set the
# package's `__class__`. Nothing of PyKEEN is replaced, and the class is set back when no module waits any more.
# Two better known ways were tried, with each of 56 modules as the first import:
# - `wrapt.register_post_import_hook` takes half imported modules for imported ones, and fails after 17 of the 56.
# - A finder in `sys.meta_path` only sees imports that begin after it is there. It fails after 2 of the 56. Also, our
#   names are missing right after the import of `pykeen.nn`, `.models`, `.training`, or `.contrib.lightning`.

#: The modules to import at once. Each registers what it defines.
MODULES = ("pykeen_dhns.sampling", "pykeen_dhns.losses", "pykeen_dhns.datasets")

#: Only who asks for it has Lightning, so this module may wait forever
LIGHTNING_MODULE = "pykeen_dhns.lightning"

#: The modules that wait, in this order, and the package of PyKEEN's that each of them waits for
LATE_MODULES = {
    "pykeen_dhns.multimodal.representation": "pykeen.nn",
    # nn.text alone would do, but it is complete before nn is
    "pykeen_dhns.features.lexical": "pykeen.nn",
    "pykeen_dhns.multimodal.model": "pykeen.models",
    "pykeen_dhns._pykeen": "pykeen.trackers",
    "pykeen_dhns.training": "pykeen.training",
    LIGHTNING_MODULE: "pykeen.contrib.lightning",
}


def import_module(name: str) -> bool:
    """Import a module, or log why this is not possible.

    :param name: the module's name

    :returns: whether it could be imported
    """
    try:
        importlib.import_module(name)
    except Exception as error:
        # PyKEEN tolerates few kinds of errors here, and would not say what happened
        logger.warning(
            "could not import %s, its names are not available in PyKEEN: %r",
            name,
            error,
            exc_info=logger.isEnabledFor(logging.DEBUG),
        )
        return False
    return True


def is_half_imported(name: str) -> bool:
    """Return whether the import of a module has begun, but is not complete.

    :param name: the module's name

    :returns: whether its package lacks it as an attribute
    """
    package, _, attribute = name.rpartition(".")
    return name in sys.modules and package in sys.modules and not hasattr(sys.modules[package], attribute)


def own_modules() -> list[str]:
    """Return the names of those modules within our package whose import has begun."""
    return [name for name in list(sys.modules) if name.startswith("pykeen_dhns.")]


def import_late_modules() -> None:
    """Import the late modules that need not wait any more, and stop watching the packages that none waits for."""
    for module, needed in list(LATE_MODULES.items()):
        is_there = needed in sys.modules and not is_half_imported(needed)
        # a late module may need any of ours, which are half imported if the user's first import is deep in our package
        is_ready = is_there and not any(map(is_half_imported, own_modules()))
        # an import may lead back to here, so another call may have been faster
        if is_ready and LATE_MODULES.pop(module, None) is not None:
            import_module(module)
    if LATE_MODULES.keys() <= {LIGHTNING_MODULE}:
        for name in ("pykeen", "pykeen_dhns", *own_modules()):
            sys.modules[name].__class__ = ModuleType
    if not LATE_MODULES:
        pykeen.contrib.__class__ = ModuleType


class WatchedPackage(ModuleType):
    """The class of a package while late modules wait for modules of this package."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if isinstance(value, ModuleType) and value.__name__.startswith("pykeen_dhns."):
            value.__class__ = WatchedPackage
        import_late_modules()


def __getattr__(name: str) -> Any:
    # An entry point has to name an object. PyKEEN registers it as a dataset, unless it already is one: this one is.
    if name == "PLACEHOLDER":
        from pykeen.datasets.nations import Nations

        return Nations
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# with a broken package, a single warning is enough
if import_module("pykeen_dhns"):
    for name in MODULES:
        import_module(name)
    pykeen.contrib.__class__ = WatchedPackage
    for name in ("pykeen", "pykeen_dhns", *own_modules()):
        sys.modules[name].__class__ = WatchedPackage
    import_late_modules()
