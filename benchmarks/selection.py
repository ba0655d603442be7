"""Choose the default of the sampler by measurement: which entities become negatives, and how many of them.

Each run trains a model by PyKEEN's pipeline and evaluates it on the validation triples. Finished runs are kept as one
JSON file each, and a restart does the rest.
"""

import argparse
import dataclasses
import itertools
import json
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

RESULTS = Path(__file__).parent / "results" / "selection"

#: The candidates for the default: name, and arguments of the sampler
SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "basic": ("basic", {}),
    "bernoulli": ("bernoulli", {}),
    "nearest": ("dhns", dict(selection="nearest", hard_fraction=0.125)),
    "band": ("dhns", dict(selection="band", hard_fraction=0.125)),
    **{
        f"semihard-{exponent}-{margin}-{fraction}": (
            "dhns",
            dict(
                selection="semihard",
                selection_kwargs=dict(exponent=exponent, margin=margin),
                hard_fraction=fraction,
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

    @property
    def path(self) -> Path:
        """Return the file with the result."""
        return RESULTS / f"{self.graph}_{self.model}_{self.num_negs_per_pos}_{self.sampler}_{self.seed}.json"

    def __call__(self) -> dict[str, Any]:
        """Run, and save the result."""
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
        output = dict(
            **dataclasses.asdict(self),
            **metrics,
            sampler_kwargs=sampler_kwargs,
            **settings,
            training_seconds=result.train_seconds,
            total_seconds=time.perf_counter() - started,
            losses=result.losses[-1],
            versions=dict(torch=torch.__version__, pykeen=get_version(), pykeen_dhns=pykeen_dhns.__version__),
        )
        self.path.write_text(json.dumps(output, indent=1) + "\n", encoding="utf8")
        return output


def _call(run: Run) -> dict[str, Any]:
    return run()


def report() -> None:
    """Print mean and standard deviation of all finished runs."""
    groups: dict[tuple[str, ...], list[float]] = {}
    seconds: dict[tuple[str, ...], list[float]] = {}
    for path in sorted(RESULTS.glob("*.json")):
        run = json.loads(path.read_text(encoding="utf8"))
        key = tuple(run[name] for name in ("graph", "model", "num_negs_per_pos", "sampler"))
        groups.setdefault(key, []).append(100 * run["inverse_harmonic_mean_rank"])
        seconds.setdefault(key, []).append(run["training_seconds"])
    for key, values in groups.items():
        spread = statistics.stdev(values) if len(values) > 1 else float("nan")
        print(
            f"{' '.join(f'{k!s:17}' for k in key)} MRR {statistics.mean(values):6.2f} +- {spread:4.2f} "
            f"({len(values)} seeds, {statistics.median(seconds[key]):.0f} s)"
        )


def main() -> None:
    """Run what is not done yet, then report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", nargs="+", default=["MKG-Y", "umls"])
    parser.add_argument("--models", nargs="+", default=["RotatE", "DistMult"])
    parser.add_argument("--num-negs-per-pos", nargs="+", type=int, default=[16])
    parser.add_argument("--samplers", nargs="+", default=list(SAMPLERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    axes = (args.seeds, args.graphs, args.models, args.num_negs_per_pos, args.samplers)
    runs = [
        Run(graph, model, num_negs, sampler, seed) for seed, graph, model, num_negs, sampler in itertools.product(*axes)
    ]
    runs = [run for run in runs if not run.path.exists()]
    with ProcessPoolExecutor(args.processes) as pool:
        futures = [pool.submit(_call, run) for run in runs]
        for future in tqdm(as_completed(futures), total=len(futures), unit="run"):
            future.result()
    report()


if __name__ == "__main__":
    main()
