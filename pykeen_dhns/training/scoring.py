"""Score positives and sampled negatives, with as few look-ups as possible."""

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from pykeen.nn.modules import RotatEInteraction
from pykeen.nn.representation import Representation
from pykeen.utils import get_batchnorm_modules, get_dropout_modules, upgrade_to_sequence
from torch import Tensor
from torch.nn import functional

from .model_adapter import ModelAdapter
from ..losses.dense import to_dense
from ..queries.layout import Representations

__all__ = ["ScoredTriples", "TripleScorer"]


@dataclasses.dataclass
class ScoredTriples:
    """The scores of a batch, and the representations of its positives."""

    #: shape: (batch_size, 1)
    positive: Tensor
    #: shape: (batch_size, num_negs_per_pos), anything where a negative is masked
    negative: Tensor
    #: shape: `(batch_size, *shape_i)`, each
    heads: Representations
    relations: Representations
    tails: Representations
    #: shape: `(num_shared_negs, *shape_i)`, each, the entities of the pool, as heads and as tails. Empty without one.
    pool_heads: Representations = ()
    pool_tails: Representations = ()


@dataclasses.dataclass
class _Rows:
    """The rows of a batch, by what was corrupted in all of their negatives."""

    #: only heads
    head: Tensor
    #: only tails
    tail: Tensor
    #: heads in some, and tails in others
    mixed: Tensor
    #: relations, too
    other: Tensor

    @classmethod
    def partition(cls, positives: Tensor, negatives: Tensor) -> "_Rows":
        same = negatives == positives.unsqueeze(dim=1)
        # each of shape (batch_size,)
        head, relation, tail = same.all(dim=1).t()
        is_tail = head & relation
        is_head = relation & tail & ~is_tail
        masks = (is_head, is_tail, relation & ~(is_head | is_tail), ~relation)
        return cls(*(mask.nonzero().squeeze(dim=-1) for mask in masks))


