"""Short runs, and a generator whose truth is known."""

from collections.abc import Sequence
from typing import Any

import torch
from pykeen.datasets import Nations
from pykeen.models import TransE
from pykeen.pipeline import PipelineResult, pipeline
from torch import Tensor, nn

from pykeen_dhns.inspection.settings import Target
from pykeen_dhns.inspection.sources import Scored, Source


def run(**kwargs: Any) -> PipelineResult:
    """Run the pipeline for a moment."""
    defaults: dict[str, Any] = dict(
        dataset="nations",
        model="RotatE",
        model_kwargs=dict(embedding_dim=4),
        training_kwargs=dict(num_epochs=2, batch_size=256),
        evaluation_kwargs=dict(batch_size=64),
        random_seed=0,
        device="cpu",
        use_tqdm=False,
    )
    return pipeline(**(defaults | kwargs))


#: The triples of the planted source
FACTORY = Nations().training


class Planted(Source):
    """Generates the embedding of the missing tail, plus more noise at each level, and scores entities by their ID."""

    title = "a planted generator"
    generator = "planted"
    levels = (1, 5, 10)
    num_timesteps = 10
    modalities = ("good", "useless")
    #: An entity without the first modality
    without = 3

    def __init__(self, dim: int = 64) -> None:
        """Initialize the source."""
        super().__init__(TransE(triples_factory=FACTORY, embedding_dim=2, random_seed=0), FACTORY)
        self.embeddings = torch.randn(2, self.num_entities, dim, generator=torch.Generator().manual_seed(0))

    @property
    def modules(self) -> Sequence[nn.Module]:
        """Return nothing."""
        return ()

    def embed(self, target: Target) -> tuple[Tensor, Tensor]:
        """Return the embeddings."""
        exists = torch.ones(2, self.num_entities, dtype=torch.bool)
        exists[0, self.without] = False
        return self.embeddings, exists

    def generate(self, triples: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Generate what is missing, for the first modality, and nothing that makes sense, for the second one."""
        true = self.embeddings[0, triples[:, 2 if target == "tail" else 0]]
        noise = torch.randn(3, *true.shape)
        good = true + torch.as_tensor([0.0, 0.5, 20.0]).view(-1, 1, 1) * noise
        samples = torch.stack([good, torch.randn_like(good)], dim=1)
        usable = torch.ones(2, len(triples), dtype=torch.bool)
        usable[0] = triples[:, 0 if target == "tail" else 2] != self.without
        return samples, usable

    def score(self, triples: Tensor) -> Tensor:
        """Score tails by their ID."""
        return triples[..., 2].float()

    def score_generated(self, triples: Tensor) -> Scored:
        """Score what is generated just below, at, and above the positive."""
        positive = self.score(triples)
        generated = positive + torch.as_tensor([1.0, 0.0, -1.0]).view(-1, 1)
        both = torch.stack([generated, generated - 0.5], dim=-1)
        true = torch.stack([positive, positive + 2]).unsqueeze(dim=-1)
        return Scored(positive, both, torch.stack([both, both - 1], dim=1), true)
