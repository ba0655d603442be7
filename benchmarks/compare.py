"""Compare negative samplers: all runs of a file in ``benchmarks/configs``, through PyKEEN's own pipeline.

This is ``pykeen-dhns compare``, which also takes the name of such a file, and whose results are below
``benchmarks/results/compare`` unless ``--output`` says otherwise. A restart does what is not there yet, and ``pack.py``
makes one file of all results of a comparison.
"""

import sys
from pathlib import Path

from pykeen_dhns.cli.compare import compare

CONFIGS = Path(__file__).parent / "configs"
RESULTS = Path(__file__).parent / "results" / "compare"


def find_config(config: Path, folder: Path = CONFIGS) -> Path:
    """Find the file of a comparison.

    :param config: the file, or the name of one
    :param folder: where to look for names

    :returns: the file

    :raises ValueError: if there is none
    """
    is_name = not config.suffix and len(config.parts) == 1
    path = next(iter(sorted(folder.glob(f"{config}.*"))), config) if is_name else config
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in folder.iterdir()))
        raise ValueError(f"There is no {path}. In {folder} are: {names}.")
    return path


def main() -> None:
    """Do what is not finished."""
    arguments = sys.argv[1:] or ["--help"]
    # the first argument is the file; after an option, click says what is wrong
    if not arguments[0].startswith("-"):
        try:
            arguments[0] = str(find_config(Path(arguments[0])))
        except ValueError as error:
            sys.exit(str(error))
    compare(arguments, prog_name="compare.py", default_map=dict(output=RESULTS))


if __name__ == "__main__":
    main()
