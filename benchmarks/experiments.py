"""Write the best configurations of comparisons as experiments, which PyKEEN's command line runs.

pykeen experiments run examples/experiments/mkgy-rotate-shared-softmax.json OUTPUT_FOLDER
"""

import argparse
import json
from pathlib import Path
from typing import Any

from compare import CONFIGS, RESULTS, find_config

from pykeen_dhns.comparison import Cell, Results, load_comparison, load_results
from pykeen_dhns.comparison.configuration import METRICS, merge

EXPERIMENTS = Path(__file__).parents[1] / "examples" / "experiments"

#: The names of files, each with a comparison, and the name of a cell
CELLS = {
    "mkgw-rotate-shared-nssa": ("converged", "MKG-W, shared 1024, nssa"),
    "mkgy-rotate-shared-softmax": ("converged", "MKG-Y, shared 1024, softmax"),
}


def make_experiment(results: Results, cell: Cell) -> dict[str, Any]:
    """Make an experiment of the best trial of a cell, trained up to its best epoch.

    :param results: the results of its comparison
    :param cell: the cell

    :returns: the experiment, as :func:`pykeen.pipeline.pipeline_from_config` takes it. It has the comparison's first
        seed.

    :raises ValueError: if the cell is not finished
    """
    comparison, finals = results.comparison, results.summaries[cell].finals
    if len(finals) < len(comparison.seeds):
        raise ValueError(f"{comparison.name}: {cell} has {len(finals)} of {len(comparison.seeds)} seeds.")
    run, first = finals[0]
    # the epoch is selected already, so nothing has to be validated
    arguments = merge(
        run.arguments,
        dict(stopper=None, stopper_kwargs=None, training_kwargs=dict(num_epochs=first["validation"]["epoch"])),
        dict(random_seed=run.seed, evaluator_kwargs=dict(filtered=True)),
    )
    metrics = results.runs(cell).filter(like="test.").rename(columns=lambda name: name.removeprefix("test."))
    realistic = {METRICS[name].rpartition(".")[2]: value for name, value in metrics.mean().items()}
    return dict(
        metadata=dict(
            title=f"{comparison.title}: {cell}",
            comments=f"Selected by {comparison.name}, trial {run.trial + 1} of {len(comparison.trials(cell))}, epoch "
            f"{first['validation']['epoch']} of {first['num_epochs']}, by the validation MRR.",
            commit=first["commit"],
            versions=first["versions"],
            machine=first["machine"],
            seeds=[seed_run.seed for seed_run, _ in finals],
            first_seed=first["test"],
            standard_deviation=metrics.std().to_dict() if len(finals) > 1 else {},
            # in percent
            published=dict(comparison.published.get(str(cell), {})),
        ),
        pipeline=arguments,
        # the means, under PyKEEN's names, with which it compares what it obtains
        results=dict(both=dict(realistic=realistic)),
    )


def make(name: str, output: Path = RESULTS) -> dict[str, Any]:
    """Make an experiment.

    :param name: its name
    :param output: the folder with the results of all comparisons

    :returns: the experiment
    """
    config, cell_name = CELLS[name]
    comparison = load_comparison(find_config(Path(config), CONFIGS))
    (cell,) = (cell for cell in comparison.cells if str(cell) == cell_name)
    return make_experiment(Results(comparison, load_results(output / comparison.name)), cell)


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
