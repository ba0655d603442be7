"""The command line: what PyKEEN's own has no option for.

Commands import what they need when they run, so that ``--help`` is there at once.
"""

from .main import main

__all__ = ["main"]
