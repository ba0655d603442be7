"""The command ``pykeen-dhns inspect``."""

from pathlib import Path
from typing import Any

import click

from .errors import show_errors

__all__ = ["inspect"]


@click.command(short_help="Look at the negatives of a finished run.")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for the report and its plots. Default: inspection, in DIRECTORY.",
)
@click.option("--num-examples", type=click.IntRange(min=1), default=4, show_default=True, help="Triples to show.")
@click.option(
    "--example",
    "examples",
    nargs=3,
    multiple=True,
    metavar="HEAD RELATION TAIL",
    help="A triple to show, by its labels. Repeat for others. Default: drawn at random.",
)
@click.option("--num-neighbors", type=click.IntRange(min=1), default=5, show_default=True, help="Entities to show.")
@click.option(
    "--target", type=click.Choice(["tail", "head"]), default="tail", show_default=True, help="The side to show."
)
@click.option(
    "--relation", help="The relation to show, by its label. Default: any; in the projection, the most frequent."
)
@click.option("--max-triples", type=click.IntRange(min=1), default=2000, show_default=True, help="Triples to score.")
@click.option("--num-relations", type=click.IntRange(min=1), default=20, show_default=True, help="Relations to show.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The seed of what is drawn.")
@click.option("--plots/--no-plots", default=True, show_default=True, help="Whether to draw.")
@show_errors
def inspect(*, directory: Path, output: Path | None, plots: bool, **settings: Any) -> None:
    """Show what the generator of a run makes.

    DIRECTORY is where `pykeen-dhns train --output` saved the run, or `pykeen_dhns.save_result`.

    The report, in Markdown, is printed, and saved with its plots: nearest entities by level and modality, scores by
    level, hardness by relation, and a projection of true, uniform, and generated entities.

    Models and generators are saved as pickles. Loading them may run any code: inspect only what you trust.
    """
    from ..inspection import inspect_directory

    inspection = inspect_directory(directory, **settings)
    try:
        files = inspection.save(output or directory / "inspection", plots=plots)
    finally:
        # also if it could not be saved
        click.echo(inspection.to_markdown())
    click.echo(f"Wrote {', '.join(map(str, files))}", err=True)
