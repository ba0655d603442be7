"""PyKEEN's negatives, generated ones, and shared ones, on a dataset that ships with PyKEEN.

All three runs have the same model, loss, and epochs. `dhns on bernoulli` draws what it does not generate as `bernoulli`
does. The joint training of the paper has no row: it is no better than its control (docs/findings.md). The script prints
a table, and draws two pictures: the curves, and what the sampler generates for a few triples, by name.
"""

import argparse
import logging
import textwrap
import time
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch
from pykeen.datasets import Dataset, get_dataset
from pykeen.evaluation import RankBasedEvaluator
from pykeen.pipeline import pipeline
from pykeen.training.callbacks import TrainingCallback
from tqdm import tqdm

from pykeen_dhns.inspection import Inspection, KeepSampler, inspect_result
from pykeen_dhns.inspection.plots import choose_color

mpl.use("agg")

METRICS = {"MRR": "inverse_harmonic_mean_rank", "Hits@1": "hits_at_1", "Hits@10": "hits_at_10"}
#: The rows of the table, with what differs between them
ROWS: dict[str, dict[str, Any]] = {
    "bernoulli, 32": dict(negative_sampler="bernoulli", negative_sampler_kwargs=dict(num_negs_per_pos=32)),
    "dhns on bernoulli, 32": dict(negative_sampler="dhns", negative_sampler_kwargs=dict(num_negs_per_pos=32)),
    "dhns, 100 shared": dict(
        training_loop="dhns", training_loop_kwargs=dict(num_shared_negs=100, shared_negs_from_batch=0.5)
    ),
}
COLORS = [choose_color(name) for name in ("bernoulli", "dhns", "shared")]


class Curve(TrainingCallback):
    """Ranks validation triples after every few epochs."""

    def __init__(self, dataset: Dataset, frequency: int, bar: "tqdm[Any]") -> None:
        """Initialize the callback.

        :param dataset: the dataset
        :param frequency: after how many epochs to validate
        :param bar: the progress bar
        """
        super().__init__()
        self.dataset = dataset
        self.frequency = frequency
        self.bar = bar
        self.started = 0.0
        #: the seconds of training so far, without validation
        self.seconds = 0.0
        #: seconds of training, and MRR in percent
        self.points: list[tuple[float, float]] = []

    def pre_batch(self, **kwargs: Any) -> None:  # noqa: ARG002
        """Start the clock."""
        self.started = self.started or time.perf_counter()

    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:  # noqa: ARG002
        """Stop the clock, and validate."""
        self.seconds += time.perf_counter() - self.started
        self.started = 0.0
        self.bar.update()
        if epoch % self.frequency == 0:
            others = [self.dataset.training.mapped_triples, self.dataset.testing.mapped_triples]
            result = RankBasedEvaluator().evaluate(
                self.model,
                self.dataset.factory_dict["validation"].mapped_triples,
                additional_filter_triples=others,
                batch_size=256,
                use_tqdm=False,
            )
            self.points.append((self.seconds, 100 * float(result.get_metric("mrr"))))


