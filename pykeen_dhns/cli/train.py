"""The command ``pykeen-dhns train``."""

from pathlib import Path

import click

from .errors import show_errors

__all__ = ["train"]


@click.command(short_help="Run PyKEEN's pipeline by a file, and save what can be inspected.")
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="A folder for the model, its results, and what generated the negatives.",
)
@show_errors
def train(*, config: Path, output: Path) -> None:
    """Train a model through PyKEEN's pipeline, and evaluate it.

    CONFIG is a JSON or YAML file as `pykeen experiments run` takes. Unlike that command, this one also saves what
    generated the negatives, for `pykeen-dhns inspect`.
    """
    from .experiment import run_experiment
    from ..inspection.saving import GENERATORS

    run_experiment(config, output, report=click.echo)
    hint = f" To look at the negatives: pykeen-dhns inspect {output}" if (output / GENERATORS).exists() else ""
    click.echo(f"\nSaved to {output}.{hint}", err=True)
