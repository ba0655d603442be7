"""From generated embeddings of the proxy model to entity IDs."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .columns import ColumnLayout
from .proxy_model import ProxyModel
from .selection import Selection
from ..generators import EmbeddingGenerator
from ..utils.occurrences import find_occurrences

__all__ = ["EntityGenerator"]

#: After so many passes over the triples, and so many steps, it is enough to learn from a share of the batches
SETTLED_PASSES = 5
SETTLED_STEPS = 500
SETTLED_SHARE = 0.25


class EntityGenerator(nn.Module):
    """Generate entities for one side of triples, at all levels.

    The generator makes embeddings, and the selection maps them to entities from a random pool of candidates. The pool
    is the same for a whole batch, so similarities are matrix products. Every entity can get into it.
    """

    def __init__(
        self,
        proxy_model: ProxyModel,
        generator: EmbeddingGenerator,
        selection: Selection,
        num_candidates: int,
        guidance: float = 0.0,
    ) -> None:
        """Initialize the module.

        :param proxy_model: the source of embeddings
        :param generator: the generator of embeddings
        :param selection: the strategy to choose from the candidates
        :param num_candidates: the size of the pool of candidates
        :param guidance: how far to turn generated embeddings towards the proxy model's query, in [0, 1]
        """
        super().__init__()
        self.proxy_model = proxy_model
        self.generator = generator
        self.selection = selection
        self.num_candidates = num_candidates
        self.guidance = guidance

    def draw_candidates(self, positives: Tensor) -> Tensor:
        """Draw a pool of candidates: half of it uniformly, half of it from the entities of the batch.

        The more triples an entity has, the more often it is in a batch. Models tend to score such entities higher, so
        these make harder negatives. The uniform half ensures that every entity can be drawn.

        :param positives: shape: (batch_size, 3) the positive triples

        :returns: shape: (num_candidates,) entities, possibly repeated. All of them, if there are no more than that.
        """
        num_entities = self.proxy_model.entity.num_embeddings
        if num_entities <= self.num_candidates:
            return torch.arange(num_entities, device=positives.device)
        num_uniform = (self.num_candidates + 1) // 2
        uniform = torch.randint(num_entities, size=(num_uniform,), device=positives.device)
        entities = positives[:, ::2].flatten()
        index = torch.randint(len(entities), size=(self.num_candidates - num_uniform,), device=positives.device)
        return torch.cat([uniform, entities[index]])

    def should_learn(self, batch_size: int, num_triples: int) -> bool:
        """Decide whether to learn from a batch: at first from each, then from some of them, which costs less.

        :param batch_size: the number of triples in the batch
        :param num_triples: the number of triples of the graph

        :returns: whether to learn from it
        """
        num_steps = self.proxy_model.num_steps
        settled = num_steps >= SETTLED_STEPS and num_steps * batch_size >= SETTLED_PASSES * num_triples
        return not settled or bool(torch.rand(()) < SETTLED_SHARE)

    @torch.enable_grad()
    def learn(self, positives: Tensor, candidates: Tensor) -> None:
        """Update proxy model and generator by one step each.

        :param positives: shape: (batch_size, 3) the positive triples
        :param candidates: shape: (num_candidates,) the candidates
        """
        self.proxy_model.update(positives, candidates)
        with torch.no_grad():
            targets, queries = self.proxy_model.targets(positives), self.proxy_model.queries(positives)
        self.generator.update(targets.unsqueeze(dim=0), queries.unsqueeze(dim=0))

    def generate_embeddings(self, queries: Tensor) -> Tensor:
        """Generate embeddings at all levels.

        :param queries: shape: (batch_size, num_chains, dim) the queries for the missing entities

        :returns: shape: (num_levels, batch_size, num_chains, dim) the embeddings
        """
        return self.generator.generate(queries.unsqueeze(dim=0)).squeeze(dim=1)

    def guide(self, samples: Tensor, queries: Tensor) -> Tensor:
        """Turn generated embeddings towards the queries.

        :param samples: shape: (num_levels, batch_size, num_chains, dim) the embeddings
        :param queries: shape: (batch_size, num_chains, dim) the queries for the missing entities

        :returns: shape: (num_levels, batch_size, num_chains, dim) the embeddings. Only their directions matter.
        """
        if not self.guidance:
            return samples
        scale = self.generator.target_scale
        sample, query = (functional.normalize(scale.normalize(x.unsqueeze(dim=0)), dim=-1) for x in (samples, queries))
        return scale.denormalize(torch.lerp(sample, query.unsqueeze(dim=1), self.guidance)).squeeze(dim=0)

    @torch.no_grad()
    def generate(
        self, positives: Tensor, candidates: Tensor, layout: ColumnLayout, corrupted_columns: Sequence[int] = (0, 2)
    ) -> tuple[Tensor, Tensor]:
        """Generate entities.

        A chain of the reverse process passes all levels, and serves one column of each. Chains alternate between the
        sides, over rows as well as over columns, so both sides get equal shares. In an odd batch, one side has a row
        more, so the first one is drawn.

        :param positives: shape: (batch_size, 3) the positive triples
        :param candidates: shape: (num_candidates,) the candidates
        :param layout: the layout of the columns
        :param corrupted_columns: which columns of triples to generate entities for, 0 for head, 2 for tail

        :returns: shape: (batch_size, num_generated) the entities, and the columns of triples that they are for. Known
            triples and, rarely, the positive itself may be among them.
        """
        device = positives.device
        row = torch.arange(len(positives), device=device).unsqueeze(dim=-1)
        sides = torch.as_tensor(corrupted_columns, device=device) // 2
        first = torch.randint(len(sides), size=(1,), device=device) if len(positives) % len(sides) else 0
        # shape: (batch_size, num_chains), 0 for head, 1 for tail
        side = sides[(row + torch.arange(layout.num_chains, device=device) + first) % len(sides)]
        queries = self.proxy_model.queries(positives)[side, row]
        true = positives[:, ::2].gather(1, side)
        entities = self.proxy_model.entity(candidates)

        # for each row, chain and candidate
        positive_score = (queries * self.proxy_model.entity(true)).sum(dim=-1, keepdim=True)
        excess = (queries @ entities.t()).sub_(positive_score)
        excess.flatten(end_dim=1)[find_occurrences(true.flatten(), candidates)] = float("inf")
        admissible = self.selection.admits(excess)

        # shape: (num_levels, batch_size, num_chains, dim). Each column takes what it needs.
        samples = self.guide(self.generate_embeddings(queries), queries)
        level, chain = (torch.as_tensor(x, device=device) for x in (layout.generated, layout.chains))
        # for each generated column, row and candidate
        similarity = self.generator.similarity(
            samples[level, :, chain].unsqueeze(dim=0), level, entities.unsqueeze(dim=0)
        ).squeeze(dim=0)
        index = self.selection.choose(similarity, admissible.transpose(0, 1)[chain])
        return candidates[index].t(), 2 * side[:, chain]
