"""Where generated negatives come from: the training loop, or the sampler.

The measures only know :class:`Source`. What they need from training loop and sampler is collected here.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from pykeen.constants import TARGET_TO_INDEX
from pykeen.models import Model
from pykeen.triples import CoreTriplesFactory
from pykeen.typing import InductiveMode
from pykeen.utils import upgrade_to_sequence
from torch import Tensor, nn
from typing_extensions import override

from ..generators import EmbeddingGenerator
from ..queries.base import Query
from ..sampling.columns import ColumnLayout
from ..sampling.known_triples import KnownTriples
from ..sampling.sampler import DHNSNegativeSampler
from ..training.model_adapter import ModelAdapter

__all__ = ["LoopSource", "SamplerSource", "Source", "Target"]

#: The side of a triple that is generated
Target = Literal["tail", "head"]
#: The sides in the order in which generators have them
SIDES = ("head", "tail")
#: How many further triples the sampler sees with a few examples, so that its pool of candidates is not too small
NUM_CONTEXT = 256


class Source(ABC):
    """A trained generator, and the model whose negatives it generates. Relations have the IDs that the model knows."""

    #: What the report calls it
    title: ClassVar[str]
    #: The names of the modalities
    modalities: Sequence[str]
    #: The names of further modalities that the model has, but that are not generated
    other_modalities: Sequence[str] = ()
    #: The modules that take part, besides the model
    modules: Sequence[nn.Module] = ()
    #: The inductive mode of the model
    mode: InductiveMode | None = None

    def __init__(self, model: Model, training: CoreTriplesFactory, generator: EmbeddingGenerator) -> None:
        """Initialize the source.

        :param model: the model
        :param training: the triples that it was trained on
        :param generator: the generator
        """
        self.model = model
        self.generator = generator
        #: The names of the levels, hardest first
        self.levels = [f"t = {step} of {generator.process.num_timesteps}" for step in generator.time_steps]
        entities, relations = (getattr(training, f"{name}_id_to_label", {}) for name in ("entity", "relation"))
        #: The labels of entities, or their IDs if there are no labels
        self.entities = [str(entities.get(i, i)) for i in range(training.num_entities)]
        # With inverse relations, the model has two IDs for each relation.
        factor = 2 if training.create_inverse_triples else 1
        #: The labels of relations, by the ID that the model knows
        self.relations = {factor * i: str(relations.get(i, i)) for i in range(training.real_num_relations)}
        #: shape: (num_triples, 3) the training triples
        self.triples = training.mapped_triples * torch.as_tensor([1, factor, 1])
        self.known = KnownTriples(
            self.triples, num_entities=training.num_entities, num_relations=training.num_relations
        )

    @abstractmethod
    def embed(self, target: Target) -> Tensor:
        """Return the embeddings of all entities.

        :param target: the side that they are for

        :returns: shape: (num_modalities, num_entities, dim) the embeddings at unit scale, NaN where an entity lacks the
            modality
        """

    @abstractmethod
    def generate(self, triples: Tensor, target: Target) -> Tensor:
        """Generate embeddings for one side of triples.

        :param triples: shape: (n, 3) the triples
        :param target: the side

        :returns: shape: (num_levels, num_modalities, n, dim) the embeddings at unit scale, NaN where the known entity
            lacks the modality
        """

    @abstractmethod
    def score_generated(self, triples: Tensor) -> Tensor:
        """Score what is generated for both sides of triples, with all modalities together.

        :param triples: shape: (n, 3) the triples

        :returns: shape: (num_levels, n, 2) the scores
        """

    def sample_negatives(self, triples: Tensor, target: Target, num: int) -> Tensor | None:  # noqa: ARG002
        """Generate the entities that become negatives.

        :param triples: shape: (n, 3) the triples
        :param target: the side
        :param num: how many to generate

        :returns: shape: (num_levels, n, num) the entities, or None if the negatives are embeddings
        """
        return None

    def score(self, triples: Tensor) -> Tensor:
        """Score triples.

        :param triples: shape: `(*batch_dims, 3)` the triples

        :returns: shape: `batch_dims` the scores
        """
        flat = triples.reshape(-1, 3).to(self.model.device)
        return self.model.score_hrt(flat, mode=self.mode).view(triples.shape[:-1])

    def find_answers(self, triples: Tensor, target: Target) -> Tensor:
        """Find all entities that complete triples to known ones.

        :param triples: shape: (n, 3) the triples
        :param target: the side

        :returns: shape: (n, num_entities) whether an entity does
        """
        completions = triples.unsqueeze(dim=1).repeat(1, len(self.entities), 1)
        completions[..., TARGET_TO_INDEX[target]] = torch.arange(len(self.entities))
        return self.known.contains(completions)

    def label_triples(self, triples: Tensor) -> dict[str, list[str]]:
        """Return the labels of triples.

        :param triples: shape: (n, 3) the triples

        :returns: the labels, as columns ``head``, ``relation``, and ``tail``
        """
        heads, relations, tails = triples.t().tolist()
        return {
            "head": [self.entities[i] for i in heads],
            "relation": [self.relations[i] for i in relations],
            "tail": [self.entities[i] for i in tails],
        }

    def _normalize(self, samples: Tensor) -> Tensor:
        """Bring generated embeddings to unit scale, shape: (num_levels, num_groups, n, dim)."""
        # The scale expects the groups first.
        return self.generator.target_scale.normalize(samples.transpose(0, 1)).transpose(0, 1)


class LoopSource(Source):
    """The generator of :class:`pykeen_dhns.DHNSTrainingLoop`, which generates embeddings of the model's entities."""

    title = "the training loop's generator"

    def __init__(
        self,
        model: Model,
        training: CoreTriplesFactory,
        *,
        generator: EmbeddingGenerator,
        query: Query,
        multimodal: bool,
        mode: InductiveMode | None,
    ) -> None:
        """Initialize the source.

        :param model: the model
        :param training: the triples that it was trained on
        :param generator: the generator
        :param query: the query, which computes what the generator is conditioned on
        :param multimodal: whether there is an embedding for each modality
        :param mode: the inductive mode of the model
        """
        super().__init__(model, training, generator)
        self._adapter = ModelAdapter(model, mode=mode, multimodal=multimodal)
        self._query = query
        self.modalities = self._adapter.names
        names = ModelAdapter(model, mode=mode, multimodal=True).names
        self.other_modalities = [name for name in names if name not in self.modalities]
        self.modules = (generator, query)
        self.mode = mode

    @override
    def embed(self, target: Target) -> Tensor:
        embeddings, exist = self._adapter.read_entities(torch.arange(len(self.entities), device=self.model.device))
        unit = self.generator.target_scale.normalize(embeddings).masked_fill(~exist.unsqueeze(dim=-1), torch.nan)
        return unit.chunk(2)[SIDES.index(target)].cpu()

    @override
    def generate(self, triples: Tensor, target: Target) -> Tensor:
        batch = self._adapter.read(triples.to(self.model.device), self._query)
        unit = self._normalize(self.generator.generate(batch.conditions))
        if batch.usable is not None:
            unit = unit.masked_fill(~batch.usable.unsqueeze(dim=-1), torch.nan)
        return unit.chunk(2, dim=1)[SIDES.index(target)].cpu()

    @override
    def score_generated(self, triples: Tensor) -> Tensor:
        triples = triples.to(self.model.device)
        batch = self._adapter.read(triples, self._query)
        h, r, t = triples.unbind(dim=-1)
        parts = self._adapter.model._get_representations(h=h, r=r, t=t, mode=self.mode)
        heads, relations, tails = map(upgrade_to_sequence, parts)
        samples = self.generator.generate(batch.conditions)
        scores = self._adapter.score(samples, heads=heads, relations=relations, tails=tails)
        return self._adapter.joint_score(scores, batch.usable).transpose(-2, -1)


