"""Measure what large graphs cost: to construct a sampler, or a training, and then for each batch.

The graphs are synthetic: few entities and relations are frequent, most are rare. Each row is measured in a process of
its own, on Linux. Times are CPU times of one thread, which other processes change less than the time on the wall.
"""

import argparse
import contextlib
import multiprocessing
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, describe, load_result, save_result, to_markdown
from pykeen.models import ComplEx
from pykeen.sampling import negative_sampler_resolver
from pykeen.training import training_loop_resolver
from pykeen.training.callbacks import TrainingCallback
from pykeen.triples import CoreTriplesFactory
from speed_shared import SOFTMAX, EnoughError
from torch import Tensor
from tqdm import tqdm

import pykeen_dhns  # noqa: F401  (so that its sampler is known by name)

#: Negative samplers alone, by name
SAMPLERS = {
    "sampler `basic`": "basic",
    "sampler `bernoulli`": "bernoulli",
    "sampler `fastbernoulli`": "fastbernoulli",
    "sampler `dhns`": "dhns",
}
#: Training loops with ComplEx, by name, and their arguments. A loop of ours has shared negatives.
LOOPS: dict[str, tuple[str, dict[str, Any]]] = {
    "PyKEEN's loop, `basic`, Adam": ("slcwa", dict(optimizer="adam")),
    "shared negatives, Adam": ("dhns", dict(optimizer="adam")),
    "shared negatives, Adam, `fused=True`": ("dhns", dict(optimizer="adam", optimizer_kwargs=dict(fused=True))),
    "shared negatives, Adagrad, sparse gradients": ("dhns", dict(optimizer="adagrad", sparse_gradients=True)),
}
ARMS = [*SAMPLERS, *LOOPS]
#: What is this package's, and meant for large graphs
OURS = ("sampler `fastbernoulli`", "sampler `dhns`", "shared negatives, Adagrad, sparse gradients")
#: The goals for it, for :func:`judge`
GOALS = (
    "Goals for the largest graph: the construction takes at most 30 s and 3 GB, and a batch at most 1.3 times as long "
    "as on the smallest graph."
)


def make_triples(num_entities: int, num_relations: int, num_triples: int) -> Tensor:
    """Make a random graph in which the k-th most frequent entity has a share proportional to $k^{-0.6}$.

    :param num_entities: the number of entities
    :param num_relations: the number of relations
    :param num_triples: the number of triples, a few of which may be the same

    :returns: shape: (num_triples, 3) the triples
    """
    generator = torch.Generator().manual_seed(0)
    triples = torch.empty(num_triples, 3, dtype=torch.long)
    for column, number in zip(triples.unbind(dim=-1), (num_entities, num_relations, num_entities), strict=True):
        # the inverse of the cumulative share
        column.copy_(number * torch.rand(num_triples, generator=generator, dtype=torch.double) ** 2.5)
    # the frequent heads are not the frequent tails
    triples[:, 2] = torch.randperm(num_entities, generator=generator)[triples[:, 2]]
    return triples


