"""Measure what the sampler, or the training loop, costs: epochs of training, with each arm in turn.

- ``--part sampler``: PyKEEN's own training loop, with each sampler
- ``--part loop``: PyKEEN's training loop with its basic sampler against ours, with the same number of sampled negatives
"""

import argparse
import statistics
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import RESULTS, EpochTimer, describe, load_graph, make_parser, peak_memory, save_result, to_markdown
from pykeen.models import RotatE
from pykeen.training import SLCWATrainingLoop, training_loop_resolver
from torch.profiler import profile
from tqdm import tqdm

from pykeen_dhns import DHNSNegativeSampler

#: The training loop, the sampler, and further arguments of the former
Arm = tuple[str, str, dict[str, Any]]

PARTS: dict[str, dict[str, Arm]] = {
    "sampler": {
        "basic": ("slcwa", "basic", {}),
        "bernoulli": ("slcwa", "bernoulli", {}),
        "pseudotyped": ("slcwa", "pseudotyped", {}),
        "dhns": ("slcwa", "dhns", {}),
        "dhns, all 50 steps": ("slcwa", "dhns", dict(negative_sampler_kwargs=dict(reverse="ddpm"))),
    },
    "loop": {
        "PyKEEN's loop, basic": ("slcwa", "basic", {}),
        "our loop": ("dhns", "dhns", {}),
        "our loop, all 50 steps": ("dhns", "dhns", dict(reverse="ddpm")),
        "our loop, noise": ("dhns", "dhns", dict(generator="noise")),
        "our loop, nothing generated": ("dhns", "dhns", dict(generator="none")),
    },
}
#: The number of negatives per positive
NUM_NEGS = {"sampler": 32, "loop": 64}


def make_loop(arm: str, args: argparse.Namespace) -> tuple[SLCWATrainingLoop, Any]:
    """Create a training loop with a new model."""
    factory = load_graph(args.graph).training
    loop, sampler, kwargs = PARTS[args.part][arm]
    sampler_kwargs = dict(num_negs_per_pos=args.num_negs, **kwargs.get("negative_sampler_kwargs", {}))
    instance = training_loop_resolver.make(
        loop,
        model=RotatE(triples_factory=factory, embedding_dim=args.embedding_dim, loss="nssa", random_seed=0),
        triples_factory=factory,
        optimizer="adam",
        negative_sampler=sampler,
        **{**kwargs, "negative_sampler_kwargs": sampler_kwargs},
    )
    assert isinstance(instance, SLCWATrainingLoop)
    return instance, factory


def time_epochs(arm: str, args: argparse.Namespace) -> list[float]:
    """Train for a few epochs, the first of which does not count."""
    loop, factory = make_loop(arm, args)
    timer = EpochTimer()
    loop.train(factory, num_epochs=1 + args.epochs, batch_size=args.batch_size, use_tqdm=False, callbacks=timer)
    return np.diff(timer.times).tolist()


def profile_sampler(args: argparse.Namespace) -> str:
    """Profile the sampler by itself, on one epoch of batches."""
    dataset = load_graph(args.graph)
    triples = dataset.training.mapped_triples
    sampler = DHNSNegativeSampler(
        mapped_triples=triples,
        num_entities=dataset.num_entities,
        num_relations=dataset.num_relations,
        num_negs_per_pos=args.num_negs,
    )
    batches = triples.split(args.batch_size)
    sampler.corrupt_batch(batches[0])
    with profile() as profiler:
        for positives in batches:
            sampler.corrupt_batch(positives)
    table: str = profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=15, max_name_column_width=40)
    return table


def table(result: dict[str, Any]) -> str:
    """Make a table.

    :param result: a result

    :returns: the table, in Markdown
    """
    rows, part = result["rows"], result["configuration"]["part"]
    header = [part, "seconds per epoch (median)", "ratio to basic", "peak memory"]
    cells = [
        [
            row["arm"],
            f"{row['median']:.2f}",
            f"{row['median'] / rows[0]['median']:.2f}",
            f"{row['peak_memory']:.0f} MiB",
        ]
        for row in rows
    ]
    return to_markdown(header, cells)


def main() -> None:
    """Measure and report."""
    parser = make_parser(__doc__, embedding_dim=200, epochs=2, rounds=4, threads=torch.get_num_threads())
    parser.add_argument("--part", default="sampler", choices=sorted(PARTS))
    parser.add_argument("--num-negs", type=int, help="negatives per positive, 32 for the sampler, 64 for the loop")
    parser.add_argument("--arms", nargs="+", help="a selection of arms")
    parser.add_argument("--profile", action="store_true", help="only profile the sampler")
    parser.add_argument("--output", type=Path, help="a folder")
    args = parser.parse_args()
    args.num_negs = args.num_negs or NUM_NEGS[args.part]
    args.arms = args.arms or list(PARTS[args.part])
    unknown = set(args.arms) - set(PARTS[args.part])
    if unknown:
        parser.error(f"unknown arms: {sorted(unknown)}, choose from {list(PARTS[args.part])}")
    output = args.output or RESULTS / ("speed" if args.part == "sampler" else f"speed_{args.part}")
    warnings.filterwarnings("ignore", module="torch.utils.data")
    torch.set_num_threads(args.threads)
    if args.profile:
        print(profile_sampler(args))
        return
    times: dict[str, list[float]] = {arm: [] for arm in args.arms}
    # in turn, since what else runs on the machine changes
    for arm in tqdm(args.arms * args.rounds, unit="turn"):
        times[arm] += time_epochs(arm, args)
    rows: list[dict[str, Any]] = [
        dict(
            arm=arm,
            median=statistics.median(t),
            minimum=min(t),
            epochs=t,
            peak_memory=peak_memory(time_epochs, arm, args),
        )
        for arm, t in times.items()
    ]
    configuration = describe(args, "profile", model="RotatE, NSSA")
    print(table(save_result(output / f"{args.graph}.json", configuration, rows)))


if __name__ == "__main__":
    main()
