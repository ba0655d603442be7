"""The command ``pykeen-dhns compare``."""

import re
import sys
from pathlib import Path

import click

from .errors import show_errors

__all__ = ["compare"]


@click.command(short_help="Compare negative samplers, models, and datasets, by a file.")
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder for the results of all comparisons.",
)
@click.option("--processes", type=click.IntRange(min=1), default=1, show_default=True, help="Runs at the same time.")
@click.option("--only", default="", help="A regular expression for cells, e.g., 'umls.*dhns'.")
@click.option("--num-seeds", type=click.IntRange(min=1), help="How many of the seeds to do. Default: all.")
@click.option(
    "--seed",
    "seeds",
    type=click.IntRange(min=0),
    multiple=True,
    help="A seed, in place of those of the file. Repeat for several. Trials keep theirs, so the same is selected.",
)
@click.option(
    "--list", "list_only", is_flag=True, help="Only show what there is to do, and what is done. This starts no run."
)
@click.option(
    "--table",
    "tables",
    # a list here, since the import of all tables takes seconds
    type=click.Choice(["mrr", "quality", "significance", "validation", "rivals", "cost", "trials"]),
    multiple=True,
    default=("quality",),
    show_default=True,
    help="What to print of the results. Repeat for several.",
)
@show_errors
def compare(
    *,
    config: Path,
    output: Path,
    processes: int,
    only: str,
    num_seeds: int | None,
    seeds: tuple[int, ...],
    list_only: bool,
    tables: tuple[str, ...],
) -> None:
    """Do all runs of a comparison, and print tables of its results, in Markdown.

    CONFIG is a JSON or YAML file: arguments of PyKEEN's pipeline, the axes along which they vary, what is searched, and
    the seeds. Each cell has the same number of trials. The best one, by validation triples, is run with the other
    seeds. Each finished run is a file; a restart does what is not there yet.

    Unlike `pykeen experiments ablation`, this compares the samplers that it says.
    """
    from ..comparison import Results, load_comparison, load_results
    from ..comparison import compare as run
    from ..comparison.tables import TABLES

    comparison = load_comparison(config, seeds)
    folder = output / comparison.name
    try:
        cells = [cell for cell in comparison.cells if re.search(only, str(cell))]
    except re.error as error:
        raise ValueError(f"--only={only} is no regular expression: {error}.") from error
    if not cells:
        raise ValueError(f"--only={only} fits to no cell. There are: {'; '.join(map(str, comparison.cells))}.")
    if num_seeds is not None and num_seeds > len(comparison.seeds):
        raise ValueError(f"--num-seeds={num_seeds} is too many: {len(comparison.seeds)} seeds are reported.")
    failures = []
    if not list_only:
        failures = run(comparison, folder, processes=processes, cells=cells, num_seeds=num_seeds)
    results = Results(comparison, load_results(folder))
    for line in results.describe_progress(cells):
        # this is no table, and tables may be redirected to a file
        click.echo(line, err=not list_only)
    if not list_only:
        click.echo(f"# {comparison.title}")
        for table in tables:
            click.echo(f"\n{TABLES[table](results)}")
    if failures:
        click.echo(f"{len(failures)} runs failed, see above. A restart tries them again.", err=True)
        sys.exit(1)
