"""The version of the package, also stated in ``setup.cfg`` and ``CITATION.cff``."""

__all__ = ["VERSION"]

VERSION = "0.1.0.dev0"
