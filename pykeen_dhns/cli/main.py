"""The command ``pykeen-dhns``."""

import io
import sys

import click

from .compare import compare
from .inspect import inspect
from .train import train
from ..version import VERSION

__all__ = ["main"]


@click.group(context_settings=dict(help_option_names=["-h", "--help"], max_content_width=120))
@click.version_option(VERSION, prog_name="pykeen-dhns")
def main() -> None:
    """Diffusion-based hierarchical negative sampling for PyKEEN.

    This is only about what PyKEEN's own command line has no option for. `pykeen experiments run`, `pykeen experiments
    optimize`, and `pykeen ls` know all names of this package, too.
    """
    # Labels may have letters that the console does not have.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


main.add_command(train)
main.add_command(compare)
main.add_command(inspect)
