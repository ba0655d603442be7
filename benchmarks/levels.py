"""Measure how a model scores what the training loop generates for it, level by level.

RotatE is trained jointly with the diffusion model. Then, it scores its positives, uniform negatives that are no known
triples, and the negatives of each hardness level. ``report.py --plots`` draws the distributions.
"""

import argparse
from pathlib import Path

import numpy as np
from common import RESULTS, save_result
from pykeen.pipeline import PipelineResult, pipeline

from pykeen_dhns.inspection import inspect_result
from pykeen_dhns.utils.provenance import describe_commit, describe_versions


def train(args: argparse.Namespace) -> PipelineResult:
    """Train the model, and the generator of its negatives."""
    return pipeline(
        dataset=args.dataset,
        model="RotatE",
        model_kwargs=dict(embedding_dim=args.embedding_dim),
        loss="nssa",
        loss_kwargs=dict(margin=args.margin),
        optimizer_kwargs=dict(lr=args.learning_rate),
        training_loop="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=16),
        training_kwargs=dict(num_epochs=args.epochs, batch_size=256),
        evaluation_kwargs=dict(batch_size=128),
        random_seed=args.seed,
        device="cpu",
    )


def main() -> None:
    """Train, score, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="umls", help="the name of a dataset")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--embedding-dim", type=int, default=64)
    parser.add_argument("--margin", type=float, default=9.0)
    parser.add_argument("--learning-rate", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=RESULTS / "levels")
    args = parser.parse_args()
    result = train(args)
    # all training triples, not only some of them
    scores = inspect_result(result, max_triples=result.training.num_triples, seed=args.seed).scores
    edges = np.histogram_bin_edges(scores["score"], bins=60)
    rows = [
        dict(
            name=name,
            mean=float(values.mean()),
            std=float(values.std(ddof=0)),
            counts=np.histogram(values, edges)[0].tolist(),
        )
        for name, values in scores.groupby("triples", sort=False)["score"]
    ]
    configuration = {key: value for key, value in vars(args).items() if key != "output"}
    path = args.output / f"{args.dataset}.json"
    save_result(
        path,
        configuration,
        rows,
        edges=edges.tolist(),
        versions=describe_versions(),
        commit=describe_commit(),
    )
    for row in rows:
        print(f"{row['name']:<12} {row['mean']:.3f} ± {row['std']:.3f}")
    print(f"Wrote {path}")


if __name__ == "__main__":
    main()
