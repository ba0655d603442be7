"""Measure how a model scores what the training loop generates for it, level by level.

RotatE is trained jointly with the diffusion model. Then, it scores its positives, uniform negatives that are no known
triples, and the negatives of each hardness level. ``report.py --plots`` draws the distributions.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from pykeen.pipeline import PipelineResult, pipeline
from pykeen.sampling import BasicNegativeSampler
from reports import RESULTS, save_result
from torch import Tensor

from pykeen_dhns import DHNSTrainingLoop
from pykeen_dhns.comparison.provenance import describe_commit, describe_versions, today

#: The number of bins of the histograms
NUM_BINS = 60
BATCH_SIZE = 512


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


@torch.no_grad()
def collect_scores(result: PipelineResult) -> dict[str, Tensor]:
    """Score positives, uniform negatives, and what is generated, for all training triples.

    :param result: what the pipeline gave

    :returns: for each of them, shape: (n,) the scores
    """
    loop = result.training_loop
    assert isinstance(loop, DHNSTrainingLoop)
    objective, model = loop.objective, result.model.eval()
    bound, generator = objective.bound, objective.generator
    assert generator is not None
    triples = result.training.mapped_triples
    sampler = BasicNegativeSampler(mapped_triples=triples, num_negs_per_pos=4, filtered=True)
    scores: dict[str, list[Tensor]] = {}
    for positives in triples.split(BATCH_SIZE):
        negatives, mask = sampler.sample(positives)
        assert mask is not None
        scored = objective.scorer.score(positives, negatives)
        embeddings = bound.read(positives.to(model.device), objective.condition)
        # of the shape (num_levels, 2, batch_size)
        generated = bound.joint_score(
            bound.score(
                generator.generate(embeddings.conditions),
                heads=scored.heads,
                relations=scored.relations,
                tails=scored.tails,
            ),
            embeddings.usable,
        )
        scores.setdefault("positives", []).append(scored.positive.flatten())
        scores.setdefault("uniform", []).append(scored.negative[mask])
        for level, values in zip(generator.levels, generated, strict=True):
            name = f"t = {level} of {objective.config.num_timesteps}"
            scores.setdefault(name, []).append(values.flatten())
    return {name: torch.cat(batches) for name, batches in scores.items()}


def make_histograms(scores: dict[str, Tensor]) -> tuple[list[float], list[dict[str, Any]]]:
    """Count scores in bins, the same for all.

    :param scores: for each kind of triple, shape: (n,) the scores

    :returns: the edges of the bins, and a row for each kind of triple
    """
    everything = torch.cat(list(scores.values()))
    edges = torch.linspace(everything.min().item(), everything.max().item(), NUM_BINS + 1)
    rows = [
        dict(
            name=name,
            mean=values.mean().item(),
            std=values.std().item(),
            counts=torch.histogram(values.cpu(), edges)[0].long().tolist(),
        )
        for name, values in scores.items()
    ]
    return edges.tolist(), rows


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
    edges, rows = make_histograms(collect_scores(train(args)))
    configuration = {key: value for key, value in vars(args).items() if key != "output"}
    path = args.output / f"{args.dataset}.json"
    save_result(
        path, configuration, rows, edges=edges, versions=describe_versions(), commit=describe_commit(), date=today()
    )
    for row in rows:
        print(f"{row['name']:<12} {row['mean']:.3f} ± {row['std']:.3f}")
    print(f"Wrote {path}")


if __name__ == "__main__":
    main()
