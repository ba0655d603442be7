"""PyKEEN's evaluation, with distances to all entities computed at once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pykeen.evaluation import MetricResults, RankBasedEvaluator
from pykeen.evaluation.rank_based_evaluator import RankBasedMetricKey
from pykeen.models import ERModel, Model
from pykeen.nn.modules import RotatEInteraction, TransEInteraction
from torch import Tensor
from typing_extensions import override

__all__ = ["TimedEvaluator", "fast_distances"]

#: The number of triples that are evaluated at once
BATCH_SIZE = 256


class TimedEvaluator(RankBasedEvaluator):
    """PyKEEN's evaluator, with a faster evaluation. It adds up the time of all evaluations."""

    def __init__(self, known_triples: Tensor) -> None:
        """Initialize the evaluator.

        :param known_triples: shape: (n, 3) all triples of the dataset. None of them counts as a mistake (the filtered
            setting of Bordes et al., 2013). PyKEEN would only filter training triples while it validates. But in a
            dense graph, most of the entities that are ranked best complete test triples.
        """
        super().__init__(filtered=True, batch_size=BATCH_SIZE)
        self.known_triples = known_triples
        #: the time spent in all evaluations, in seconds
        self.seconds = 0.0

    @override
    def evaluate(self, model: Model, *args: Any, **kwargs: Any) -> MetricResults[RankBasedMetricKey]:
        started = time.perf_counter()
        kwargs["additional_filter_triples"] = self.known_triples
        # by default, PyKEEN's stopper searches the batch size, which starts small on a CPU
        kwargs["batch_size"] = BATCH_SIZE
        with fast_distances(model):
            result = super().evaluate(model, *args, **kwargs)
        self.seconds += time.perf_counter() - started
        return result


@contextmanager
def fast_distances(model: Model) -> Iterator[None]:
    """Compute the distances to all entities by :func:`torch.cdist`.

    PyKEEN subtracts every entity from every query, and keeps the differences, which needs much memory. Without them,
    the scores take a fraction of the time. Euclidean distances are matrix products, and take even less. All are
    computed in double precision, so they differ from PyKEEN's scores by rounding errors of single precision.

    :param model: the model. Only RotatE and TransE become faster, unless TransE uses powers of norms.

    :yields: nothing. In the end, the model is as before.
    """  # noqa: DOC404
    interaction = getattr(model, "interaction", None) if isinstance(model, ERModel) else None
    if not isinstance(interaction, TransEInteraction | RotatEInteraction) or not is_distance(interaction):
        yield
        return
    original = interaction.forward
    is_rotation = isinstance(interaction, RotatEInteraction)

    def forward(h: Tensor, r: Tensor, t: Tensor) -> Tensor:
        """Compute scores, shape: (batch_size, num_entities)."""
        if t.ndim != 3 or r.shape[1] != 1:
            # single triples, or all relations
            return original(h, r, t)
        if len(t) == 1 and h.shape[1] == 1:
            query, entities = (h * r if is_rotation else h + r), t
        elif len(h) == 1 and t.shape[1] == 1:
            if is_rotation and not ((r.abs() - 1).abs() < 1e-4).all():
                # only a rotation preserves distances
                return original(h, r, t)
            query, entities = (t * r.conj() if is_rotation else t - r), h
        else:
            return original(h, r, t)
        left, right = (_to_real(x) for x in (query.squeeze(dim=1), entities.squeeze(dim=0)))
        distances = torch.cdist(left, right, p=interaction.p, compute_mode="use_mm_for_euclid_dist")
        return -distances.to(dtype=h.real.dtype)

    interaction.forward = forward  # type: ignore[method-assign]
    try:
        yield
    finally:
        del interaction.forward


def is_distance(interaction: TransEInteraction | RotatEInteraction) -> bool:
    """Return whether an interaction is a plain distance of real vectors, by any norm, or of complex ones, by modulus.

    :param interaction: the interaction

    :returns: whether it is
    """
    return (isinstance(interaction, TransEInteraction) or interaction.p == 2) and not interaction.power_norm


def _to_real(x: Tensor) -> Tensor:
    if x.is_complex():
        x = torch.view_as_real(x).flatten(start_dim=-2)
    return x.double()