class SamplerSource(Source):
    """The generator of :class:`pykeen_dhns.DHNSNegativeSampler`, whose embeddings are mapped to entities."""

    title = "the sampler's generator"
    modalities = ("proxy model",)

    def __init__(self, model: Model, training: CoreTriplesFactory, sampler: DHNSNegativeSampler) -> None:
        """Initialize the source.

        :param model: the model that was trained with the sampler
        :param training: the triples that it was trained on
        :param sampler: the sampler
        """
        super().__init__(model, training, sampler.entity_generator.generator)
        self._sampler = sampler
        self._proxy_model = sampler.entity_generator.proxy_model
        self.modules = (sampler,)

    @override
    def embed(self, target: Target) -> Tensor:
        embeddings = self._proxy_model.entity.weight.detach().unsqueeze(dim=0)
        return self.generator.target_scale.normalize(embeddings).cpu()

    @override
    def generate(self, triples: Tensor, target: Target) -> Tensor:
        # The sampler's device may differ from the model's.
        queries = self._proxy_model.queries(triples.to(self._proxy_model.entity.weight.device))
        return self._normalize(self.generator.generate(queries[SIDES.index(target)].unsqueeze(dim=0))).cpu()

    def _corrupt(self, triples: Tensor, num_chains: int) -> tuple[Tensor, Tensor]:
        """Corrupt triples at all levels, shapes: (num_levels, n, num_chains, 3), and without 3 the columns."""
        shape = (len(self.levels), num_chains)
        layout = ColumnLayout.create(len(self.levels) * num_chains, hard_fraction=1.0, levels=self.generator.levels)
        negatives, columns = self._sampler.generate(triples, layout)
        return negatives.unflatten(1, shape).transpose(0, 1), columns.unflatten(1, shape).transpose(0, 1)

    @override
    def score_generated(self, triples: Tensor) -> Tensor:
        # Chains alternate between the sides, so two of them cover both.
        negatives, _ = self._corrupt(triples, num_chains=2)
        return self.score(negatives)

    @override
    def sample_negatives(self, triples: Tensor, target: Target, num: int) -> Tensor:
        context = self.triples[torch.randint(len(self.triples), size=(NUM_CONTEXT,))]
        # Half of the chains is for the other side.
        negatives, columns = self._corrupt(torch.cat([triples, context]), num_chains=2 * num)
        index = TARGET_TO_INDEX[target]
        entities = negatives[:, : len(triples), :, index]
        return entities[columns[:, : len(triples)] == index].view(len(self.levels), len(triples), num)
