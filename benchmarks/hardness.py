"""Measure how hard the negatives of each sampler are for a model that it does not know, and how many are false.

A RotatE model is trained with PyKEEN's ``basic`` sampler. Then, it scores the negatives of each sampler, and of each
level of ``dhns``, whose own models were trained on the same triples, but never saw the RotatE model.
"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch
from common import RESULTS, load_graph, make_parser, save_result, to_markdown
from pykeen.datasets import Dataset
from pykeen.models import Model
from pykeen.pipeline import pipeline
from pykeen.sampling import NegativeSampler, negative_sampler_resolver
from torch import Tensor
from tqdm import tqdm, trange

from pykeen_dhns import DHNSNegativeSampler
from pykeen_dhns.inspection.plots import choose_color
from pykeen_dhns.sampling.known_triples import KnownTriples

mpl.use("agg")


#: The samplers: name, and arguments. All negatives are generated, such that there are four for each level.
SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "basic": ("basic", {}),
    "bernoulli": ("bernoulli", {}),
    "pseudotyped": ("pseudotyped", {}),
    "dhns": ("dhns", dict(hard_fraction=1.0)),
    "dhns without margin": ("dhns", dict(hard_fraction=1.0, selection_kwargs=dict(margin=0.0))),
}


def train_model(dataset: Dataset, args: argparse.Namespace) -> Model:
    """Train the model which judges the negatives."""
    return pipeline(
        training=dataset.training,
        testing=dataset.testing,
        model="RotatE",
        model_kwargs=dict(embedding_dim=args.embedding_dim),
        loss="nssa",
        loss_kwargs=dict(margin=9.0),
        optimizer_kwargs=dict(lr=2e-2),
        negative_sampler="basic",
        negative_sampler_kwargs=dict(num_negs_per_pos=16),
        training_kwargs=dict(num_epochs=args.epochs, batch_size=args.batch_size),
        evaluation_kwargs=dict(batch_size=128),
        random_seed=args.seed,
        device="cpu",
    ).model.eval()


def make_samplers(dataset: Dataset, args: argparse.Namespace) -> dict[str, NegativeSampler]:
    """Create the samplers, and let the one learn that does."""
    triples = dataset.training.mapped_triples
    samplers = {
        name: negative_sampler_resolver.make(
            sampler,
            kwargs,
            mapped_triples=triples,
            num_entities=dataset.num_entities,
            num_relations=dataset.num_relations,
            num_negs_per_pos=16,
        )
        for name, (sampler, kwargs) in SAMPLERS.items()
    }
    for name, sampler in samplers.items():
        if isinstance(sampler, DHNSNegativeSampler):
            for _ in trange(args.epochs, desc=f"Training {name}", unit="epoch"):
                for positives in triples[torch.randperm(len(triples))].split(args.batch_size):
                    sampler.corrupt_batch(positives)
    return samplers


def describe(
    name: str, scores: Tensor, positives: Tensor, false: Tensor, entities: Tensor, total: int
) -> dict[str, Any]:
    """Summarize the negatives of a sampler, or of one of its levels."""
    return dict(
        sampler=name,
        mean_score=scores.mean().item(),
        std_score=scores.std().item(),
        above_positive=(scores > positives).float().mean().item(),
        false_negatives=false.float().mean().item(),
        distinct_entities=len(entities.unique()) / total,
        scores=scores.flatten()[torch.randperm(scores.numel())[:2000]].tolist(),
    )


@torch.no_grad()
def judge(model: Model, dataset: Dataset, samplers: dict[str, NegativeSampler]) -> list[dict[str, Any]]:
    """Let the model judge the negatives of all samplers, for all training triples."""
    triples = dataset.training.mapped_triples
    held_out = torch.cat([factory.mapped_triples for factory in (dataset.testing, dataset.validation) if factory])
    truth = KnownTriples(held_out, num_entities=dataset.num_entities, num_relations=dataset.num_relations)
    rows = []
    for name, sampler in samplers.items():
        batches = []
        for positives in tqdm(triples.split(512), desc=f"Judging {name}", unit="batch"):
            negatives = sampler.corrupt_batch(positives)
            scores = model.score_hrt(negatives.view(-1, 3)).view(negatives.shape[:2])
            batches.append((negatives, scores, model.score_hrt(positives)))
        negatives, scores, positive_scores = (torch.cat(tensors) for tensors in zip(*batches, strict=True))
        entities = torch.where(negatives[..., 0] != triples[:, None, 0], negatives[..., 0], negatives[..., 2])
        false = truth.contains(negatives)
        columns = {name: torch.zeros(negatives.shape[1], dtype=torch.bool).logical_not()}
        if isinstance(sampler, DHNSNegativeSampler):
            generator, levels = sampler.entity_generator.generator, torch.tensor(sampler.layout.generated)
            columns = {
                f"{name}, t = {t} of {generator.process.num_timesteps}": levels == level
                for level, t in enumerate(generator.time_steps)
            }
        rows += [
            describe(key, scores[:, c], positive_scores, false[:, c], entities[:, c], dataset.num_entities)
            for key, c in columns.items()
        ]
    for row in rows:
        row["gap"] = (row["mean_score"] - rows[0]["mean_score"]) / rows[0]["std_score"]
    return rows


def table(result: dict[str, Any]) -> str:
    """Make a table.

    :param result: a result

    :returns: the table, in Markdown
    """
    header = ["negatives", "mean score", "gap to basic [std]", "above the positive", "false negatives"]
    cells = [
        [
            row["sampler"],
            f"{row['mean_score']:.2f}",
            f"{row['gap']:+.2f}",
            f"{row['above_positive']:.2%}",
            f"{row['false_negatives']:.2%}",
            f"{row['distinct_entities']:.1%}",
        ]
        for row in result["rows"]
    ]
    return to_markdown([*header, "distinct entities"], cells)


def plot(rows: list[dict[str, Any]], graph: str, path: Path) -> None:
    """Draw the distributions of the scores."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    violins: dict[str, Any] = axes.violinplot([row["scores"] for row in rows], showmeans=True)
    labels = [row["sampler"] for row in rows]
    for body, label in zip(violins["bodies"], labels, strict=True):
        body.set_color(choose_color(label))
    for name in ("cmeans", "cmins", "cmaxes", "cbars"):
        violins[name].set_color("black")
    axes.set_xticks(range(1, len(rows) + 1), labels, rotation=30, ha="right", rotation_mode="anchor")
    axes.set(ylabel="score of RotatE (higher is harder)", title=f"Scores of negatives on {graph}")
    figure.savefig(path, dpi=150)


def main() -> None:
    """Train, judge, report."""
    parser = make_parser(__doc__, epochs=50, embedding_dim=64, seed=0)
    parser.add_argument("--output", type=Path, default=RESULTS / "hardness")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    dataset = load_graph(args.graph)
    rows = judge(train_model(dataset, args), dataset, make_samplers(dataset, args))
    args.output.mkdir(parents=True, exist_ok=True)
    plot(rows, args.graph, args.output / f"{args.graph}.png")
    for row in rows:
        del row["scores"]
    configuration = {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()}
    del configuration["output"]
    result = save_result(args.output / f"{args.graph}.json", configuration, rows)
    print(table(result))


if __name__ == "__main__":
    main()
