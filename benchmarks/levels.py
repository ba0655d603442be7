"""Draw what the training loop generates, level by level: README's picture, and those of ``docs/inspection.md``.

RotatE is trained jointly with the diffusion model. Then, three pictures show what is generated for it:

- ``scores.png``: the scores of positives, of uniform negatives that are no known triples, and of each level
- ``projection.png``: what is generated for a relation, next to entities
- ``negatives.png``: a single triple, its condition, and the nearest entities at each level, by name

The triple of the last one is a clear case, found by a rule. At each level, there are the three entities nearest to what
is generated for the missing tail. Known answers are left out. The model scores these entities. The rule takes the
training triple whose mean score rises most clearly: its smallest step from a level to the next harder one is largest.
The picture says how often the score rises.
"""

import argparse
import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch
from pykeen.constants import TARGET_TO_INDEX
from pykeen.pipeline import PipelineResult, pipeline
from sklearn.decomposition import PCA
from torch.nn import functional

from pykeen_dhns.inspection import Source, inspect_result
from pykeen_dhns.inspection.plots import choose_colors, save_plots
from pykeen_dhns.utils.module_state import evaluation_mode

mpl.use("agg")

#: How many entities to name at each level
NUM_NEAREST = 3


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


def find_example(source: Source, seed: int) -> dict[str, Any]:
    """Find the triple whose levels get harder most clearly, cf. the docstring of this script.

    :param source: the generator, and its model
    :param seed: the seed of what is generated

    :returns: the triple, its nearest entities and their mean scores, easiest level first, the positions of entities and
        of what is generated, and the shares of triples whose score rises from the first to the last level, and at each
    """
    triples = source.triples
    with evaluation_mode(source.model, *source.modules, seed=seed):
        # the structural modality, easiest level first, and directions alone, since these define what is near
        samples = torch.cat([source.generate(batch, "tail")[:, 0] for batch in triples.split(512)], dim=1)
        samples, entities = (functional.normalize(x, dim=-1) for x in (samples.flip(0), source.embed("tail")[0]))
        answers = source.find_answers(triples, "tail")
        nearest = (samples @ entities.t()).masked_fill(answers, -torch.inf).topk(NUM_NEAREST).indices
        negatives = triples[None, :, None].repeat(len(samples), 1, NUM_NEAREST, 1)
        negatives[..., TARGET_TO_INDEX["tail"]] = nearest
        scores = source.score(negatives).cpu().mean(dim=-1)
        steps = scores.diff(dim=0).amin(dim=0)
        # else, known answers would fill up what is missing
        steps[(~answers).sum(dim=-1) < NUM_NEAREST] = -torch.inf
        best = int(steps.argmax())
        positive = source.score(triples[best])
    pca = PCA(n_components=2, svd_solver="full").fit(entities.numpy())
    return dict(
        triple=[column[0] for column in source.label_triples(triples[[best]]).values()],
        levels=source.levels[::-1],
        nearest=[[source.entities[i] for i in level.tolist()] for level in nearest[:, best]],
        scores=scores[:, best].tolist(),
        score=float(positive),
        answers=answers[best].numpy(),
        entities=pca.transform(entities.numpy()),
        samples=pca.transform(samples[:, best].numpy()),
        rises=(scores[-1] > scores[0]).double().mean().item(),
        rises_at_each=(steps > 0).double().mean().item(),
    )


