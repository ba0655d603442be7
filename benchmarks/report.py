"""Make the tables and plots of comparisons, from the files that ``compare.py`` and ``levels.py`` wrote alone.

With ``--update``, tables replace what is between ``<!-- compare:NAME:KIND -->`` and ``<!-- /compare:NAME:KIND -->``.
"""

import argparse
from pathlib import Path

from compare import CONFIGS, RESULTS, find_config
from plots import plot_bars, plot_curves, plot_levels
from reports import load_result

from pykeen_dhns.comparison import load_comparison
from pykeen_dhns.comparison.markdown import find_blocks, replace_blocks
from pykeen_dhns.comparison.reading import with_seeds
from pykeen_dhns.comparison.tables import TABLES

LEVELS = Path(__file__).parent / "results" / "levels"


def make_table(name: str, kind: str, output: Path = RESULTS, configs: Path = CONFIGS) -> str:
    """Make a table.

    :param name: the name of a comparison
    :param kind: the kind of table
    :param output: the folder with the results of all comparisons
    :param configs: the folder with their files

    :returns: the table, in Markdown

    :raises ValueError: if there is no such table
    """
    if kind not in TABLES:
        raise ValueError(f"There is no table {kind!r} of {name}. Allowed: {', '.join(TABLES)}.")
    comparison = load_comparison(find_config(Path(name), configs))
    return TABLES[kind](comparison, output / comparison.name)


def update(page: Path, output: Path) -> None:
    """Replace the tables of a page.

    :param page: the page
    :param output: the folder with the results of all comparisons

    :raises ValueError: if there are no results for one of its tables, which would be lost
    """
    text = page.read_text(encoding="utf8")
    missing = sorted({name for name, *_ in find_blocks(text) if not (output / name).is_dir()})
    if missing:
        raise ValueError(f"{page} has tables of {', '.join(missing)}, of which there are no results in {output}.")
    page.write_text(replace_blocks(text, lambda name, kind: make_table(name, kind, output)), encoding="utf8")


def main() -> None:
    """Print tables, draw plots, update pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", metavar="config", nargs="*", type=Path, help="files, or names of some in configs")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder with the results of all comparisons")
    parser.add_argument("--levels", type=Path, default=LEVELS, help="the folder with the results of levels.py")
    parser.add_argument("--tables", nargs="*", choices=list(TABLES), default=list(TABLES), help="what to print")
    parser.add_argument("--seeds", nargs="*", type=int, default=[], help="seeds, in place of those of the file")
    parser.add_argument("--plots", type=Path, help="a folder to draw plots into")
    parser.add_argument("--update", type=Path, nargs="*", default=[], help="pages whose tables to replace")
    args = parser.parse_args()
    try:
        run(args)
    except ValueError as error:
        parser.error(str(error))


def run(args: argparse.Namespace) -> None:
    """Do what was asked for.

    :param args: the arguments of the command line

    :raises ValueError: if there is something wrong with them, or with a file
    """  # noqa: DOC502
    for config in args.configs:
        comparison = with_seeds(load_comparison(find_config(config)), args.seeds)
        folder = args.output / comparison.name
        print(f"# {comparison.title}\n")
        for kind in args.tables:
            print(f"## {kind}\n\n{TABLES[kind](comparison, folder)}\n")
        if args.plots is not None:
            for draw, name in ((plot_curves, "curves"), (plot_bars, "bars")):
                if path := draw(comparison, folder, args.plots / f"{comparison.name}-{name}.png"):
                    print(f"Wrote {path}")
    if args.plots is not None:
        for file in sorted(args.levels.glob("*.json")):
            print(f"Wrote {plot_levels(load_result(file), args.plots / f'levels-{file.stem}.png')}")
    for page in args.update:
        update(page, args.output)


if __name__ == "__main__":
    main()
