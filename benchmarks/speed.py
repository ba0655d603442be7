"""Measure what the sampler, or the training loop, costs: an epoch of training, with each arm in turn.

All numbers are CPU time of one thread, which other processes change less than they change the time on the wall. Of each
turn, a few batches count, and their mean stands for all batches of an epoch.

- ``--part sampler``: PyKEEN's own training loop, with each sampler
- ``--part loop``: PyKEEN's training loop with its basic sampler against ours, with the same number of sampled negatives
"""

import argparse
import contextlib
import math
import statistics
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import RESULTS, describe, load_graph, make_parser, run_alone, save_result, to_markdown
from pykeen.models import RotatE
from pykeen.training import SLCWATrainingLoop, training_loop_resolver
from speed_shared import EnoughError, StepTimer
from tqdm import tqdm

from pykeen_dhns.sampling import entity_generator

#: The training loop, the sampler, and further arguments of the former
Arm = tuple[str, str, dict[str, Any]]

#: The arm in which the sampler learns from a share of the batches, as it does later in a training
SETTLED = "dhns, settled"

PARTS: dict[str, dict[str, Arm]] = {
    "sampler": {
        "basic": ("slcwa", "basic", {}),
        "bernoulli": ("slcwa", "bernoulli", {}),
        "pseudotyped": ("slcwa", "pseudotyped", {}),
        "dhns": ("slcwa", "dhns", {}),
        SETTLED: ("slcwa", "dhns", {}),
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


def time_steps(arm: str, args: argparse.Namespace) -> tuple[list[float], int]:
    """Train for a few batches.

    :param arm: the name of the arm
    :param args: the options

    :returns: the CPU time of each, without the first few, and how many an epoch has
    """
    torch.set_num_threads(1)
    if arm == SETTLED:
        entity_generator.SETTLED_PASSES = entity_generator.SETTLED_STEPS = 0
    warnings.filterwarnings("ignore", module="torch.utils.data")
    loop, factory = make_loop(arm, args)
    num_steps = args.warm_up + args.steps
    timer = StepTimer(num_steps)
    with contextlib.suppress(EnoughError):
        loop.train(factory, num_epochs=num_steps + 1, batch_size=args.batch_size, use_tqdm=False, callbacks=timer)
    return np.diff(timer.times)[args.warm_up :].tolist(), math.ceil(factory.num_triples / args.batch_size)


def table(result: dict[str, Any]) -> str:
    """Make a table.

    :param result: a result

    :returns: the table, in Markdown
    """
    rows, part = result["rows"], result["configuration"]["part"]
    header = [part, "CPU seconds per epoch", "ratio to basic", "fastest batch", "ratio to basic", "peak memory"]
    first = rows[0]
    cells = []
    for row in rows:
        fastest, base = min(row["steps"]), min(first["steps"])
        times = [f"{row['epoch']:.2f}", f"{row['epoch'] / first['epoch']:.2f}"]
        times += [f"{1000 * fastest:.0f} ms", f"{fastest / base:.2f}"]
        cells.append([row["arm"], *times, f"{row['peak_memory']:.0f} MiB"])
    return to_markdown(header, cells)


def main() -> None:
    """Measure and report."""
    parser = make_parser(__doc__, embedding_dim=200, steps=10, warm_up=2, rounds=2)
    parser.add_argument("--part", default="sampler", choices=sorted(PARTS))
    parser.add_argument("--num-negs", type=int, help="negatives per positive, 32 for the sampler, 64 for the loop")
    parser.add_argument("--arms", nargs="+", help="a selection of arms")
    parser.add_argument("--output", type=Path, help="a folder")
    args = parser.parse_args()
    args.num_negs = args.num_negs or NUM_NEGS[args.part]
    args.arms = args.arms or list(PARTS[args.part])
    unknown = set(args.arms) - set(PARTS[args.part])
    if unknown:
        parser.error(f"unknown arms: {sorted(unknown)}, choose from {list(PARTS[args.part])}")
    output = args.output or RESULTS / ("speed" if args.part == "sampler" else f"speed_{args.part}")
    times: dict[str, list[float]] = {arm: [] for arm in args.arms}
    memory = dict.fromkeys(args.arms, 0.0)
    num_batches = 0
    # in turn, since what else runs on the machine changes
    for arm in tqdm(args.arms * args.rounds, unit="turn"):
        (steps, num_batches), memory[arm] = run_alone(time_steps, arm, args)
        times[arm] += steps
    rows: list[dict[str, Any]] = [
        dict(arm=arm, epoch=statistics.fmean(steps) * num_batches, steps=steps, peak_memory=memory[arm])
        for arm, steps in times.items()
    ]
    configuration = describe(args, model="RotatE, NSSA")
    print(table(save_result(output / f"{args.graph}.json", configuration, rows)))


if __name__ == "__main__":
    main()