def plot_negatives(example: dict[str, Any], title: str, path: Path) -> None:
    """Draw a triple, its condition, and what is generated for it.

    :param example: the triple, and what is generated for it, cf. :func:`find_example`
    :param title: the model, and the dataset
    :param path: the file to write
    """
    from matplotlib import patches
    from matplotlib import pyplot as plt

    def wrap(name: str, bullet: str = "") -> str:
        return textwrap.fill(bullet + name.replace("_", " "), 22, subsequent_indent=" " * len(bullet))

    levels, (head, relation, tail) = example["levels"], map(wrap, example["triple"])
    colors = choose_colors(levels[::-1])
    figure = plt.figure(figsize=(8, 4))
    # one unit is an inch
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, 8), ylim=(0, 4))
    ax.axis("off")
    text: dict[str, Any] = dict(ha="center", va="center", fontsize=9.5)
    box = dict(boxstyle="round,pad=0.35", facecolor="white", edgecolor="black")
    arrow = dict(arrowstyle="-|>", color="black", linewidth=1.5)

    ax.text(1, 3.75, "condition:\nentity and relation", **text)
    ax.add_patch(patches.Rectangle((0.15, 2.5), 1.7, 1, facecolor="0.93"))
    ax.text(1, 3.2, head, **text, bbox=box)
    ax.text(1, 2.78, relation, **text, bbox=box)
    ax.text(1, 2.25, "?", **text, bbox=box | dict(edgecolor=colors["true"]))
    ax.text(1, 1.85, f"true answer:\n{tail}", **text, color=colors["true"])
    ax.text(1, 1.2, "nearest entities\n(no known answers)", **text)
    ax.text(1, 0.62, f"their mean score\n(true answer: {example['score']:.1f})", **text)

    ax.annotate("", (7.9, 3.2), (1.85, 3.2), arrowprops=arrow)
    for x, align, label in ((2.2, "left", "noise: easy"), (7.9, "right", "clean: hard")):
        ax.text(x, 3.36, label, **text | dict(ha=align))
    ax.text(5.05, 3.36, "a diffusion model denoises an embedding", **text)
    for i, (level, nearest, score) in enumerate(zip(levels, example["nearest"], example["scores"], strict=True)):
        left, center, color = 2.2 + 1.45 * i, 2.87 + 1.45 * i, colors[level]
        ax.annotate("", (center, 2.93), (center, 3.2), arrowprops=arrow)
        ax.text(center, 2.83, level, **text)
        panel = figure.add_axes((left / 8, 1.6 / 4, 1.34 / 8, 1.12 / 4), xticks=[], yticks=[])
        is_answer, (x, y) = example["answers"], example["entities"].T
        panel.scatter(x[~is_answer], y[~is_answer], s=5, color=colors["uniform"])
        panel.scatter(x[is_answer], y[is_answer], s=9, color=colors["true"])
        x, y = example["samples"][: i + 1].T
        panel.plot(x, y, color=color, linewidth=1)
        panel.scatter(x[-1], y[-1], s=60, color=color, marker="X", edgecolor="black", linewidth=0.5, zorder=3)
        names = "\n".join(wrap(name, "\N{BULLET} ") for name in nearest)
        ax.text(left, 1.52, names, ha="left", va="top", fontsize=8.5)
        ax.text(center, 0.62, f"{score:.1f}", **text, weight="bold")
    key = "Gray: entities, blue: known answers, cross: the embedding, in two principal components."
    rule = (
        f"Scores rise from the first level to the last for {example['rises']:.0%} of the triples, at each level for "
        f"{example['rises_at_each']:.0%}, here most clearly."
    )
    ax.text(4, 0.2, f"{key} {title}.\n{rule}", **text | dict(fontsize=8), color="0.3")
    figure.savefig(path, dpi=200)
    plt.close(figure)


def main() -> None:
    """Train, inspect, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="umls", help="the name of a dataset")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--embedding-dim", type=int, default=64)
    parser.add_argument("--margin", type=float, default=9.0)
    parser.add_argument("--learning-rate", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True, help="the folder for the pictures, e.g., docs/_static")
    args = parser.parse_args()
    result = train(args)
    # all training triples, not only some of them
    inspection = inspect_result(result, max_triples=result.training.num_triples, seed=args.seed)
    example = find_example(inspection.source, args.seed)
    args.output.mkdir(parents=True, exist_ok=True)
    files = save_plots(inspection, args.output)
    files.append(args.output / "negatives.png")
    title = f"RotatE on {args.dataset}, {args.epochs} epochs, seed {args.seed}"
    plot_negatives(example, title, files[-1])
    print(inspection.score_summary.to_string(index=False))
    print(f"Wrote {', '.join(map(str, files))}")


if __name__ == "__main__":
    main()
