"""What the generator needs of the model: embeddings by modality, conditions, and scores of generated embeddings."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from pykeen.models import ERModel, Model
from pykeen.nn.representation import Embedding, Representation
from pykeen.typing import InductiveMode
from pykeen.utils import unpack_singletons
from torch import Tensor

from ..multimodal.modalities import STRUCTURAL
from ..multimodal.representation import MultimodalRepresentation
from ..queries.base import Query
from ..queries.layout import Representations, VectorLayout
from ..queries.registry import make_query
from ..utils.module_state import evaluation_mode

__all__ = ["AnyModel", "GeneratorBatch", "ModelAdapter", "UnsupportedModelError"]

#: A model, whatever its representations are
AnyModel: TypeAlias = ERModel[Any, Any, Any]


class UnsupportedModelError(TypeError):
    """Raised for models whose embeddings cannot be generated."""

    def __init__(self, model: Model, missing: str) -> None:
        """Initialize the error.

        :param model: the model
        :param missing: what the model lacks
        """
        super().__init__(model, missing)
        self.model = model
        self.missing = missing

    def __str__(self) -> str:
        return (
            f"The dhns training loop cannot generate embeddings for {type(self.model).__name__}: it lacks "
            f"{self.missing}. Choose a model based on pykeen.models.ERModel, or keep the model and use the sampler in "
            "PyKEEN's own loop, which works with any model: training_loop='slcwa', negative_sampler='dhns'."
        )


@dataclasses.dataclass
class GeneratorBatch:
    """What the generator sees of a batch of triples.

    A group is a side and a modality. The first half of the groups is about missing heads, the second half about missing
    tails.
    """

    #: shape: (num_groups, batch_size, dim) the embeddings to be generated
    targets: Tensor
    #: shape: (num_groups, batch_size, dim) what they are generated from
    conditions: Tensor
    #: shape: (num_groups, batch_size) where target and condition exist. None if all do.
    learnable: Tensor | None = None
    #: shape: (num_groups, batch_size) where the condition exists. None if all do.
    usable: Tensor | None = None


def _missing_property(model: Model) -> str | None:
    for name in ("entity_representations", "relation_representations", "interaction"):
        if not hasattr(model, name):
            return f"the property {name!r}"
    if not isinstance(model, ERModel):
        return "a base class pykeen.models.ERModel"
    for name in ("score_hrt", "_get_representations"):
        if getattr(type(model), name) is not getattr(ERModel, name):
            return f"a score that is just the interaction of its representations: it has a method {name} of its own"
    if not len(model.entity_representations):
        return "entity representations (there are none)"
    return None


class ModelAdapter:
    """Reads the embeddings of a model, and scores generated embeddings with it. It owns none of the parameters."""

    def __init__(self, model: Model, *, mode: InductiveMode | None = None, multimodal: bool = True) -> None:
        """Initialize the adapter.

        :param model: the model
        :param mode: the inductive mode, or None
        :param multimodal: whether to tell modalities apart, where the model has them. Otherwise, there is only the
            structural one.

        :raises UnsupportedModelError: if the embeddings of this kind of model cannot be generated
        """
        missing = _missing_property(model)
        if missing is not None:
            raise UnsupportedModelError(model, missing)
        assert isinstance(model, ERModel)
        self.model: AnyModel = model
        self.mode = mode
        self.multimodal = multimodal
        #: The names of the modalities, the structural one first
        self.names: tuple[str, ...] = (STRUCTURAL,)
        if multimodal:
            names = (
                name for r in self.entities if isinstance(r, MultimodalRepresentation) for name in r.modality_names
            )
            self.names = tuple(dict.fromkeys((STRUCTURAL, *names)))
        layout, self.relation = _make_layout(self.entities), _make_layout(self.relations)
        self.head, self.tail = (_select(layout, indices) for indices in (self.head_indices, self.tail_indices))
        #: The dimension of generated embeddings: that of the larger side, if they differ
        self.dim = max(self.head.dim, self.tail.dim)

    @property
    def entities(self) -> Sequence[Representation]:
        """Return the entity representations."""
        representations: Sequence[Representation] = self.model._get_entity_representations_from_inductive_mode(
            mode=self.mode
        )
        return representations

    @property
    def head_indices(self) -> Sequence[int]:
        """Return which of the entity representations a head has."""
        return self.model.interaction.head_indices

    @property
    def tail_indices(self) -> Sequence[int]:
        """Return which of the entity representations a tail has."""
        return self.model.interaction.tail_indices

    @property
    def entity_indices(self) -> Sequence[int]:
        """Return which of the entity representations a head or a tail has, ascending."""
        return sorted({*self.head_indices, *self.tail_indices})

    @property
    def relations(self) -> Sequence[Representation]:
        """Return the relation representations."""
        return list(self.model.relation_representations)

    @property
    def num_groups(self) -> int:
        """Return the number of groups of embeddings: sides times modalities."""
        return 2 * len(self.names)

    def make_query(self) -> Query:
        """Make the query for the model's interaction, which is the generator's condition."""
        return make_query(self.model.interaction, head=self.head, relation=self.relation, tail=self.tail)

    def interact(self, heads: Representations, relations: Representations, tails: Representations) -> Tensor:
        """Score representations with the model's interaction.

        :param heads: shape: `(*batch_dims, *shape_i)` the head representations
        :param relations: shape: `(*batch_dims, *shape_i)` the relation representations
        :param tails: shape: `(*batch_dims, *shape_i)` the tail representations

        :returns: shape: `batch_dims` the scores, broadcast
        """
        sides: list[Any] = [tuple(side) for side in (heads, relations, tails)]
        h, r, t = unpack_singletons(*sides)
        scores: Tensor = self.model.interaction(h=h, r=r, t=t)
        return scores

    def _read_entities(self, indices: Tensor, part_indices: Sequence[int]) -> tuple[Representations, Tensor | None]:
        """Read embeddings, without what only happens in a forward pass (regularisation, dropout).

        :param indices: shape: (batch_size,) the entities
        :param part_indices: which representations to read

        :returns: shape: `(num_modalities, batch_size, *shape_i)` the embeddings, and (num_modalities, batch_size) which
            of them exist, None if all do
        """
        parts, masks = [], []
        for i in part_indices:
            representation = self.entities[i]
            if not isinstance(representation, MultimodalRepresentation):
                part = _normalize(representation, representation._plain_forward(indices))
                parts.append(part.expand(len(self.names), *part.shape))
            elif not self.multimodal:
                parts.append(_normalize(representation, representation.structural(indices)).unsqueeze(dim=0))
            else:
                by_name = representation.modalities(indices, normalize=True)
                parts.append(torch.stack([by_name.get(name, by_name[STRUCTURAL]) for name in self.names]))
                masks.append(self._mask(representation, indices))
        return parts, torch.stack(masks).all(dim=0) if masks else None

    def _mask(self, representation: MultimodalRepresentation, indices: Tensor) -> Tensor:
        """Return which modalities exist, shape: (num_modalities, batch_size)."""
        own = representation.mask(indices)
        columns = {name: own[..., i] for i, name in enumerate(representation.modality_names)}
        everything = torch.ones_like(columns[STRUCTURAL])
        return torch.stack([columns.get(name, everything) for name in self.names])

    def read(self, positives: Tensor, query: Query, *, detach: bool = True) -> GeneratorBatch:
        """Read the embeddings of both sides of triples, and compute their conditions.

        :param positives: shape: (batch_size, 3) the triples
        :param query: the query, which computes the conditions
        :param detach: whether to keep gradients from reaching the model

        :returns: the embeddings
        """
        # Read with gradients even if they are cut off. Representations that pass messages cache what they compute, and
        # the forward pass, which needs gradients, takes it from there.
        heads, head_mask = self._read_entities(positives[:, 0], self.head_indices)
        tails, tail_mask = self._read_entities(positives[:, 2], self.tail_indices)
        relations: Representations = [_normalize(r, r._plain_forward(positives[:, 1])) for r in self.relations]
        if detach:
            heads, tails, relations = ([part.detach() for part in parts] for parts in (heads, tails, relations))
        relations = [part.unsqueeze(dim=0) for part in relations]
        targets = torch.cat([self.head.flatten(heads, self.dim), self.tail.flatten(tails, self.dim)])
        conditions = torch.cat(
            [
                self.head.flatten(query.head(tails, relations), self.dim),
                self.tail.flatten(query.tail(heads, relations), self.dim),
            ]
        )
        if head_mask is None and tail_mask is None:
            return GeneratorBatch(targets=targets, conditions=conditions)
        # on a side that is not multimodal, everything exists
        head_mask = torch.ones_like(tail_mask) if head_mask is None else head_mask  # type: ignore[arg-type]
        tail_mask = torch.ones_like(head_mask) if tail_mask is None else tail_mask
        both = head_mask & tail_mask
        return GeneratorBatch(
            targets=targets,
            conditions=conditions,
            learnable=torch.cat([both, both]),
            # the condition of a missing head is computed from the tail
            usable=torch.cat([tail_mask, head_mask]),
        )

    def count_learnable(self, positives: Tensor) -> Tensor | None:
        """Count the modalities that both entities of a triple have, i.e., those that a generator can learn from.

        :param positives: shape: (batch_size, 3) the triples

        :returns: shape: (batch_size,) the numbers. None if all modalities exist.
        """
        masks = [
            self._mask(representation, positives[:, column])
            for column, part_indices in ((0, self.head_indices), (2, self.tail_indices))
            for representation in (self.entities[i] for i in part_indices)
            if self.multimodal and isinstance(representation, MultimodalRepresentation)
        ]
        return torch.stack(masks).all(dim=0).sum(dim=0) if masks else None

    def read_entities(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Read the embeddings of entities, for either side.

        :param indices: shape: (num,) the entities

        :returns: shape: (num_groups, num, dim) the embeddings, and (num_groups, num) which of them exist
        """
        embeddings, masks = [], []
        for layout, part_indices in ((self.head, self.head_indices), (self.tail, self.tail_indices)):
            parts, mask = self._read_entities(indices, part_indices)
            embeddings.append(layout.flatten(parts, self.dim).detach())
            shape = embeddings[-1].shape[:-1]
            masks.append(torch.ones(shape, dtype=torch.bool, device=indices.device) if mask is None else mask)
        return torch.cat(embeddings), torch.cat(masks)

    def score(
        self, samples: Tensor, heads: Representations, relations: Representations, tails: Representations
    ) -> Tensor:
        """Score triples in which one side is generated.

        :param samples: shape: (num_levels, num_groups, batch_size, dim) the generated embeddings
        :param heads: shape: `(batch_size, *shape_i)` the head representations, as in a forward pass
        :param relations: shape: `(batch_size, *shape_i)` the relation representations
        :param tails: shape: `(batch_size, *shape_i)` the tail representations

        :returns: shape: (num_levels, num_groups, batch_size) the scores
        """
        generated_heads, generated_tails = samples.chunk(2, dim=1)
        h = self._normalize(self.head.unflatten(generated_heads), self.head_indices)
        t = self._normalize(self.tail.unflatten(generated_tails), self.tail_indices)
        heads, relations, tails = ([part[None, None] for part in parts] for parts in (heads, relations, tails))
        return torch.cat([self.interact(h, relations, tails), self.interact(heads, relations, t)], dim=1)

    def _normalize(self, parts: Representations, part_indices: Sequence[int]) -> Representations:
        """Apply the representations' normalisers, as to every embedding that the model scores.

        Their constrainers do not apply: they change parameters after a step, and generated embeddings are none.
        """
        return [_normalize(self.entities[i], part) for i, part in zip(part_indices, parts, strict=True)]

    def joint_score(self, scores: Tensor, usable: Tensor | None) -> Tensor:
        """Average scores over modalities (Eq. 12), leaving out those which the known entity lacks.

        :param scores: shape: (num_levels, num_groups, batch_size) the scores of each modality
        :param usable: shape: (num_groups, batch_size) which of them count. If None, all do.

        :returns: shape: (num_levels, 2, batch_size) the joint scores, for missing heads and for missing tails
        """
        scores = scores.unflatten(1, (2, -1))
        if usable is None:
            return scores.mean(dim=2)
        mask = usable.unflatten(0, (2, -1))
        joint: Tensor = scores.masked_fill(~mask, 0).sum(dim=2) / mask.sum(dim=1)
        return joint

    def shares(self, max_num: int = 2048) -> Mapping[str, Tensor]:
        """Compute how much each modality contributes to the entities' representations, on average.

        :param max_num: the number of entities to look at, evenly spaced

        :returns: for each modality, shape: () its share, if there is more than one
        """
        for representation in self.entities:
            if isinstance(representation, MultimodalRepresentation) and len(representation.modality_names) > 1:
                step = -(-representation.max_id // max_num)
                indices = torch.arange(0, representation.max_id, step, device=representation.device)
                with evaluation_mode(self.model):
                    shares = representation.shares(indices).mean(dim=0)
                return dict(zip(representation.modality_names, shares, strict=True))
        return {}


def _normalize(representation: Representation, x: Tensor) -> Tensor:
    return x if representation.normalizer is None else representation.normalizer(x)


def _is_complex(representation: Representation) -> bool:
    if isinstance(representation, Embedding):
        return bool(representation.is_complex)
    is_training = representation.training
    result = representation.eval()._plain_forward(torch.zeros(1, dtype=torch.long, device=representation.device))
    representation.train(is_training)
    # drops what representations that pass messages have cached
    representation.post_parameter_update()
    return bool(result.is_complex())


def _make_layout(representations: Sequence[Representation]) -> VectorLayout:
    return VectorLayout(
        shapes=tuple(tuple(r.shape) for r in representations), is_complex=tuple(map(_is_complex, representations))
    )


def _select(layout: VectorLayout, indices: Sequence[int]) -> VectorLayout:
    return VectorLayout(
        shapes=tuple(layout.shapes[i] for i in indices), is_complex=tuple(layout.is_complex[i] for i in indices)
    )
