"""Measure what shared negatives cost: an epoch of our loop against one of PyKEEN's, on a random graph of DB15K's size.

All numbers are CPU time of one thread, which other processes change less than they change the time on the wall. Arms
take turns. Of each turn, a few batches count, and their median stands for all batches of an epoch.
"""

import argparse
import contextlib
import dataclasses
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, describe, run_alone, save_result, to_markdown
from pykeen.models import model_resolver
from pykeen.training import TrainingLoop, training_loop_resolver
from pykeen.training.callbacks import TrainingCallback
from pykeen.triples import CoreTriplesFactory
from torch import Tensor
from tqdm import tqdm

NSSA: dict[str, Any] = dict(loss="nssa")
SOFTMAX: dict[str, Any] = dict(loss="infonce", loss_kwargs=dict(margin=0.0, log_adversarial_temperature=0.0))
CROSS_ENTROPY: dict[str, Any] = dict(loss="crossentropy")


@dataclasses.dataclass(frozen=True)
class Arm:
    """A model and how it is trained."""

    model: str
    #: The name of the training loop, and its arguments
    loop: str
    kwargs: dict[str, Any]
    #: The arguments of the model that concern the loss
    loss: dict[str, Any]
    create_inverse_triples: bool = False


def _share(model: str, num_negs: int, loss: dict[str, Any]) -> Arm:
    return Arm(model, "dhns", dict(num_shared_negs=num_negs), loss)


#: The first arm of each model is what the others are compared with
ARMS = {
    "RotatE, PyKEEN's loop, basic, 64 negatives, NSSA": Arm(
        "RotatE", "slcwa", dict(negative_sampler="basic", negative_sampler_kwargs=dict(num_negs_per_pos=64)), NSSA
    ),
    "RotatE, 1,024 shared, NSSA": _share("RotatE", 1024, NSSA),
    "RotatE, 1,024 shared, softmax": _share("RotatE", 1024, SOFTMAX),
    "RotatE, 4,096 shared, softmax": _share("RotatE", 4096, SOFTMAX),
    "ComplEx, PyKEEN's LCWA loop, cross-entropy, tails only": Arm("ComplEx", "lcwa", {}, CROSS_ENTROPY),
    # the other way to both sides, the symmetric loop, needs more than 10 GiB
    "ComplEx, PyKEEN's LCWA loop, cross-entropy, inverse triples": Arm(
        "ComplEx", "lcwa", {}, CROSS_ENTROPY, create_inverse_triples=True
    ),
    "ComplEx, 1,024 shared, softmax": _share("ComplEx", 1024, SOFTMAX),
    "ComplEx, 4,096 shared, softmax": _share("ComplEx", 4096, SOFTMAX),
}


def make_graph(num_entities: int, num_relations: int, num_triples: int) -> Tensor:
    """Make a random graph in which some entities and relations are frequent.

    :param num_entities: the number of entities
    :param num_relations: the number of relations
    :param num_triples: the number of triples that are drawn. Of those that are the same, one stays.

    :returns: shape: (num_triples, 3) the triples, or a few less
    """
    generator = torch.Generator().manual_seed(0)
    columns = [
        torch.multinomial(1 / torch.arange(1, number + 1) ** 0.6, num_triples, replacement=True, generator=generator)
        for number in (num_entities, num_relations, num_entities)
    ]
    triples: Tensor = torch.stack(columns, dim=-1).unique(dim=0)
    # the frequent heads are not the frequent tails
    triples[:, 2] = torch.randperm(num_entities, generator=generator)[triples[:, 2]]
    return triples


class EnoughError(Exception):
    """Ends a training."""


class StepTimer(TrainingCallback):
    """Takes the CPU time after each batch, and ends the training after a few."""

    def __init__(self, num_steps: int) -> None:
        """Initialize the timer.

        :param num_steps: the number of batches
        """
        super().__init__()
        self.num_steps = num_steps
        self.times: list[float] = []

    def post_batch(self, epoch: int, batch: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Take the time."""
        self.times.append(time.process_time())
        if len(self.times) > self.num_steps:
            raise EnoughError


def make_loop(arm: Arm, args: argparse.Namespace) -> tuple[TrainingLoop[Any], CoreTriplesFactory]:
    """Create a training loop with a new model."""
    factory = CoreTriplesFactory(
        mapped_triples=make_graph(args.entities, args.relations, args.triples),
        num_entities=args.entities,
        num_relations=args.relations,
        create_inverse_triples=arm.create_inverse_triples,
    )
    model = model_resolver.make(
        arm.model,
        triples_factory=factory,
        embedding_dim=args.embedding_dim,
        regularizer=None,
        random_seed=0,
        **arm.loss,
    )
    loop = training_loop_resolver.make(
        arm.loop,
        model=model,
        triples_factory=factory,
        optimizer="adam",
        automatic_memory_optimization=False,
        **arm.kwargs,
    )
    return loop, factory


def time_steps(name: str, args: argparse.Namespace) -> tuple[list[float], int]:
    """Train for a few batches.

    :param name: the name of the arm
    :param args: the options

    :returns: the CPU time of each, without the first two, and how many an epoch has
    """
    torch.set_num_threads(1)
    loop, factory = make_loop(ARMS[name], args)
    timer = StepTimer(args.steps + 2)
    with contextlib.suppress(EnoughError):
        loop.train(factory, num_epochs=args.steps + 3, batch_size=args.batch_size, use_tqdm=False, callbacks=timer)
    triples = factory._add_inverse_triples_if_necessary(factory.mapped_triples)
    # PyKEEN's LCWA loop goes through pairs of head and relation
    size = len(triples[:, :2].unique(dim=0)) if ARMS[name].loop == "lcwa" else len(triples)
    return torch.tensor(timer.times, dtype=torch.float64).diff()[2:].tolist(), -(-size // args.batch_size)


def table(result: dict[str, Any]) -> str:
    """Make a table.

    :param result: a result

    :returns: the table, in Markdown
    """
    header = ["arm", "CPU seconds per epoch", "ratio to the model's first row", "peak memory"]
    first: dict[str, float] = {}
    cells = []
    for row in result["rows"]:
        base = first.setdefault(ARMS[row["arm"]].model, row["epoch"])
        ratio = f"{row['epoch'] / base:.2f}"
        cells.append([row["arm"], f"{row['epoch']:.1f}", ratio, f"{row['peak_memory']:,.0f} MiB"])
    return to_markdown(header, cells)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sizes = dict(entities=12_842, relations=279, triples=79_222, batch_size=512, embedding_dim=200)
    for option, default in {**sizes, "steps": 6, "rounds": 4}.items():
        parser.add_argument(f"--{option.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS), metavar="ARM")
    parser.add_argument("--output", type=Path, default=RESULTS / "speed_shared" / "random.json", help="a file")
    args = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in args.arms}
    num_batches: dict[str, int] = {}
    memory: dict[str, float] = {}
    # in turn, since what else runs on the machine changes
    for name in tqdm(args.arms * args.rounds, unit="turn"):
        (steps, num_batches[name]), memory[name] = run_alone(time_steps, name, args)
        times[name] += steps
    rows: list[dict[str, Any]] = [
        dict(
            arm=name,
            epoch=statistics.median(steps) * num_batches[name],
            num_batches=num_batches[name],
            steps=steps,
            peak_memory=memory[name],
        )
        for name, steps in times.items()
    ]
    print(table(save_result(args.output, describe(args, "arms"), rows)))


if __name__ == "__main__":
    main()
