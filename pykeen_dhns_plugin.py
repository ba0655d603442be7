"""What PyKEEN loads of this package, by an entry point, whenever its datasets are imported.

PyKEEN's only usable entry point group is the one for datasets. It is loaded while other parts of PyKEEN are still being
imported, so this module imports as little of it as possible. It lies outside of the package, since PyKEEN must survive
whatever goes wrong in the package, including its ``__init__``.
"""

import importlib
import logging
from typing import Any

logger = logging.getLogger(__name__)

#: The modules to import. Each registers what it defines.
MODULES = ("pykeen_dhns.sampling",)


def import_module(name: str) -> None:
    """Import a module, or log why this is not possible.

    :param name: the module's name
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


def __getattr__(name: str) -> Any:
    # An entry point has to name an object, which PyKEEN registers as a dataset, unless it already is: this one is.
    if name == "PLACEHOLDER":
        from pykeen.datasets.nations import Nations

        return Nations
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


for module in MODULES:
    import_module(module)
