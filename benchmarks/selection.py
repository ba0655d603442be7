"""Choose the default of the sampler by measurement: which entities become negatives, and how many of them.

Each run trains a model by PyKEEN's pipeline and evaluates it on the validation triples. Finished runs are kept, one
JSON object per line, and a restart does the rest.
"""

import argparse
import dataclasses
import itertools
import json
import logging
import statistics
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import torch
from graphs import load_graph
from pykeen.pipeline import pipeline
from pykeen.version import get_version
from tqdm import tqdm

import pykeen_dhns

RESULTS = Path(__file__).parent / "results" / "selection.jsonl"

#: What depends on the graph by default, and is the same for all here
PLAIN: dict[str, Any] = dict(guidance=0.0, base_sampler="basic")

#: The candidates for the default: name, and arguments of the sampler, which is not guided, and on basic, on all graphs
SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "basic": ("basic", {}),
    "nearest": ("dhns", dict(selection="nearest", hard_fraction=0.125, **PLAIN)),
    "band": ("dhns", dict(selection="band", hard_fraction=0.125, **PLAIN)),
    **{
        f"semihard-{exponent}-{margin}-{fraction}": (
            "dhns",
            dict(
                selection="semihard",
                selection_kwargs=dict(exponent=exponent, margin=margin),
                hard_fraction=fraction,
                **PLAIN,
            ),
        )
        for exponent, margin, fraction in ((2.0, 4.0, 0.125), (8.0, 0.0, 0.125), (8.0, 4.0, 0.125), (8.0, 4.0, 0.25))
    },
}

#: What is the same for all samplers, by graph and model: chosen for the basic sampler
SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("MKG-Y", "RotatE"): dict(loss="nssa", loss_kwargs=dict(margin=9.0), lr=2e-2, num_epochs=50, batch_size=512),
    ("MKG-Y", "DistMult"): dict(loss="marginranking", loss_kwargs={}, lr=5e-3, num_epochs=30, batch_size=512),
    ("umls", "RotatE"): dict(loss="nssa", loss_kwargs=dict(margin=9.0), lr=2e-2, num_epochs=60, batch_size=256),
    ("umls", "DistMult"): dict(loss="marginranking", loss_kwargs={}, lr=1e-2, num_epochs=60, batch_size=256),
}
EMBEDDING_DIM = 64


@dataclasses.dataclass(frozen=True)
class Run:
    """A single run."""

    graph: str
    model: str
    num_negs_per_pos: int
    sampler: str
    seed: int

    def __call__(self) -> dict[str, Any]:
        """Train and evaluate.

        :returns: the result, with all of its configuration
        """
        logging.disable(logging.INFO)
        torch.set_num_threads(1)
        settings = SETTINGS[self.graph, self.model]
        dataset = load_graph(self.graph)
        sampler, sampler_kwargs = SAMPLERS[self.sampler]
        started = time.perf_counter()
        result = pipeline(
            training=dataset.training,
            testing=dataset.validation,
            model=self.model,
            model_kwargs=dict(embedding_dim=EMBEDDING_DIM),
            loss=settings["loss"],
            loss_kwargs=settings["loss_kwargs"],
            optimizer_kwargs=dict(lr=settings["lr"]),
            negative_sampler=sampler,
            negative_sampler_kwargs=dict(num_negs_per_pos=self.num_negs_per_pos, **sampler_kwargs),
            training_kwargs=dict(num_epochs=settings["num_epochs"], batch_size=settings["batch_size"], use_tqdm=False),
            evaluation_kwargs=dict(use_tqdm=False, batch_size=128),
            random_seed=self.seed,
            device="cpu",
        )
        metrics = {
            key: result.get_metric(f"both.realistic.{key}")
            for key in ("inverse_harmonic_mean_rank", "hits_at_1", "hits_at_3", "hits_at_10")
        }
        return dict(
            **dataclasses.asdict(self),
            **metrics,
            sampler_kwargs=sampler_kwargs,
            embedding_dim=EMBEDDING_DIM,
            **settings,
            training_seconds=result.train_seconds,
            total_seconds=time.perf_counter() - started,
            losses=result.losses[-1],
            versions=dict(torch=torch.__version__, pykeen=get_version(), pykeen_dhns=pykeen_dhns.__version__),
        )


def call(run: Run) -> dict[str, Any]:
    """Call a run, in a process of its own.

    :param run: the run

    :returns: its result
    """
    return run()


def load_results(path: Path = RESULTS) -> dict[Run, dict[str, Any]]:
    """Load what is finished.

    :param path: the file

    :returns: the results
    """
    lines = path.read_text(encoding="utf8").splitlines() if path.exists() else []
    names = [field.name for field in dataclasses.fields(Run)]
    return {Run(**{name: result[name] for name in names}): result for result in map(json.loads, lines)}


def table(results: dict[Run, dict[str, Any]], num_negs_per_pos: int = 16) -> str:
    """Make a table of mean and standard deviation of the validation MRR over the seeds.

    :param results: the results
    :param num_negs_per_pos: the number of negatives for which to make the table

    :returns: the table, in Markdown
    """
    cells: dict[tuple[str, tuple[str, str]], list[float]] = {}
    for run, result in results.items():
        if run.num_negs_per_pos != num_negs_per_pos:
            continue
        value = 100 * result["inverse_harmonic_mean_rank"]
        cells.setdefault((run.sampler, (run.graph, run.model)), []).append(value)
    samplers = [sampler for sampler in SAMPLERS if any(sampler == key for key, _ in cells)]
    columns = sorted({column for _, column in cells})
    lines = [
        "| negatives | " + " | ".join(f"{graph}, {model}" for graph, model in columns) + " |",
        "|---|" + "--:|" * len(columns),
    ]
    for sampler in samplers:
        values = [cells.get((sampler, column), []) for column in columns]
        lines.append(f"| {sampler} | " + " | ".join(map(summarize, values)) + " |")
    return "\n".join(lines)


def summarize(values: list[float]) -> str:
    """Write mean and standard deviation, or what there is.

    :param values: the values

    :returns: a text
    """
    if len(values) > 1:
        return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"
    return f"{values[0]:.1f} (1 seed)" if values else ""


def main() -> None:
    """Run what is not done yet, then report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", nargs="+", default=["umls", "MKG-Y"])
    parser.add_argument("--models", nargs="+", default=["DistMult", "RotatE"])
    parser.add_argument("--num-negs-per-pos", nargs="+", type=int, default=[16])
    parser.add_argument("--samplers", nargs="+", default=list(SAMPLERS), choices=list(SAMPLERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    axes = (args.seeds, args.graphs, args.models, args.num_negs_per_pos, args.samplers)
    runs = [
        Run(graph, model, num_negs, sampler, seed) for seed, graph, model, num_negs, sampler in itertools.product(*axes)
    ]
    finished = load_results(args.output)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(args.processes) as pool, args.output.open("a", encoding="utf8") as file:
        futures = [pool.submit(call, run) for run in runs if run not in finished]
        for future in tqdm(as_completed(futures), total=len(futures), unit="run"):
            file.write(json.dumps(future.result()) + "\n")
            file.flush()
    for num_negs_per_pos in args.num_negs_per_pos:
        print(f"\n{num_negs_per_pos} negatives\n\n{table(load_results(args.output), num_negs_per_pos)}")


if __name__ == "__main__":
    main()
