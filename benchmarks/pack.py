"""Make one file of all results of each comparison, so that the repository has few of them."""

import argparse
import gzip
from pathlib import Path

from compare import RESULTS

from pykeen_dhns.comparison.store import SUFFIX
from pykeen_dhns.utils.files import write_atomically


def pack(folder: Path) -> Path:
    """Replace all files of a comparison by one.

    :param folder: its folder

    :returns: the file
    """
    files, target = sorted(folder.glob(f"*{SUFFIX}")), folder / f"runs{SUFFIX}"
    lines = {line for path in files for line in gzip.decompress(path.read_bytes()).splitlines(keepends=True)}
    with write_atomically(target) as file:
        # the same results give the same file
        file.write(gzip.compress(b"".join(sorted(lines)), mtime=0))
    for path in files:
        if path != target:
            path.unlink()
    return target


def main() -> None:
    """Pack all comparisons. None of them may run at the same time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder with the results of all comparisons")
    for folder in sorted(parser.parse_args().output.iterdir()):
        print(f"Wrote {pack(folder)}")


if __name__ == "__main__":
    main()
