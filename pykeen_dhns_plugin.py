"""What PyKEEN loads of this package, by an entry point, whenever its datasets are imported.

PyKEEN's only usable entry point group is the one for datasets. It is loaded while other parts of PyKEEN are still being
imported, so this module imports as little of it as possible at once, and the rest when what it needs of PyKEEN is
complete. It lies outside of the package, since PyKEEN must survive whatever goes wrong in the package, including its
``__init__``.
"""

import importlib
import logging
import sys
from types import ModuleType
from typing import Any

import pykeen
import pykeen.contrib

logger = logging.getLogger(__name__)

#: The modules to import at once. Each registers what it defines.
MODULES = ("pykeen_dhns.sampling", "pykeen_dhns.losses", "pykeen_dhns.datasets")

#: The modules to import later, in this order: what each needs of PyKEEN, and what that package defines last
LATE_MODULES = {
    "pykeen_dhns.multimodal.representation": ("pykeen.nn", "representation_resolver"),
    # of the subpackage nn.text, which is complete before nn is
    "pykeen_dhns.features.lexical": ("pykeen.nn", "representation_resolver"),
    "pykeen_dhns.multimodal.model": ("pykeen.models", "model_resolver"),
    "pykeen_dhns.trackers": ("pykeen.trackers", "tracker_resolver"),
    "pykeen_dhns.training": ("pykeen.training", "training_loop_resolver"),
}

#: The module to import when PyKEEN's integration of Lightning is: only who asks for that has Lightning
LIGHTNING_MODULE = "pykeen_dhns.lightning"


def import_module(name: str) -> bool:
    """Import a module, or log why this is not possible.

    :param name: the module's name

    :returns: whether it could be imported
    """
    try:
        importlib.import_module(name)
    except Exception as error:
        # PyKEEN's import tolerates few kinds of errors here, and would not say what happened
        logger.warning(
            "could not import %s, its names are not available in PyKEEN: %r",
            name,
            error,
            exc_info=logger.isEnabledFor(logging.DEBUG),
        )
        return False
    return True


def is_busy() -> bool:
    """Return whether a module of the package is being imported, such that others, which need it, cannot be."""
    return any(
        name.startswith("pykeen_dhns.") and getattr(module.__spec__, "_initializing", False)
        for name, module in list(sys.modules.items())
    )


def is_own_package(module: Any) -> bool:
    """Return whether something is a package within our package.

    :param module: anything

    :returns: whether it is one
    """
    return isinstance(module, ModuleType) and module.__name__.startswith("pykeen_dhns.") and hasattr(module, "__path__")


def import_late_modules() -> None:
    """Import those of the late modules for which PyKEEN is ready, and stop waiting if none is left."""
    for module, (package, last_name) in list(LATE_MODULES.items()):
        # one import leads to others, and these to here, so the module may be gone in the meantime
        is_ready = not is_busy() and hasattr(sys.modules.get(package), last_name)
        if is_ready and LATE_MODULES.pop(module, None) is not None:
            import_module(module)
    if not LATE_MODULES:
        for watched in list(sys.modules.values()):
            if type(watched) is Hook:
                watched.__class__ = Hook.__base__


class Hook(type(pykeen)):  # type: ignore[misc]
    """The type of the module ``pykeen``, and of our package and its own, until all late modules are imported.

    Python ends the import of a package's module by setting it as an attribute of the package. This is the only point at
    which a module is complete for sure, and it comes in whatever order modules are imported. Neither the package nor
    any of its attributes is replaced.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        # the first import may be that of a module deep in our package
        if is_own_package(value):
            value.__class__ = Hook
        import_late_modules()


class ContribHook(type(pykeen)):  # type: ignore[misc]
    """The type of the module ``pykeen.contrib``, until its integration of Lightning is imported, if it ever is."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "lightning":
            self.__class__ = ContribHook.__base__
            import_module(LIGHTNING_MODULE)


def __getattr__(name: str) -> Any:
    # An entry point has to name an object, which PyKEEN registers as a dataset, unless it already is: this one is.
    if name == "PLACEHOLDER":
        from pykeen.datasets.nations import Nations

        return Nations
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# with a broken package, a single warning is enough
if import_module("pykeen_dhns"):
    for module_name in MODULES:
        import_module(module_name)
    for imported in (pykeen, sys.modules["pykeen_dhns"], *filter(is_own_package, list(sys.modules.values()))):
        imported.__class__ = Hook
    pykeen.contrib.__class__ = ContribHook
    import_late_modules()
