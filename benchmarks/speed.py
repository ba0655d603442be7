"""Measure what the sampler costs: epochs of PyKEEN's own training loop, with each sampler in turn."""

import argparse
import multiprocessing
import platform
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from graphs import DATA, load_graph
from pykeen.models import RotatE
from pykeen.training import SLCWATrainingLoop
from pykeen.training.callbacks import TrainingCallback
from reports import RESULTS, save_result
from torch.profiler import profile
from tqdm import tqdm

import pykeen_dhns
from pykeen_dhns import DHNSNegativeSampler

SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "basic": ("basic", {}),
    "bernoulli": ("bernoulli", {}),
    "pseudotyped": ("pseudotyped", {}),
    "dhns": ("dhns", {}),
    "dhns, all 50 steps": ("dhns", dict(reverse="ddpm")),
}


class EpochTimer(TrainingCallback):
    """Take the time at the end of each epoch."""

    def __init__(self) -> None:
        """Initialize the timer."""
        super().__init__()
        self.times: list[float] = []

    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:  # noqa: ARG002
        """Take the time."""
        self.times.append(time.perf_counter())


def make_loop(name: str, args: argparse.Namespace) -> tuple[SLCWATrainingLoop, Any]:
    """Create a training loop with a new model."""
    factory = load_graph(args.graph).training
    sampler, kwargs = SAMPLERS[name]
    model = RotatE(triples_factory=factory, embedding_dim=args.embedding_dim, loss="nssa", random_seed=0)
    loop = SLCWATrainingLoop(
        model=model,
        triples_factory=factory,
        optimizer="adam",
        negative_sampler=sampler,
        negative_sampler_kwargs=dict(num_negs_per_pos=args.num_negs, **kwargs),
    )
    return loop, factory


def time_epochs(name: str, args: argparse.Namespace) -> list[float]:
    """Train for a few epochs, the first of which does not count."""
    loop, factory = make_loop(name, args)
    timer = EpochTimer()
    loop.train(factory, num_epochs=1 + args.epochs, batch_size=args.batch_size, use_tqdm=False, callbacks=timer)
    return [after - before for before, after in zip(timer.times[:-1], timer.times[1:], strict=True)]


def _measure_memory(name: str, args: argparse.Namespace, queue: Any) -> None:
    time_epochs(name, args)
    # not resource.getrusage: its peak is inherited from the parent process. In kibibytes.
    status = Path("/proc/self/status").read_text(encoding="utf8")
    queue.put(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def peak_memory(name: str, args: argparse.Namespace) -> float:
    """Measure the peak memory of a process of its own, in MiB (on Linux)."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_measure_memory, args=(name, args, queue))
    process.start()
    result: float = queue.get()
    process.join()
    return result


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
    rows = result["rows"]
    lines = ["| sampler | seconds per epoch (median) | ratio to basic | peak memory |", "|---|--:|--:|--:|"]
    for row in rows:
        ratio = row["median"] / rows[0]["median"]
        lines.append(f"| {row['sampler']} | {row['median']:.2f} | {ratio:.2f} | {row['peak_memory']:.0f} MiB |")
    return "\n".join(lines)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graph", default="MKG-Y" if (DATA / "MKG-Y").is_dir() else "umls")
    parser.add_argument("--embedding-dim", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--num-negs", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=2, help="epochs per turn, after one that is not counted")
    parser.add_argument("--rounds", type=int, default=4, help="how often each sampler has its turn")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--samplers", nargs="+", default=list(SAMPLERS), choices=list(SAMPLERS))
    parser.add_argument("--profile", action="store_true", help="only profile the sampler")
    parser.add_argument("--output", type=Path, default=RESULTS / "speed")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", module="torch.utils.data")
    torch.set_num_threads(args.threads)
    if args.profile:
        print(profile_sampler(args))
        return
    times: dict[str, list[float]] = {name: [] for name in args.samplers}
    for name in tqdm(args.samplers * args.rounds, unit="turn"):
        times[name] += time_epochs(name, args)
    memory = {name: peak_memory(name, args) for name in args.samplers}
    rows: list[dict[str, Any]] = [
        dict(sampler=name, median=statistics.median(t), minimum=min(t), epochs=t, peak_memory=memory[name])
        for name, t in times.items()
    ]
    configuration = {key: value for key, value in vars(args).items() if key not in {"output", "profile"}}
    configuration |= dict(
        torch=torch.__version__, pykeen_dhns=pykeen_dhns.__version__, machine=platform.machine(), model="RotatE, NSSA"
    )
    result = save_result(args.output / f"{args.graph}.json", configuration, rows)
    print(table(result))


if __name__ == "__main__":
    main()