class TripleScorer:
    """Scores a batch of positives and their sampled negatives.

    PyKEEN scores each negative as a triple of its own: three look-ups each, and as many rows of gradients. But a
    negative differs from its positive in one entity only. If all negatives of a positive have the same side corrupted,
    this looks up the corrupted entities only, and the interaction broadcasts the rest. All entities of a batch are
    looked up in a single call, which matters where representations are more than a look-up.

    The scores are the same. Batch normalisation and dropout depend on what else is in a call, and regularisers on how
    often something is looked up. With these, each negative is scored as a triple of its own, as in PyKEEN, unless a
    filter has left it out.
    """

    def __init__(self, adapter: ModelAdapter) -> None:
        """Initialize the scorer.

        :param adapter: the adapter of the model
        """
        self.adapter = adapter
        self.model = adapter.model
        #: Whether to broadcast where it is possible
        self.broadcasts = True

    @property
    def can_broadcast(self) -> bool:
        """Return whether broadcasting leaves the loss as it is."""
        parts = [*self.adapter.entities, *self.adapter.relations, self.model.interaction]
        modules = [module for part in parts for module in part.modules()]
        return self.broadcasts and not (
            # a representation may be made of others
            any(isinstance(module, Representation) and module.regularizer is not None for module in modules)
            or any(getattr(dropout, "p", 0) > 0 for part in parts for dropout in get_dropout_modules(part))
            or get_batchnorm_modules(self.model)
        )

    def score(
        self, positives: Tensor, negatives: Tensor, masks: Tensor | None = None, pool: Tensor | None = None
    ) -> ScoredTriples:
        """Score a batch.

        :param positives: shape: (batch_size, 3) the positive triples
        :param negatives: shape: (batch_size, num_negs_per_pos, 3) their negatives
        :param masks: shape: (batch_size, num_negs_per_pos) which of the negatives a filter has left. If None, all.
            The others need not be valid triples.
        :param pool: shape: (num_shared_negs,) entities to look up together with those of the batch

        :returns: the scores, and the representations
        """
        if self.can_broadcast:
            if masks is not None:
                # Something must be looked up. Its score has no effect.
                negatives = torch.where(masks.unsqueeze(dim=-1), negatives, positives.unsqueeze(dim=1))
            return self._score_by_side(positives, negatives, pool)
        device = self.model.device
        # Positives come first, as in PyKEEN: random numbers of dropout, and statistics of batch normalisation, depend
        # on the order.
        heads, relations, tails = self._look_up(positives.to(device))
        positive = self.adapter.interact(heads, relations, tails).unsqueeze(dim=-1)
        kept = negatives if masks is None else negatives[masks]
        scores = positive.new_zeros(0)
        if kept.numel():
            scores = self.model.score_hrt(kept.reshape(-1, 3).to(device), mode=self.adapter.mode)
        result = ScoredTriples(
            positive=positive,
            negative=to_dense(scores.view(kept.shape[:-1]), None if masks is None else masks.to(device)),
            heads=heads,
            relations=relations,
            tails=tails,
        )
        if pool is not None:
            self._add_pool(result, self._look_up_entities({"pool": pool.to(device)}))
        return result

    def _add_pool(self, scored: ScoredTriples, entities: Mapping[str, Representations]) -> None:
        """Add the representations of a pool, which were looked up for both sides at once."""
        parts = dict(zip(self.adapter.entity_indices, entities["pool"], strict=True))
        scored.pool_heads = [parts[i] for i in self.adapter.head_indices]
        scored.pool_tails = [parts[i] for i in self.adapter.tail_indices]

    def _look_up(self, triples: Tensor) -> tuple[Representations, Representations, Representations]:
        h, r, t = triples.unbind(dim=-1)
        sides = self.model._get_representations(h=h, r=r, t=t, mode=self.adapter.mode)
        heads, relations, tails = map(upgrade_to_sequence, sides)
        return heads, relations, tails

    def _score_by_side(self, positives: Tensor, negatives: Tensor, pool: Tensor | None) -> ScoredTriples:
        device = self.model.device
        # on the device of the batch, so that nothing has to wait for the model's
        rows = _Rows.partition(positives, negatives)
        mixed, other = negatives[rows.mixed], negatives[rows.other]
        ids = {
            "heads": positives[:, 0],
            "tails": positives[:, 2],
            "corrupted_heads": negatives[rows.head, :, 0],
            "corrupted_tails": negatives[rows.tail, :, 2],
            "mixed_heads": mixed[..., 0],
            "mixed_tails": mixed[..., 2],
            "other_heads": other[..., 0],
            "other_tails": other[..., 2],
        }
        if pool is not None:
            ids["pool"] = pool
        entities = self._look_up_entities({key: value.to(device) for key, value in ids.items()})
        heads, tails = entities["heads"], entities["tails"]
        relations = self._look_up_relations(positives[:, 1].to(device))

        positive = self.adapter.interact(heads, relations, tails).unsqueeze(dim=-1)
        negative = positive.new_zeros(len(positives), 0)
        if negatives.shape[1]:
            negative = self._score_negatives(rows, entities, relations, other[..., 1])
        result = ScoredTriples(positive=positive, negative=negative, heads=heads, relations=relations, tails=tails)
        if pool is not None:
            self._add_pool(result, entities)
        return result

    def _score_negatives(
        self, rows: _Rows, entities: dict[str, Representations], relations: Representations, other_relations: Tensor
    ) -> Tensor:
        """Score negatives by what was corrupted, shape: (batch_size, num_negs_per_pos)."""
        device = self.model.device
        scores, interact = [], self.adapter.interact
        if len(rows.head):
            index = rows.head.to(device)
            tails = _select(entities["tails"], index)
            scores.append(interact(entities["corrupted_heads"], _select(relations, index), tails))
        if len(rows.tail):
            index = rows.tail.to(device)
            heads, tails = _select(entities["heads"], index), entities["corrupted_tails"]
            if isinstance(self.model.interaction, RotatEInteraction):
                # It rotates the side that is smaller. PyKEEN scores triples, where this is the tail.
                heads = [part.expand(-1, tail.shape[1], -1) for part, tail in zip(heads, tails, strict=True)]
            scores.append(interact(heads, _select(relations, index), tails))
        if len(rows.mixed):
            index = rows.mixed.to(device)
            scores.append(interact(entities["mixed_heads"], _select(relations, index), entities["mixed_tails"]))
        if len(rows.other):
            parts = self._look_up_relations(other_relations.to(device))
            scores.append(interact(entities["other_heads"], parts, entities["other_tails"]))
        order = torch.cat([rows.head, rows.tail, rows.mixed, rows.other]).argsort().to(device)
        return torch.cat(scores)[order]

    def _look_up_relations(self, indices: Tensor) -> Representations:
        return [r(indices=indices) for r in self.adapter.relations]

    def _look_up_entities(self, ids: dict[str, Tensor]) -> dict[str, Representations]:
        """Look up entities, with a single call of each representation.

        :param ids: shape: any, the entities, by role. The role's name says whether the role is that of heads or tails.
            Any other role is that of both.

        :returns: shape: `(*shape_of_ids, *shape_i)` their representations, by role
        """
        sides = {"heads": self.adapter.head_indices, "tails": self.adapter.tail_indices}
        wanted = {key: sides.get(key.split("_")[-1], self.adapter.entity_indices) for key in ids}
        parts = {}
        for i in self.adapter.entity_indices:
            keys = [key for key in ids if i in wanted[key]]
            for key, part in zip(keys, _look_up(self.adapter.entities[i], [ids[key] for key in keys]), strict=True):
                parts[key, i] = part
        return {key: [parts[key, i] for i in indices] for key, indices in wanted.items()}


def _look_up(representation: Representation, ids: Sequence[Tensor]) -> Sequence[Tensor]:
    """Look up several batches of IDs at once.

    :param representation: the representation
    :param ids: shape: any, the batches

    :returns: shape: `(*shape_of_ids, *shape)`, their representations
    """
    everything = torch.cat([x.flatten() for x in ids])
    sizes = [x.numel() for x in ids]
    if representation.unique and type(representation).forward is Representation.forward:
        # as the representation does itself, but by a look-up, whose gradient is faster than that of indexing
        unique, inverse = everything.unique(return_inverse=True)
        x = representation._plain_forward(unique)
        x = x if representation.normalizer is None else representation.normalizer(x)
        parts = [_take(x, index) for index in inverse.split(sizes)]
    else:
        parts = list(representation(indices=everything).split(sizes))
    return [part.view(*index.shape, *part.shape[1:]) for part, index in zip(parts, ids, strict=True)]


def _take(x: Tensor, index: Tensor) -> Tensor:
    """Select rows.

    :param x: shape: `(num_rows, *shape)` the rows, real or complex
    :param index: shape: (num_selected,) which of them

    :returns: shape: `(num_selected, *shape)` the selected rows
    """
    real = torch.view_as_real(x) if x.is_complex() else x
    selected = functional.embedding(index, real.reshape(len(real), -1)).view(len(index), *real.shape[1:])
    return torch.view_as_complex(selected) if x.is_complex() else selected


def _select(parts: Representations, index: Tensor) -> Representations:
    """Select rows, with a dimension to broadcast over negatives."""
    return [part[index].unsqueeze(dim=1) for part in parts]
