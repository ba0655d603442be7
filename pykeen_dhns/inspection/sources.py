"""What generates negatives, as an inspection sees it."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from pykeen.models import Model
from pykeen.sampling import BasicNegativeSampler
from pykeen.triples import CoreTriplesFactory
from torch import Tensor, nn

from .labels import to_model_ids
from .settings import Target
from ..diffusion import RunningScale
from ..sampling.known_triples import KnownTriples

__all__ = ["Scored", "Source", "unit_scale"]


@dataclasses.dataclass
class Scored:
    """What the model thinks of a batch of triples. NaN stands for what does not exist."""

    #: shape: (n,) the scores of the triples
    positive: Tensor
    #: shape: (num_levels, n, num_generated) those of what is generated, both sides
    generated: Tensor
    #: shape: (num_levels, num_modalities, n, num_generated) the same, by modality
    by_modality: Tensor
    #: shape: (num_modalities, n, num_sides) those of the triples, if the entity on one side were nothing but one of its
    #: modalities: the best that can be generated for it
    true_by_modality: Tensor


class Source(ABC):
    """What generates negatives, from triples with the IDs that the model knows."""

    #: What it is, in words
    title: str
    #: What generates: ``diffheg``, or the name of a control
    generator: str
    #: The time steps of the levels, hardest first
    levels: Sequence[int]
    #: The number of time steps
    num_timesteps: int
    #: The names of the modalities
    modalities: Sequence[str]

    def __init__(self, model: Model, training: CoreTriplesFactory) -> None:
        """Initialize the source.

        :param model: the model which is trained with it
        :param training: the triples that it is trained on
        """
        self.model = model
        self.training = training
        #: shape: (num_triples, 3) the training triples
        self.triples = to_model_ids(training, training.mapped_triples)
        self.num_entities: int = training.num_entities
        self.known = KnownTriples(
            self.triples, num_entities=training.num_entities, num_relations=training.num_relations
        )

    @property
    @abstractmethod
    def modules(self) -> Sequence[nn.Module]:
        """Return the modules which take part, other than the model."""

    @abstractmethod
    def embed(self, target: Target) -> tuple[Tensor, Tensor]:
        """Get the embeddings of all entities.

        :param target: which side they are for

        :returns: shape: (num_modalities, num_entities, dim) the embeddings, at unit scale, and
            (num_modalities, num_entities) which of them exist
        """

    @abstractmethod
    def generate(self, triples: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Generate embeddings for one side of triples.

        :param triples: shape: (n, 3) the triples
        :param target: the side

        :returns: shape: (num_levels, num_modalities, n, dim) the embeddings, at unit scale, and (num_modalities, n)
            for which of them there is something to generate from
        """

    @abstractmethod
    def score_generated(self, triples: Tensor) -> Scored:
        """Score triples, and what is generated for them.

        :param triples: shape: (n, 3) the triples

        :returns: the scores
        """

    @abstractmethod
    def score(self, triples: Tensor) -> Tensor:
        """Score triples.

        :param triples: shape: `(*batch_dims, 3)` the triples

        :returns: shape: `batch_dims` the scores
        """

    def choose(self, triples: Tensor, target: Target, num: int) -> Tensor | None:  # noqa: ARG002
        """Draw the entities which become negatives, if they do.

        :param triples: shape: (n, 3) the triples
        :param target: the side
        :param num: how many to draw

        :returns: shape: (num_levels, n, num) the entities, or None, if what is generated stays an embedding
        """
        return None

    def score_uniform(self, triples: Tensor, num_uniform: int) -> Tensor:
        """Score uniform negatives.

        :param triples: shape: (n, 3) the triples
        :param num_uniform: the number of uniform negatives for each of them

        :returns: shape: (n, num_uniform) their scores, NaN for known triples
        """
        sampler = BasicNegativeSampler(
            mapped_triples=self.triples,
            num_entities=self.training.num_entities,
            num_relations=self.training.num_relations,
            num_negs_per_pos=num_uniform,
        )
        negatives = sampler.corrupt_batch(triples)
        return self.score(negatives).masked_fill(self.known.contains(negatives).to(self.model.device), torch.nan)

    def known_answers(self, triples: Tensor, target: Target) -> Tensor:
        """Find which entities complete triples to known ones.

        :param triples: shape: (n, 3) the triples
        :param target: the side

        :returns: shape: (n, num_entities) whether they do
        """
        completions = triples.unsqueeze(dim=1).repeat(1, self.num_entities, 1)
        completions[..., 0 if target == "head" else 2] = torch.arange(self.num_entities)
        return self.known.contains(completions)

    def level_names(self) -> list[str]:
        """Name the levels.

        :returns: their names, hardest first
        """
        return [f"t = {level} of {self.num_timesteps}" for level in self.levels]


def unit_scale(scale: RunningScale, x: Tensor, groups: slice) -> Tensor:
    """Bring some groups of embeddings to unit scale.

    :param scale: the scales of all groups
    :param x: shape: `(num_levels, num_groups, *batch_dims, dim)` embeddings
    :param groups: the groups to select

    :returns: shape: `(num_levels, num_selected, *batch_dims, dim)` the embeddings
    """
    # the scale wants the groups first
    return scale.normalize(x.transpose(0, 1))[groups].transpose(0, 1)
