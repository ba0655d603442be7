"""Short runs, and a source whose generated embeddings are known."""

from typing import Any

import torch
from pykeen.datasets import Nations
from pykeen.models import TransE
from pykeen.pipeline import PipelineResult, pipeline
from torch import Tensor
from typing_extensions import override

from pykeen_dhns import DHNSNegativeSampler
from pykeen_dhns.generators import GaussianNoise
from pykeen_dhns.inspection import KeepSampler, Source
from pykeen_dhns.inspection.sources import Target

#: The triples of the planted source
FACTORY = Nations().training


def run(**kwargs: Any) -> PipelineResult:
    """Run a short pipeline."""
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


def run_with_sampler(**kwargs: Any) -> tuple[PipelineResult, DHNSNegativeSampler]:
    """Run a short pipeline whose sampler generates negatives, and keep the sampler."""
    keeper = KeepSampler()
    training_kwargs = dict(num_epochs=2, batch_size=256, callbacks=keeper)
    result = run(negative_sampler="dhns", training_kwargs=training_kwargs, **kwargs)
    assert isinstance(keeper.sampler, DHNSNegativeSampler)
    return result, keeper.sampler


class Planted(Source):
    """Generates the embedding of the missing entity, with more noise at each level, and scores entities by their ID.

    The second modality is generated at random.
    """

    title = "a planted generator"
    modalities = ("good", "useless")
    #: An entity without the first modality
    without = 3

    def __init__(self, dim: int = 64) -> None:
        """Initialize the source."""
        generator = GaussianNoise(dim, num_timesteps=10, levels=[0.1, 0.5, 1.0])
        super().__init__(TransE(triples_factory=FACTORY, embedding_dim=2, random_seed=0), FACTORY, generator)
        self.embeddings = torch.randn(2, len(self.entities), dim, generator=torch.Generator().manual_seed(0))
        self.embeddings[0, self.without] = torch.nan

    @override
    def embed(self, target: Target) -> Tensor:
        return self.embeddings

    @override
    def generate(self, triples: Tensor, target: Target) -> Tensor:
        known, missing = (triples[:, i] for i in ((0, 2) if target == "tail" else (2, 0)))
        embeddings = self.embeddings[0, missing].nan_to_num(nan=1.0)
        embeddings[known == self.without] = torch.nan
        good = embeddings + torch.as_tensor([0.0, 0.5, 20.0]).view(-1, 1, 1) * torch.randn(3, *embeddings.shape)
        return torch.stack([good, torch.randn_like(good)], dim=1)

    @override
    def score(self, triples: Tensor) -> Tensor:
        return triples[..., 2].float()

    @override
    def score_generated(self, triples: Tensor) -> Tensor:
        shifts = torch.as_tensor([[1.0, 0.5], [0.0, -0.5], [-1.0, -1.5]])
        return self.score(triples).view(1, -1, 1) + shifts.view(3, 1, 2)
