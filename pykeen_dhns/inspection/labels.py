"""Labels of entities and relations."""

from collections.abc import Mapping, Sequence

import torch
from pykeen.triples import CoreTriplesFactory, TriplesFactory
from torch import Tensor

__all__ = ["Labels", "to_model_ids"]


def to_model_ids(training: CoreTriplesFactory, triples: Tensor) -> Tensor:
    """Translate triples to the relation IDs that the model knows: with inverse relations, every other one.

    :param training: the training triples
    :param triples: shape: (n, 3) some triples, with the IDs of the triples factory

    :returns: shape: (n, 3) the triples, with the IDs of the model
    """
    return training.relation_inverter.map(batch=triples) if training.create_inverse_triples else triples


class Labels:
    """Labels of entities and relations, or their IDs, if there are none."""

    def __init__(self, training: CoreTriplesFactory) -> None:
        """Initialize the labels.

        :param training: the training triples
        """
        self._training = training
        self._entities: Mapping[int, str] = {}
        self._relations: Mapping[int, str] = {}
        if isinstance(training, TriplesFactory):
            self._entities, self._relations = training.entity_id_to_label, training.relation_id_to_label

    def entity(self, index: int) -> str:
        """Get the label of an entity.

        :param index: its ID

        :returns: the label
        """
        return str(self._entities.get(index, index))

    def relation(self, index: int) -> str:
        """Get the label of a relation.

        :param index: its ID, as the model knows it

        :returns: the label
        """
        index = index // 2 if self._training.create_inverse_triples else index
        return str(self._relations.get(index, index))

    def find_relation(self, label: str) -> int:
        """Find a relation.

        :param label: its label

        :returns: its ID, as the model knows it

        :raises ValueError: if there is none with this label
        """
        relations = range(self._training.real_num_relations)
        found = next((i for i in relations if str(self._relations.get(i, i)) == label), None)
        if found is None:
            some = ", ".join(repr(str(self._relations.get(i, i))) for i in relations[:10])
            raise ValueError(f"There is no relation {label!r} among {len(relations)}, the first of which are: {some}.")
        return 2 * found if self._training.create_inverse_triples else found

    def find_triples(self, triples: Sequence[tuple[str, str, str]]) -> Tensor:
        """Find triples.

        :param triples: labels of head, relation, and tail

        :returns: shape: (n, 3) the triples, with the IDs of the model

        :raises ValueError: if there is no entity, or relation, with such a label
        """
        ids = {label: index for index, label in self._entities.items()}
        known = range(self._training.num_entities)
        ids = ids or {str(index): index for index in known}
        missing = sorted({entity for head, _, tail in triples for entity in (head, tail)} - ids.keys())
        if missing:
            some = ", ".join(repr(self.entity(index)) for index in known[:10])
            raise ValueError(f"There are no entities {missing} among {len(known)}, the first of which are: {some}.")
        return torch.as_tensor(
            [(ids[head], self.find_relation(relation), ids[tail]) for head, relation, tail in triples]
        )
