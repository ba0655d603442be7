"""Make the tables and plots of all benchmarks, from the files in ``benchmarks/results`` alone.

With ``--update``, tables replace what is between ``<!-- NAME -->`` and ``<!-- /NAME -->``. The names are ``compare:``,
the name of a comparison, a colon, and a kind of table; or those of ``OTHERS``.
"""

import argparse
import functools
import importlib
import re
from collections.abc import Callable
from pathlib import Path

from common import RESULTS, load_result
from compare import CONFIGS, find_config
from compare import RESULTS as COMPARISONS
from plots import plot_bars, plot_curves, plot_scale

from pykeen_dhns.comparison import Results, load_comparison, load_results
from pykeen_dhns.comparison.tables import TABLES

#: Other tables than those of comparisons: the script that makes the table of a result, and the file of the result
OTHERS = {
    "hardness": ("hardness", "hardness/MKG-Y.json"),
    "hardness_umls": ("hardness", "hardness/umls.json"),
    "speed": ("speed", "speed/MKG-Y.json"),
    "speed_small": ("speed", "speed_small/MKG-Y.json"),
    "speed_profile": ("speed_profile", "speed_profile/MKG-Y.json"),
    "speed_hubs": ("speed_hubs", "speed_hubs/hubs.json"),
    "import_time": ("import_time", "import_time.json"),
    "scale": ("scale", "scale/synthetic.json"),
    "speed_shared": ("speed_shared", "speed_shared/random.json"),
    "speed_loop": ("speed", "speed_loop/MKG-Y.json"),
    "speed_step": ("speed_step", "speed_step/MKG-Y.json"),
    "null_rates": ("null_rates", "null_rates/rates.json"),
    "lightning": ("speed_lightning", "lightning/MKG-Y.json"),
}
#: The result that is also a plot
SCALE = RESULTS / OTHERS["scale"][1]
NAME = rf"(?P<name>compare:[^:\s]+:\w+|{'|'.join(OTHERS)})"
BLOCK = re.compile(
    rf"^(?P<start><!-- {NAME} -->\n)(?P<content>.*?)(?P<end>^<!-- /(?P=name) -->$)", flags=re.DOTALL | re.MULTILINE
)
#: What looks like the begin, or the end, of a block
MARKER = re.compile(rf"<!--\s*/?{NAME}\s*-->")


def find_blocks(text: str) -> list[tuple[str, str]]:
    """Find the blocks of a page which hold tables.

    :param text: the page

    :returns: for each of them: its name, and its present content

    :raises ValueError: if a marker has no counterpart
    """
    blocks = [(match["name"], match["content"]) for match in BLOCK.finditer(text)]
    parts = [BLOCK.sub("", text), *(content for _, content in blocks)]
    unpaired = [match[0] for part in parts for match in MARKER.finditer(part)]
    if unpaired:
        raise ValueError(f"Markers come in pairs, each on a line of its own. Not so: {', '.join(unpaired)}")
    return blocks


def replace_blocks(text: str, make: Callable[[str], str]) -> str:
    """Replace what is in the blocks of a page.

    :param text: the page
    :param make: makes a table from the name of a block

    :returns: the page, with new content between its markers
    """
    find_blocks(text)
    return BLOCK.sub(lambda match: f"{match['start']}{make(match['name'])}\n{match['end']}", text)


def make_table(name: str, output: Path = COMPARISONS, configs: Path = CONFIGS) -> str:
    """Make a table.

    :param name: the name of its block
    :param output: the folder with the results of all comparisons
    :param configs: the folder with their files

    :returns: the table, in Markdown

    :raises ValueError: if there is no such table, or if there are no results for it
    """
    if name in OTHERS:
        script, file = OTHERS[name]
        table: str = importlib.import_module(script).table(load_result(RESULTS / file))
        return table
    _, config, kind = name.split(":")
    if kind not in TABLES:
        raise ValueError(f"There is no table {kind!r} of {config}. Allowed: {', '.join(TABLES)}.")
    return TABLES[kind](load(config, output, configs))


@functools.cache
def load(config: str, output: Path, configs: Path) -> Results:
    """Load the results of a comparison once for all of its tables."""
    comparison = load_comparison(find_config(Path(config), configs))
    results = Results(comparison, load_results(output / comparison.name))
    if not results.results:
        raise ValueError(f"There are no results of {config} in {output}.")
    return results


def report(config: Path, args: argparse.Namespace) -> None:
    """Print the tables of a comparison, and draw its plots."""
    comparison = load_comparison(find_config(config), args.seeds)
    results = Results(comparison, load_results(args.output / comparison.name))
    print(f"# {comparison.title}\n")
    for kind in args.tables:
        print(f"## {kind}\n\n{TABLES[kind](results)}\n")
    if args.plots is not None:
        for draw, name in ((plot_curves, "curves"), (plot_bars, "bars")):
            if path := draw(results, args.plots / f"{comparison.name}-{name}.png"):
                print(f"Wrote {path}")


def main() -> None:
    """Print tables, draw plots, update pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", metavar="config", nargs="*", type=Path, help="files, or names of some in configs")
    parser.add_argument("--output", type=Path, default=COMPARISONS, help="the folder with the results of comparisons")
    parser.add_argument("--tables", nargs="*", choices=list(TABLES), default=list(TABLES), help="what to print")
    parser.add_argument("--seeds", nargs="*", type=int, default=[], help="seeds, in place of those of the file")
    parser.add_argument("--plots", type=Path, help="a folder to draw plots into")
    parser.add_argument("--update", type=Path, nargs="*", default=[], help="pages whose tables to replace")
    args = parser.parse_args()
    try:
        for config in args.configs:
            report(config, args)
        for page in args.update:
            text = replace_blocks(page.read_text(encoding="utf8"), lambda name: make_table(name, args.output))
            page.write_text(text, encoding="utf8")
    except ValueError as error:
        parser.error(str(error))
    if args.plots is not None:
        print(f"Wrote {plot_scale(load_result(SCALE), args.plots / 'scale.png')}")


if __name__ == "__main__":
    main()
