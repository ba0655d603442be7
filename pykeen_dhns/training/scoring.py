"""Score positives and sampled negatives, with as few look-ups as possible."""

import dataclasses
from collections.abc import Sequence

import torch
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

    The scores are the same. Batch normalisation and dropout depend on what else is in a call, and regularisers of
    entity representations on how often an entity is looked up. With these, each negative is scored as a triple of its
    own, as in PyKEEN, unless a filter has left it out.
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
        return self.broadcasts and not (
            any(r.regularizer is not None for r in self.adapter.entities)
            or any(getattr(dropout, "p", 0) > 0 for part in parts for dropout in get_dropout_modules(part))
            or get_batchnorm_modules(self.model)
        )

    def score(self, positives: Tensor, negatives: Tensor, masks: Tensor | None = None) -> ScoredTriples:
        """Score a batch.

        :param positives: shape: (batch_size, 3) the positive triples
        :param negatives: shape: (batch_size, num_negs_per_pos, 3) their negatives
        :param masks: shape: (batch_size, num_negs_per_pos) which of the negatives a filter has left. If None, all.

        :returns: the scores
        """
        if self.can_broadcast:
            # on the device of the batch, so that nothing has to wait for the model's
            rows = _Rows.partition(positives, negatives)
            # the relation of a positive counts as often as it has negatives
            if not (self._has_relation_regularizer and (len(rows.other) or not (masks is None or masks.all()))):
                return self._score_by_side(positives, negatives, rows)
        device = self.model.device
        heads, relations, tails = self._look_up(positives.to(device))
        kept = negatives if masks is None else negatives[masks]
        negative = self.model.score_hrt(kept.reshape(-1, 3).to(device), mode=self.adapter.mode).view(kept.shape[:-1])
        return ScoredTriples(
            positive=self.adapter.interact(heads, relations, tails).unsqueeze(dim=-1),
            negative=to_dense(negative, None if masks is None else masks.to(device)),
            heads=heads,
            relations=relations,
            tails=tails,
        )

    def _look_up(self, triples: Tensor) -> tuple[Representations, Representations, Representations]:
        h, r, t = triples.unbind(dim=-1)
        sides = self.model._get_representations(h=h, r=r, t=t, mode=self.adapter.mode)
        heads, relations, tails = map(upgrade_to_sequence, sides)
        return heads, relations, tails

    def _score_by_side(self, positives: Tensor, negatives: Tensor, rows: _Rows) -> ScoredTriples:
        device = self.model.device
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
        entities = self._look_up_entities({key: value.to(device) for key, value in ids.items()})
        heads, tails = entities["heads"], entities["tails"]
        relation_ids = positives[:, 1].to(device)
        relations = repeated = self._look_up_relations(relation_ids)
        if self._has_relation_regularizer:
            # Each look-up is regularised. Negatives count like positives, so they get one of their own.
            repeated = self._look_up_relations(relation_ids)

        scores, interact = [], self.adapter.interact
        if len(rows.head):
            index = rows.head.to(device)
            scores.append(interact(entities["corrupted_heads"], _select(repeated, index), _select(tails, index)))
        if len(rows.tail):
            index = rows.tail.to(device)
            scores.append(interact(_select(heads, index), _select(repeated, index), entities["corrupted_tails"]))
        if len(rows.mixed):
            index = rows.mixed.to(device)
            scores.append(interact(entities["mixed_heads"], _select(repeated, index), entities["mixed_tails"]))
        if len(rows.other):
            other_relations = self._look_up_relations(other[..., 1].to(device))
            scores.append(interact(entities["other_heads"], other_relations, entities["other_tails"]))
        order = torch.cat([rows.head, rows.tail, rows.mixed, rows.other]).argsort().to(device)
        return ScoredTriples(
            positive=self.adapter.interact(heads, relations, tails).unsqueeze(dim=-1),
            negative=torch.cat(scores)[order],
            heads=heads,
            relations=relations,
            tails=tails,
        )

    @property
    def _has_relation_regularizer(self) -> bool:
        return any(r.regularizer is not None for r in self.adapter.relations)

    def _look_up_relations(self, indices: Tensor) -> Representations:
        return [r(indices=indices) for r in self.adapter.relations]

    def _look_up_entities(self, ids: dict[str, Tensor]) -> dict[str, Representations]:
        """Look up entities, with a single call of each representation.

        :param ids: shape: any, the entities, by role. The role's name says whether the role is that of heads or tails.

        :returns: shape: `(*shape_of_ids, *shape_i)` their representations, by role
        """
        heads, tails = self.adapter.head_indices, self.adapter.tail_indices
        wanted = {key: heads if key.endswith("heads") else tails for key in ids}
        parts = {}
        for i in sorted({*heads, *tails}):
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
