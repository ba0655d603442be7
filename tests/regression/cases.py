"""Short trainings on UMLS whose losses must stay what they are.

Each case is a call of PyKEEN's pipeline that a user might write. ``python -m tests.regression.cases`` prints the losses
of all cases, and ``--update`` stores them in ``losses.json``.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from pykeen.datasets import UMLS
from pykeen.pipeline import pipeline

__all__ = ["CASES", "PATH", "compute_losses"]

PATH = Path(__file__).with_name("losses.json")

#: Explicit margins, so that these cases do not depend on how a margin follows from its level
MARGINS = [6.6, 7.1, 7.6, 8.4]

NSSA: dict[str, Any] = dict(loss="nssa", loss_kwargs=dict(margin=9.0))

#: Arguments of the pipeline, by the name of the case
CASES: dict[str, dict[str, Any]] = {
    "sampler": dict(negative_sampler="dhns", **NSSA),
    "sampler-filtered": dict(negative_sampler="dhns", negative_sampler_kwargs=dict(filtered=True), **NSSA),
    "sampler-quarter": dict(
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(hard_fraction=0.25, base_sampler="basic", reverse="ddpm", selection="band"),
        **NSSA,
    ),
    "sampler-and-loss": dict(
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(hard_fraction=0.25),
        loss="dhns",
        loss_kwargs=dict(hard_fraction=0.25),
    ),
    "loop": dict(training_loop="dhns", training_loop_kwargs=dict(num_timesteps=100), **NSSA),
    "loop-half": dict(training_loop="dhns", training_loop_kwargs=dict(num_timesteps=20, generated_share=0.5), **NSSA),
    "loop-noise": dict(training_loop="dhns", training_loop_kwargs=dict(num_timesteps=100, generator="noise"), **NSSA),
    "loop-none": dict(training_loop="dhns", training_loop_kwargs=dict(generator="none"), **NSSA),
    "loop-and-loss": dict(
        training_loop="dhns",
        training_loop_kwargs=dict(num_timesteps=100),
        negative_sampler_kwargs=dict(hard_fraction=0.25),
        loss="dhns",
        loss_kwargs=dict(positive_weight=1.0),
    ),
    "loop-filtered": dict(
        training_loop="dhns",
        training_loop_kwargs=dict(num_timesteps=100),
        negative_sampler_kwargs=dict(hard_fraction=0.25, filtered=True),
        loss="dhns",
    ),
    "loop-added": dict(
        training_loop="dhns",
        training_loop_kwargs=dict(num_timesteps=100, adaptive_training=False, prediction="noise"),
        **NSSA,
    ),
    "loop-margins": dict(
        training_loop="dhns", training_loop_kwargs=dict(hardness_loss_kwargs=dict(margins=MARGINS)), **NSSA
    ),
    "loop-diffusion-weight": dict(
        training_loop="dhns", training_loop_kwargs=dict(num_timesteps=100, diffusion_weight=0.1), **NSSA
    ),
    "multimodal": dict(
        model="multimodal",
        model_kwargs=dict(interaction="rotate", embedding_dim=8, modalities="FEATURES"),
        training_loop="dhns",
        training_loop_kwargs=dict(num_timesteps=100, multimodal=True),
        **NSSA,
    ),
    "multimodal-gate": dict(
        model="multimodal",
        model_kwargs=dict(interaction="transe", embedding_dim=8, modalities="FEATURES", fusion="gate"),
        training_loop="dhns",
        training_loop_kwargs=dict(num_timesteps=20),
        **NSSA,
    ),
} | {
    # one model for each kind of closed form, and two without
    f"loop-{model}": dict(
        model=model,
        model_kwargs=dict(embedding_dim=8),
        training_loop="dhns",
        training_loop_kwargs=dict(num_timesteps=20),
        **NSSA,
    )
    for model in (
        "TransE",
        "DistMult",
        "ComplEx",
        "PairRE",
        "QuatE",
        "TransD",
        "TransH",
        "HolE",
        "SimplE",
        "BoxE",
        "MuRE",
    )
}


def make_features(num_entities: int) -> torch.Tensor:
    """Make features of some entities, with a row of NaN for each of the others."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(num_entities, 5, generator=generator)
    features[::7] = torch.nan
    return features


def compute_losses(name: str) -> list[float]:
    """Train a few epochs, and return the loss of each."""
    dataset = UMLS()
    arguments = dict(model="RotatE", model_kwargs=dict(embedding_dim=8)) | CASES[name]
    if arguments["model_kwargs"].get("modalities"):
        features = make_features(dataset.num_entities)
        arguments["model_kwargs"] = arguments["model_kwargs"] | dict(modalities=dict(textual=features))
    arguments["negative_sampler_kwargs"] = dict(num_negs_per_pos=16) | arguments.get("negative_sampler_kwargs", {})
    result = pipeline(
        dataset=dataset,
        optimizer_kwargs=dict(lr=0.01),
        training_kwargs=dict(num_epochs=3, batch_size=512, use_tqdm=False),
        evaluation_kwargs=dict(use_tqdm=False),
        random_seed=0,
        device="cpu",
        **arguments,
    )
    return [float(loss) for loss in result.losses]


def main() -> None:
    """Print the losses of all cases, and store them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="store the losses, rather than compare them")
    parser.add_argument("names", nargs="*", help="the cases; all, if none is given")
    arguments = parser.parse_args()
    stored = json.loads(PATH.read_text()) if PATH.exists() else {}
    for name in arguments.names or CASES:
        losses = compute_losses(name)
        verdict = "new" if name not in stored else "same" if stored[name] == losses else "different"
        print(f"{name:24} {verdict:10} {losses}")  # noqa: T201
        stored[name] = losses
    if arguments.update:
        PATH.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