def run(name: str, dataset: Dataset, args: argparse.Namespace, bar: "tqdm[Any]") -> dict[str, Any]:
    """Train and evaluate RotatE.

    :param name: the name of the row
    :param dataset: the dataset
    :param args: the command line arguments
    :param bar: the progress bar

    :returns: metrics, seconds, curve, and what the sampler generates, if it does
    """
    bar.set_description(name)
    curve, keeper = Curve(dataset, max(1, args.epochs // 10), bar), KeepSampler()
    result = pipeline(
        dataset=dataset,
        model="RotatE",
        model_kwargs=dict(embedding_dim=args.embedding_dim),
        loss="crossentropy",
        optimizer_kwargs=dict(lr=0.02),
        training_kwargs=dict(num_epochs=args.epochs, batch_size=256, callbacks=[curve, keeper], use_tqdm=False),
        evaluation_kwargs=dict(batch_size=256, use_tqdm=False),
        random_seed=args.seed,
        device="cpu",
        **ROWS[name],
    )
    return dict(
        metrics={title: 100 * result.get_metric(f"both.realistic.{key}") for title, key in METRICS.items()},
        seconds=curve.seconds,
        points=curve.points,
        inspection=inspect_result(result, sampler=keeper.sampler, num_examples=3) if "dhns on" in name else None,
    )


def report(results: dict[str, dict[str, Any]], args: argparse.Namespace) -> None:
    """Print a table, and what it says.

    :param results: the results of each row
    :param args: the command line arguments
    """
    print(f"\nRotatE on {args.dataset}, {args.epochs} epochs, seed {args.seed}. The loss is crossentropy in all rows.")
    print(f"\n{'':25}" + "".join(f"{title:>9}" for title in METRICS) + f"{'seconds':>9}")
    for name, result in results.items():
        values = "".join(f"{value:9.1f}" for value in result["metrics"].values())
        print(f"{name:25}{values}{result['seconds']:9.1f}")
    first, *others = results
    print()
    for name in others:
        gain = results[name]["metrics"]["MRR"] - results[first]["metrics"]["MRR"]
        ratio = results[name]["seconds"] / results[first]["seconds"]
        print(f"With {name}: MRR {gain:+.1f}, and {ratio:.1f} times the time, against {first}.")
    print("One seed proves nothing, least of all about the sampler: try --seed 1.")


def plot_curves(results: dict[str, dict[str, Any]], args: argparse.Namespace) -> None:
    """Draw the validation curves.

    :param results: the results of each row
    :param args: the command line arguments
    """
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for (name, result), color in zip(results.items(), COLORS, strict=True):
        label = f"{name} (test MRR {result['metrics']['MRR']:.1f})"
        ax.plot(*zip(*result["points"], strict=True), "o-", color=color, label=label)
    title = f"RotatE on {args.dataset}, {args.epochs} epochs, seed {args.seed}"
    ax.set(xlabel="seconds of training", ylabel="validation MRR [%]", title=title)
    ax.legend()
    figure.savefig(args.output / "curves.png", dpi=150)


def plot_negatives(inspection: Inspection, args: argparse.Namespace) -> None:
    """Draw the entities nearest to what is generated for a few triples: a column for each level, easy to hard.

    Known answers have a star. They do not become negatives.

    :param inspection: what was generated
    :param args: the command line arguments
    """
    from matplotlib import pyplot as plt

    neighbors = inspection.neighbors
    names = neighbors["entity"].map(lambda name: textwrap.shorten(name.replace("_", " "), width=24, placeholder=" …"))
    starred = neighbors.assign(entity=names + neighbors["kind"].map({"other": ""}).fillna(" *"))
    nearest = starred.groupby(["head", "relation", "tail", "level"], sort=False)["entity"]
    cells = nearest.agg(lambda names: "\n".join(names.head(3))).unstack("level", sort=False)
    # levels come hardest first
    cells = cells[cells.columns[::-1]]
    figure, ax = plt.subplots(figsize=(3 + 1.8 * len(cells.columns), 0.8 + 0.8 * len(cells)), layout="constrained")
    ax.axis("off")
    ax.set_title(f"Entities nearest to what is generated, {args.dataset}: easy to hard. * known answers")
    rows = [f"({head},\n{relation},\n?)   true: {tail}" for head, relation, tail in cells.index]
    columns = [f"level {len(cells.columns) - i} ({level})" for i, level in enumerate(cells.columns)]
    table = ax.table(cells.to_numpy(), rowLabels=rows, colLabels=columns, loc="center", cellLoc="left")
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    table.scale(1, 3.5)
    figure.savefig(args.output / "negatives.png", dpi=150)


def main() -> None:
    """Run all rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="umls", help="a dataset of PyKEEN")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--embedding-dim", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(), help="the folder for the pictures")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    # more threads only slow such small tensors down
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore", module="torch.utils.data")
    dataset = get_dataset(dataset=args.dataset)
    with tqdm(total=len(ROWS) * args.epochs, unit="epoch") as bar:
        results = {name: run(name, dataset, args, bar) for name in ROWS}
    report(results, args)
    plot_curves(results, args)
    plot_negatives(results["dhns on bernoulli, 32"]["inspection"], args)
    print(f"\nThe pictures are {args.output / 'curves.png'} and {args.output / 'negatives.png'}.")


if __name__ == "__main__":
    main()
