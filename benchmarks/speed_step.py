"""Measure a training step of the whole method: the short grid against the full chain, as published.

Three modalities, dimension 128, batches of 512, 64 sampled negatives, 50 time steps. The arms build upon each other:

- ``short grid``: this package
- ``full chain``: all time steps, evaluated for one side and one modality at a time, with the same denoiser
- ``published denoiser``: the same, with a denoiser of the published size: a hidden layer four times as wide as the
  embedding, layers of its own for the time, and an output layer
- ``published scoring``: the same, with each sampled negative as a triple of its own, whose features are projected anew

All numbers are CPU time of one thread.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, describe, load_graph, make_parser, run_alone, save_result, to_markdown
from pykeen.models import DistMult, ERModel, RotatE
from torch import Tensor, nn
from tqdm import tqdm

from pykeen_dhns import DHNSTrainingLoop, DiffHEG, MultimodalRepresentation
from pykeen_dhns.diffusion import SinusoidalTimeEmbedding

MODELS: dict[str, Callable[..., ERModel[Any, Any, Any]]] = {"DistMult": DistMult, "RotatE": RotatE}
ARMS = ("short grid", "full chain", "published denoiser", "published scoring")
#: The numbers of features of the modalities beyond the structural one: those of the usual text and image encoders
FEATURES = {"textual": 384, "visual": 768}


class ChainByChain(DiffHEG):
    """Generate one group after the other, each with all time steps, and its condition anew in each of them."""

    @torch.no_grad()
    def generate(self, condition: Tensor, *, x_end: Tensor | None = None) -> Tensor:
        """Generate embeddings at all levels."""
        chains = []
        for group in self.condition_scale.normalize(self.to_real(condition)):
            noise_of, x_end = self._noise_of(group), torch.randn_like(group)
            chains.append(self.process.sample(noise_of, x_end, levels=self.time_steps, reverse="ddpm"))
        return self.to_target_scale(torch.stack(chains, dim=1), like=condition)

    def _noise_of(self, condition: Tensor) -> Any:
        return lambda x_t, t: self._predict_noise(x_t, t, self.denoiser.encode(condition))


class PublishedDenoiser(nn.Module):
    """A denoiser of the published size, with the interface of ours."""

    prediction = "noise"

    def __init__(self, dim: int, num_timesteps: int) -> None:
        """Initialize the denoiser."""
        super().__init__()
        self.time = SinusoidalTimeEmbedding(num_timesteps=num_timesteps, dim=dim)
        self.time_layers = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))
        self.layers = nn.Sequential(
            nn.LayerNorm(3 * dim),
            nn.Linear(3 * dim, 4 * dim),
            nn.ReLU(),
            nn.LayerNorm(4 * dim),
            nn.Linear(4 * dim, dim),
            nn.Linear(dim, dim),
        )

    def encode(self, condition: Tensor) -> Tensor:
        """Leave the condition as it is."""
        return condition

    def predict(self, x_t: Tensor, t: Tensor, encoded_condition: Tensor) -> Tensor:
        """Predict the noise."""
        times = self.time_layers(self.time(t).expand(x_t.shape))
        prediction: Tensor = self.layers(torch.cat([x_t, times, encoded_condition], dim=-1))
        return prediction


def make_loop(model_name: str, arm: str, args: argparse.Namespace) -> tuple[DHNSTrainingLoop, Iterator[Any]]:
    """Create a training loop, and its batches."""
    torch.manual_seed(0)
    factory = load_graph(args.graph).training
    published_scoring = arm == "published scoring"
    entities = MultimodalRepresentation.configured(
        modalities={name: torch.randn(factory.num_entities, size) for name, size in FEATURES.items()},
        unique=not published_scoring,
    )
    model = MODELS[model_name](
        triples_factory=factory,
        embedding_dim=args.embedding_dim,
        loss="dhns",
        random_seed=0,
        entity_representations=entities,
    )
    loop = DHNSTrainingLoop(
        model=model, triples_factory=factory, optimizer="adam", num_negs_per_pos=args.num_negs, num_timesteps=50
    )
    generator = loop.objective.generator
    assert isinstance(generator, DiffHEG)
    if arm != "short grid":
        generator.__class__ = ChainByChain
    if arm.startswith("published"):
        generator.denoiser = PublishedDenoiser(generator.dim, num_timesteps=50)  # type: ignore[assignment]
        generator.set_optimizer(torch.optim.Adam(generator.parameters()))
    if published_scoring:
        loop.objective.scorer.broadcasts = False
    loop.objective.to_model()
    model.train()
    loader = loop._create_training_data_loader(factory, sampler=None, batch_size=args.batch_size, drop_last=True)
    return loop, iter(loader)


def take_step(loop: DHNSTrainingLoop, batch: Any) -> tuple[float, float]:
    """Take a training step, then generate once more.

    :returns: the CPU seconds that the whole step took, and the generation alone
    """
    objective, generator = loop.objective, loop.objective.generator
    assert generator is not None
    assert loop.objective.generator_optimizer is not None
    start = time.process_time()
    loop.optimizer.zero_grad()
    loop.objective.generator_optimizer.zero_grad()
    loop._process_batch(batch, 0, len(batch["positives"])).backward()
    loop.optimizer.step()
    loop.objective.generator_optimizer.step()
    loop.model.post_parameter_update()
    step = time.process_time() - start
    conditions = objective.adapter.read(batch["positives"], objective.query).conditions
    start = time.process_time()
    generator.generate(conditions)
    return step, time.process_time() - start


def take_steps(model: str, arm: str, args: argparse.Namespace) -> None:
    """Take a few steps."""
    torch.set_num_threads(1)
    loop, batches = make_loop(model, arm, args)
    for _ in range(2):
        take_step(loop, next(batches))


def table(result: dict[str, Any]) -> str:
    """Make a table.

    :param result: a result

    :returns: the table, in Markdown
    """
    header = [
        "model",
        "arm",
        "CPU seconds per step (median)",
        "ratio",
        "generation",
        "ratio",
        "peak memory",
    ]
    cells = []
    for row in result["rows"]:
        ours = next(other for other in result["rows"] if other["model"] == row["model"])
        times = [f"{row[key]:.3f}" for key in ("step", "generation")]
        ratios = [f"{row[key] / ours[key]:.1f}" for key in ("step", "generation")]
        memory = f"{row['peak_memory']:.0f} MiB"
        cells.append([row["model"], row["arm"], times[0], ratios[0], times[1], ratios[1], memory])
    return to_markdown(header, cells, num_text=2)


def main() -> None:
    """Measure and report."""
    parser = make_parser(__doc__, embedding_dim=128, num_negs=64, rounds=5)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--output", type=Path, default=RESULTS / "speed_step")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", module="torch.utils.data")
    torch.set_num_threads(1)
    rows = []
    for model in args.models:
        loops = {arm: make_loop(model, arm, args) for arm in ARMS}
        times: dict[str, list[tuple[float, float]]] = {arm: [] for arm in ARMS}
        for _ in tqdm(range(1 + args.rounds), desc=model, unit="round"):
            for arm, (loop, batches) in loops.items():
                times[arm].append(take_step(loop, next(batches)))
        for arm in ARMS:
            step, generation = (statistics.median(column) for column in zip(*times[arm][1:], strict=True))
            _, memory = run_alone(take_steps, model, arm, args)
            rows.append(
                dict(model=model, arm=arm, step=step, generation=generation, peak_memory=memory, times=times[arm])
            )
    print(table(save_result(args.output / f"{args.graph}.json", describe(args), rows)))


if __name__ == "__main__":
    main()
