"""Compare negative samplers: all runs of a file in ``benchmarks/configs``, through PyKEEN's own pipeline.

Each finished run is a file below ``benchmarks/results/compare``. A restart does what is not there yet. This is
``pykeen-dhns compare``, with names of files, and a folder for results.
"""

import argparse
import sys
from pathlib import Path

from pykeen_dhns.comparison import compare, load_comparison
from pykeen_dhns.comparison.listing import choose_cells, list_cells

CONFIGS = Path(__file__).parent / "configs"
RESULTS = Path(__file__).parent / "results" / "compare"


def find_config(config: Path, folder: Path = CONFIGS) -> Path:
    """Find the file of a comparison.

    :param config: the file, or the name of one
    :param folder: where to look for names

    :returns: the file

    :raises ValueError: if there is none
    """
    path = config if config.suffix else next(iter(sorted(folder.glob(f"{config}.*"))), config)
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in folder.iterdir()))
        raise ValueError(f"There is no {path}. In {folder} are: {names}.")
    return path


def main() -> None:
    """Do what is not finished."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="a file, or the name of one in benchmarks/configs")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder for the results of all comparisons")
    parser.add_argument("--processes", type=int, default=1, help="the number of runs at the same time")
    parser.add_argument("--only", default="", help="a regular expression for cells, e.g., 'umls.*dhns'")
    parser.add_argument("--num-seeds", type=int, help="how many of the seeds to do, default: all")
    parser.add_argument("--list", action="store_true", help="only show what there is to do, and what is done")
    args = parser.parse_args()
    try:
        comparison = load_comparison(find_config(args.config))
        cells = choose_cells(comparison, args.only)
    except ValueError as error:
        parser.error(str(error))
    folder = args.output / comparison.name
    failures = []
    if not args.list:
        failures = compare(
            comparison, folder, processes=args.processes, cells=cells.__contains__, num_seeds=args.num_seeds
        )
    list_cells(comparison, folder, cells)
    if failures:
        sys.exit(f"{len(failures)} runs failed, see above. A restart tries them again.")


if __name__ == "__main__":
    main()
