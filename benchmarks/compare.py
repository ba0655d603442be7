"""Compare negative samplers: all runs of a file in ``benchmarks/configs``, through PyKEEN's own pipeline.

Each finished run is a file below ``benchmarks/results/compare``. A restart does what is not there yet.
"""

import argparse
import re
import sys
from pathlib import Path

from pykeen_dhns.comparison import Cell, Comparison, best_trial, compare, load_comparison
from pykeen_dhns.comparison.store import load_run, stale_files

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


def list_cells(comparison: Comparison, folder: Path, cells: list[Cell]) -> None:
    """Print which runs there are, and what is finished.

    :param comparison: the comparison
    :param folder: where results are
    :param cells: the cells to list
    """
    for cell in cells:
        trials = comparison.trials(cell)
        done = sum(load_run(folder, run) is not None for run in trials)
        best = best_trial(comparison, folder, cell)
        finals = comparison.finals(best) if best else []
        seeds = sum(load_run(folder, run) is not None for run in finals)
        searched = f", best: {dict(best.searched)}" if best and best.searched else ""
        print(f"{cell}: {done} of {len(trials)} trials, {seeds} of {len(comparison.seeds)} seeds{searched}")
    # any of a cell's trials may have been the best when its seeds were run
    known = (run for cell in comparison.cells for trial in comparison.trials(cell) for run in comparison.finals(trial))
    stale = stale_files(folder, known)
    if stale:
        print(f"{len(stale)} results in {folder} belong to none of these: the file has changed since they were made.")


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
    except ValueError as error:
        parser.error(str(error))
    folder = args.output / comparison.name
    pattern = re.compile(args.only)
    cells = [cell for cell in comparison.cells if pattern.search(str(cell))]
    if not cells:
        parser.error(f"--only={args.only} fits to no cell. There are: {'; '.join(map(str, comparison.cells))}.")
    if args.list:
        list_cells(comparison, folder, cells)
        return
    failures = compare(comparison, folder, processes=args.processes, cells=cells.__contains__, num_seeds=args.num_seeds)
    list_cells(comparison, folder, cells)
    if failures:
        sys.exit(f"{len(failures)} runs failed, see above. A restart tries them again.")


if __name__ == "__main__":
    main()
