"""Measure the throughput of the module of PyTorch Lightning: two processes against one, in turn.

All arms train on the same number of triples in each step. Each turn is a run in processes of its own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning
import torch
from common import RESULTS, describe, load_graph, make_parser, save_result, to_markdown
from tqdm import tqdm

from pykeen_dhns.lightning import DHNSLitModule

#: The number of processes, and of threads of each of them
ARMS: dict[str, tuple[int, int]] = {
    "one process, one thread": (1, 1),
    "one process, two threads": (1, 2),
    "two processes, one thread each": (2, 1),
}


class EpochTimer(pytorch_lightning.Callback):
    """Take the time at the end of each epoch."""

    def __init__(self) -> None:
        """Initialize the timer."""
        self.times: list[float] = []

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Take the time."""
        self.times.append(time.perf_counter())


def train(arm: str, args: argparse.Namespace, output: Path) -> None:
    """Train for a few epochs, the first of which does not count. This runs in each of an arm's processes."""
    num_processes, num_threads = ARMS[arm]
    torch.set_num_threads(num_threads)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    dataset = load_graph(args.graph)
    pytorch_lightning.seed_everything(0, verbose=False)
    module = DHNSLitModule(
        dataset=dataset,
        model="RotatE",
        model_kwargs=dict(embedding_dim=args.embedding_dim, loss="nssa", random_seed=0),
        batch_size=args.batch_size // num_processes,
        num_negs_per_pos=args.num_negs,
    )
    timer = EpochTimer()
    trainer = pytorch_lightning.Trainer(
        accelerator="cpu",
        devices=num_processes,
        strategy="ddp" if num_processes > 1 else "auto",
        max_epochs=1 + args.epochs,
        limit_val_batches=0,
        callbacks=[timer],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module)
    if trainer.is_global_zero:
        result = dict(num_triples=dataset.training.num_triples, epochs=np.diff(timer.times).tolist())
        output.write_text(json.dumps(result), encoding="utf8")


def measure(arm: str, args: argparse.Namespace) -> dict[str, Any]:
    """Let an arm have its turn.

    :param arm: the arm
    :param args: the arguments

    :returns: the number of triples, and how long each epoch took
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "result.json"
        options = ("graph", "embedding_dim", "batch_size", "num_negs", "epochs")
        command = [sys.executable, __file__, "--turn", arm, "--output", str(output)]
        for option in options:
            command += [f"--{option.replace('_', '-')}", str(getattr(args, option))]
        environment = os.environ | {"OMP_NUM_THREADS": str(ARMS[arm][1])}
        process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        if process.returncode:
            raise RuntimeError(f"{arm} failed:\n{process.stderr}")
        result: dict[str, Any] = json.loads(output.read_text(encoding="utf8"))
        return result


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def table(result: dict[str, Any]) -> str:
    """Make a table.

    :param result: a result

    :returns: the table, in Markdown, and what it is about
    """
    rows, c = result["rows"], result["configuration"]
    header = ["arm", "batch of each process", "seconds per epoch (median)", "triples per second", "speed-up"]
    cells = [
        [
            row["arm"],
            str(row["batch_size"]),
            f"{row['median']:.2f}",
            f"{c['num_triples'] / row['median']:,.0f}",
            f"{rows[0]['median'] / row['median']:.2f}",
        ]
        for row in rows
    ]
    caption = (
        f"{c['model']}, dimension {c['embedding_dim']}, {c['num_negs']} sampled negatives, {c['graph']} "
        f"({c['num_triples']:,} triples), on {c['cores']} CPU cores: medians of {len(rows[0]['epochs'])} epochs. "
        f"Load of the machine before the first turn: {c['load']:.1f}."
    )
    return f"{to_markdown(header, cells)}\n\n{caption}"


def main() -> None:
    """Measure and report."""
    parser = make_parser(__doc__, embedding_dim=200, num_negs=64, epochs=2, rounds=4)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--output", type=Path, default=RESULTS / "lightning", help="a folder")
    parser.add_argument("--turn", choices=list(ARMS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.turn:
        train(args.turn, args, args.output)
        return
    # of other processes: if it is not close to 0, the numbers mean little
    load = os.getloadavg()[0]
    times: dict[str, list[float]] = {arm: [] for arm in args.arms}
    num_triples = 0
    for arm in tqdm(args.arms * args.rounds, unit="turn"):
        result = measure(arm, args)
        num_triples = result["num_triples"]
        times[arm] += result["epochs"]
    rows: list[dict[str, Any]] = [
        dict(
            arm=arm,
            processes=ARMS[arm][0],
            threads=ARMS[arm][1],
            batch_size=args.batch_size // ARMS[arm][0],
            median=statistics.median(t),
            minimum=min(t),
            epochs=t,
        )
        for arm, t in times.items()
    ]
    configuration = describe(
        args,
        "turn",
        num_triples=num_triples,
        cores=count_cores(),
        model="RotatE, NSSA",
        pytorch_lightning=version("pytorch-lightning"),
        load=load,
    )
    print(table(save_result(args.output / f"{args.graph}.json", configuration, rows)))


if __name__ == "__main__":
    main()