class Meter(TrainingCallback):
    """Takes CPU time and memory after the construction, and after each batch."""

    def __init__(self, num_batches: int) -> None:
        """Start.

        :param num_batches: the number of batches after which to end
        """
        super().__init__()
        self.num_batches = num_batches
        #: The CPU time at each mark, in seconds
        self.times: list[float] = []
        #: The peak before each mark, and the memory at each mark, in MiB
        self.peaks: list[float] = []
        self.sizes: list[float] = []
        self.mark()

    def mark(self) -> None:
        """Take time and memory, and start with a new peak."""
        status = Path("/proc/self/status").read_text(encoding="utf8")
        for name, values in (("VmHWM:", self.peaks), ("VmRSS:", self.sizes)):
            values.append(int(status.split(name)[1].split()[0]) / 1024)
        Path("/proc/self/clear_refs").write_text("5", encoding="utf8")
        self.times.append(time.process_time())

    def pre_batch(self, **kwargs: Any) -> None:  # noqa: ARG002
        """Take the end of the construction."""
        if len(self.times) == 1:
            self.mark()

    def post_batch(self, epoch: int, batch: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Take the end of a batch."""
        self.mark()
        if len(self.times) >= 2 + self.num_batches:
            raise EnoughError

    def summarize(self) -> dict[str, float]:
        """Summarize: seconds and MiB of the construction, and milliseconds and further MiB of the batches."""
        # the first two batches allocate memory, and states of optimisers
        steps = torch.tensor(self.times[1:], dtype=torch.double).diff()[2:].tolist()
        return dict(
            construction=self.times[1] - self.times[0],
            construction_memory=self.peaks[1] - self.sizes[0],
            batch=1000 * statistics.median(steps),
            batch_memory=max(0.0, max(self.peaks[2:]) - self.sizes[1]),
        )


def run_sampler(name: str, triples: Tensor, args: argparse.Namespace) -> Meter:
    """Make a sampler, and sample."""
    meter = Meter(args.batches)
    sampler = negative_sampler_resolver.make(
        name, mapped_triples=triples, num_entities=args.num_entities, num_relations=args.relations, num_negs_per_pos=16
    )
    meter.mark()
    for _ in range(args.batches):
        sampler.corrupt_batch(triples[torch.randint(len(triples), size=(args.batch_size,))])
        meter.mark()
    return meter


def run_loop(name: str, kwargs: dict[str, Any], triples: Tensor, args: argparse.Namespace) -> Meter:
    """Make a model, and train."""
    factory = CoreTriplesFactory(triples, num_entities=args.num_entities, num_relations=args.relations)
    meter = Meter(args.batches)
    # as many real numbers as args.embedding_dim
    model = ComplEx(
        triples_factory=factory, embedding_dim=args.embedding_dim // 2, regularizer=None, random_seed=0, **SOFTMAX
    )
    own_negatives = dict(negative_sampler="basic", negative_sampler_kwargs=dict(num_negs_per_pos=16))
    negatives = dict(num_shared_negs=1024) if name == "dhns" else own_negatives
    loop = training_loop_resolver.make(
        name, model=model, triples_factory=factory, automatic_memory_optimization=False, **negatives, **kwargs
    )
    with contextlib.suppress(EnoughError):
        loop.train(factory, num_epochs=args.batches, batch_size=args.batch_size, use_tqdm=False, callbacks=meter)
    return meter


def run(arm: str, num_entities: int, args: argparse.Namespace) -> dict[str, float]:
    """Measure an arm on a graph."""
    triples = make_triples(num_entities, args.relations, args.density * num_entities)
    options = argparse.Namespace(**vars(args), num_entities=num_entities)
    if arm in SAMPLERS:
        return run_sampler(SAMPLERS[arm], triples, options).summarize()
    return run_loop(*LOOPS[arm], triples, options).summarize()


def measure(arm: str, num_entities: int, args: argparse.Namespace, queue: Any) -> None:
    """Measure an arm on a graph, and put the result into a queue."""
    torch.set_num_threads(1)
    # what is imported late does not count
    run(arm, 1000, args)
    queue.put(dict(arm=arm, num_entities=num_entities, **run(arm, num_entities, args)))


def measure_alone(arm: str, num_entities: int, args: argparse.Namespace) -> dict[str, Any]:
    """Measure an arm on a graph, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=measure, args=(arm, num_entities, args, queue))
    process.start()
    result: dict[str, Any] = queue.get()
    process.join()
    return result


def table(result: dict[str, Any]) -> str:
    """Make a table.

    :param result: a result

    :returns: the table, in Markdown, and which goals are met
    """
    header = ["", "entities", "construction", "its memory", "batch", "ratio to the smallest graph", "further memory"]
    first: dict[str, float] = {}
    cells: list[Sequence[str]] = []
    for row in result["rows"]:
        base = first.setdefault(row["arm"], row["batch"])
        cells.append(
            [
                row["arm"],
                f"{row['num_entities']:,}",
                f"{row['construction']:.1f} s",
                f"{row['construction_memory']:,.0f} MiB",
                f"{row['batch']:.1f} ms",
                f"{row['batch'] / base:.2f}",
                f"{row['batch_memory']:,.0f} MiB",
            ]
        )
    groups = {arm: [row for row in result["rows"] if row["arm"] == arm] for arm in OURS if arm in first}
    judgements = "\n".join(f"- {arm}: {judge(rows)}" for arm, rows in groups.items())
    return f"{to_markdown(header, cells)}\n\n{GOALS}\n\n{judgements}"


def judge(rows: Sequence[dict[str, Any]]) -> str:
    """Say which of the goals are met.

    :param rows: the rows of an arm, the smallest graph first

    :returns: what was measured, and whether that meets the goals
    """
    first, last = rows[0], rows[-1]
    gigabytes = last["construction_memory"] * 2**20 / 1e9
    ratio = last["batch"] / first["batch"]
    measured = {
        f"{last['construction']:.1f} s": last["construction"] <= 30,
        f"{gigabytes:.1f} GB": gigabytes <= 3,
        f"{ratio:.2f} times": ratio <= 1.3,
    }
    return ", ".join(f"{value} ({'met' if met else 'not met'})" for value, met in measured.items())


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, nargs="+", default=[15_000, 1_000_000, 5_000_000])
    sizes = dict(density=4, relations=800, batch_size=512, embedding_dim=64, batches=10)
    for option, default in sizes.items():
        parser.add_argument(f"--{option.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS, metavar="ARM")
    parser.add_argument("--output", type=Path, default=RESULTS / "scale" / "synthetic.json", help="a file")
    args = parser.parse_args()
    configuration = describe(args, "arms", "entities")
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    if args.output.is_file():
        result = load_result(args.output)
        if result["configuration"] == configuration:
            rows = {(row["arm"], row["num_entities"]): row for row in result["rows"]}
    tasks = [(arm, num_entities) for arm in args.arms for num_entities in args.entities]
    for arm, num_entities in tqdm([task for task in tasks if task not in rows], unit="row"):
        rows[arm, num_entities] = measure_alone(arm, num_entities, args)
        in_order = [rows[key] for key in sorted(rows, key=lambda key: (ARMS.index(key[0]), key[1]))]
        # large graphs take long, so another call goes on where this one ends
        save_result(args.output, configuration, in_order)
    print(table(load_result(args.output)))


if __name__ == "__main__":
    main()
