"""Write the best configurations of comparisons as experiments, which PyKEEN's command line runs.

pykeen experiments run examples/experiments/mkgy-rotate-dhns-sampler.json OUTPUT_FOLDER
"""

import argparse
import json
from pathlib import Path
from typing import Any

from compare import CONFIGS, RESULTS, find_config

from pykeen_dhns.comparison import load_comparison
from pykeen_dhns.comparison.experiments import make_experiment

EXPERIMENTS = Path(__file__).parents[1] / "examples" / "experiments"

#: The names of files, each with a comparison, and the name of a cell
CELLS = {
    "codexmedium-rotate-dhns-on-bernoulli": ("margins", "CoDEx-M, dhns on bernoulli"),
    "db15k-rotate-dhns-on-basic": ("longer", "DB15K, dhns on basic"),
    "db15k-rotate-dhns-on-bernoulli": ("longer", "DB15K, dhns on bernoulli"),
    "db15k-rotate-dhns-on-bernoulli-short": ("rotate", "DB15K, dhns on bernoulli"),
    "fb15k237-rotate-dhns-on-bernoulli": ("margins", "FB15k-237, dhns on bernoulli"),
    "mkgw-rotate-dhns-sampler": ("rotate", "MKG-W, dhns on basic"),
    "mkgy-rotate-dhns-sampler": ("rotate", "MKG-Y, dhns on basic"),
    "mkgy-rotate-dhns-text": ("rotate", "MKG-Y, dhns + text"),
}


def make(name: str, output: Path = RESULTS) -> dict[str, Any]:
    """Make an experiment.

    :param name: its name
    :param output: the folder with the results of all comparisons

    :returns: the experiment
    """
    config, cell_name = CELLS[name]
    comparison = load_comparison(find_config(Path(config), CONFIGS))
    (cell,) = (cell for cell in comparison.cells if str(cell) == cell_name)
    return make_experiment(comparison, output / comparison.name, cell)


def main() -> None:
    """Write all experiments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=EXPERIMENTS, help="the folder to write to")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for name in CELLS:
        path = args.output / f"{name}.json"
        path.write_text(json.dumps(make(name), indent=1) + "\n", encoding="utf8")
        print(f"Wrote {path}")


if __name__ == "__main__":
    main()
