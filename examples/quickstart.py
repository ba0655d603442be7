"""Change one string: PyKEEN's ``basic`` sampler against ``dhns``, on a dataset that ships with PyKEEN.

There is no import of ``pykeen_dhns`` in here: it is enough that it is installed.
"""

import argparse
import logging
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
from pykeen.datasets import get_dataset
from pykeen.pipeline import pipeline
from pykeen.trackers import PythonResultTracker
from pykeen.training.callbacks import TrainingCallback

mpl.use("agg")

COLORS = {"basic": "0.6", "dhns": "#0072b2"}
METRICS = {"MRR": "inverse_harmonic_mean_rank", "Hits@1": "hits_at_1", "Hits@3": "hits_at_3", "Hits@10": "hits_at_10"}


class EpochTimer(TrainingCallback):
    """Take the time at the end of each epoch, before it is evaluated."""

    def __init__(self) -> None:
        """Initialize the timer."""
        super().__init__()
        self.times: list[float] = []

    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:  # noqa: ARG002
        """Take the time."""
        self.times.append(time.perf_counter())

    def seconds_per_epoch(self, frequency: int) -> float:
        """Return the median time of an epoch, out of those that do not follow an evaluation.

        :param frequency: every how many epochs there was an evaluation

        :returns: the time in seconds
        """
        epochs = [epoch for epoch in range(1, len(self.times)) if epoch % frequency] or [1]
        return statistics.median(self.times[epoch] - self.times[epoch - 1] for epoch in epochs)


def run(sampler: str, args: argparse.Namespace) -> dict[str, Any]:
    """Train and evaluate RotatE with a negative sampler.

    :param sampler: the name of the sampler
    :param args: the command line arguments

    :returns: metrics and curves
    """
    dataset = get_dataset(dataset=args.dataset)
    tracker = PythonResultTracker(store_metrics=True)
    timer = EpochTimer()
    frequency = max(1, args.epochs // 10)
    print(f"\nRotatE on {args.dataset}, negative_sampler={sampler!r}")
    result = pipeline(
        dataset=dataset,
        model="RotatE",
        model_kwargs=dict(embedding_dim=args.embedding_dim),
        loss="nssa",
        loss_kwargs=dict(margin=9.0),
        optimizer_kwargs=dict(lr=0.02),
        negative_sampler=sampler,
        negative_sampler_kwargs=dict(num_negs_per_pos=args.num_negs),
        training_kwargs=dict(
            num_epochs=args.epochs,
            batch_size=256,
            callbacks=[timer, "evaluation-loop"],
            callbacks_kwargs=[
                None,
                dict(
                    factory=dataset.validation,
                    frequency=frequency,
                    prefix="validation",
                    additional_filter_triples=dataset.training,
                    batch_size=256,
                    use_tqdm=False,
                ),
            ],
        ),
        evaluation_kwargs=dict(batch_size=256, use_tqdm=False),
        result_tracker=tracker,
        random_seed=args.seed,
        device="cpu",
    )
    validation = {
        epoch: value
        for epoch, metrics in tracker.metrics.items()
        for key, value in metrics.items()
        if key.startswith("validation") and key.endswith("both.realistic.inverse_harmonic_mean_rank")
    }
    return dict(
        metrics={name: 100 * result.get_metric(f"both.realistic.{metric}") for name, metric in METRICS.items()},
        seconds=timer.seconds_per_epoch(frequency),
        losses=result.losses,
        validation=validation,
    )


def report(results: dict[str, dict[str, Any]]) -> None:
    """Print a table.

    :param results: the results for each sampler
    """
    print(f"\n{'sampler':10}" + "".join(f"{name:>9}" for name in METRICS) + f"{'s/epoch':>9}")
    for sampler, result in results.items():
        values = "".join(f"{value:9.1f}" for value in result["metrics"].values())
        print(f"{sampler:10}{values}{result['seconds']:9.2f}")


def plot(results: dict[str, dict[str, Any]], args: argparse.Namespace) -> None:
    """Draw the curves of loss and validation.

    :param results: the results for each sampler
    :param args: the command line arguments
    """
    from matplotlib import pyplot as plt

    path = args.output
    figure, (left, right) = plt.subplots(ncols=2, figsize=(9, 3.5), layout="constrained")
    for sampler, result in results.items():
        label, color = f"{sampler} (test MRR {result['metrics']['MRR']:.1f})", COLORS.get(sampler)
        # The first epoch's loss would leave no room for the others.
        losses = dict(list(enumerate(result["losses"], start=1))[1:])
        left.plot(list(losses), list(losses.values()), color=color)
        curve = [100 * value for value in result["validation"].values()]
        right.plot(list(result["validation"]), curve, "o-", color=color, label=label)
    left.set(xlabel="epoch", ylabel="loss, from the second epoch")
    right.set(xlabel="epoch", ylabel="validation MRR [%]")
    right.legend()
    figure.suptitle(f"RotatE on {args.dataset}, {args.num_negs} negatives per positive, seed {args.seed}")
    figure.savefig(path, dpi=150)
    print(f"\nThe curves are in {path}")


def main() -> None:
    """Compare the samplers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="umls")
    parser.add_argument("--samplers", nargs="+", default=["basic", "dhns"])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--embedding-dim", type=int, default=64)
    parser.add_argument("--num-negs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("quickstart.png"))
    args = parser.parse_args()
    logging.disable(logging.INFO)
    warnings.filterwarnings("ignore", module="torch.utils.data")
    started = time.perf_counter()
    results = {sampler: run(sampler, args) for sampler in args.samplers}
    report(results)
    plot(results, args)
    print(f"Both took {time.perf_counter() - started:.0f} seconds, evaluation included.")


if __name__ == "__main__":
    main()
