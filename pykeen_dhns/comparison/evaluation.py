"""PyKEEN's evaluation, with distances to all entities computed at once, and known triples found by an index."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pykeen.evaluation import MetricResults, RankBasedEvaluator
from pykeen.evaluation import evaluator as evaluator_module
from pykeen.evaluation.rank_based_evaluator import RankBasedMetricKey
from pykeen.models import Model
from pykeen.utils import upgrade_to_sequence
from torch import Tensor
from typing_extensions import override

from ..queries.base import DistanceQuery, Side
from ..queries.pairwise import score_candidates
from ..sampling.known_triples import KnownTriples
from ..training.model_adapter import ModelAdapter, UnsupportedModelError

__all__ = ["ComparisonEvaluator", "fast_distances", "fast_filter"]

#: The number of triples that are evaluated at once
BATCH_SIZE = 256


class ComparisonEvaluator(RankBasedEvaluator):
    """Evaluates all runs of a comparison in the same way, faster than PyKEEN does. It adds up the time.

    What PyKEEN's stopper passes for the batch size, and for known triples, is replaced.
    """

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
        with fast_distances(model), fast_filter(model):
            result = super().evaluate(model, *args, **kwargs)
        self.seconds += time.perf_counter() - started
        return result


@contextmanager
def fast_filter(model: Model) -> Iterator[None]:
    """Find the known answers to the queries of a batch by an index.

    PyKEEN compares each triple of a batch with all known triples, which on a large graph takes most of the time.

    :param model: the model that is evaluated

    :yields: nothing. In the end, PyKEEN is as before.
    """  # noqa: DOC404

    def find_known(
        hrt_batch: Tensor, all_pos_triples: Tensor, relation_filter: Tensor | None = None, filter_col: int = 0
    ) -> tuple[Tensor, Tensor | None]:
        """Find known answers: as PyKEEN does, in another order."""
        # the index is made once for all batches
        known = KnownTriples(all_pos_triples, model.num_entities, model.num_relations)
        query = known.find_query(hrt_batch[:, 1], hrt_batch[:, 2 - filter_col], filter_col)
        return torch.stack(known.find_answers(query), dim=-1), relation_filter

    original = evaluator_module.create_sparse_positive_filter_
    evaluator_module.create_sparse_positive_filter_ = find_known  # type: ignore[assignment]
    try:
        yield
    finally:
        evaluator_module.create_sparse_positive_filter_ = original


@contextmanager
def fast_distances(model: Model) -> Iterator[None]:
    """Compute the distances to all entities as the training loop computes those to a pool.

    PyKEEN subtracts every entity from every query, and keeps the differences, which needs much memory. Without them,
    the scores take a fraction of the time. They are computed in double precision, so they differ from PyKEEN's by
    rounding errors of single precision.

    :param model: the model. Only those become faster whose query says how to compute distances.

    :yields: nothing. In the end, the model is as before.
    """  # noqa: DOC404
    try:
        adapter = ModelAdapter(model, multimodal=False)
    except UnsupportedModelError:
        yield
        return
    query, interaction = adapter.make_query(), adapter.model.interaction
    if not isinstance(query, DistanceQuery):
        yield
        return
    original = interaction.forward

    def forward(h: Any, r: Any, t: Any) -> Tensor:
        """Compute scores, shape: (batch_size, num_entities)."""
        heads, relations, tails = (upgrade_to_sequence(x) for x in (h, r, t))
        # two batch dimensions: a row for each query, and a column for each candidate
        is_table = all(x.ndim == len(shape) + 2 for x, shape in zip(heads, adapter.head.shapes, strict=True))
        sides: tuple[tuple[Side, Any, Any], ...] = (("tail", heads, tails), ("head", tails, heads))
        for missing, known, candidates in sides:
            if is_table and len(candidates[0]) == 1 and all(x.shape[1] == 1 for x in (*known, *relations)):
                # where there is no fast way, the interaction itself computes the scores
                del interaction.forward
                try:
                    scores = score_candidates(
                        interaction,
                        query,
                        [_to_double(x.squeeze(dim=1)) for x in known],
                        [_to_double(x.squeeze(dim=1)) for x in relations],
                        [_to_double(x.squeeze(dim=0)) for x in candidates],
                        missing,
                    )
                finally:
                    interaction.forward = forward  # type: ignore[method-assign]
                return scores.to(dtype=heads[0].real.dtype)
        return original(h, r, t)

    interaction.forward = forward  # type: ignore[method-assign]
    try:
        yield
    finally:
        del interaction.forward


def _to_double(x: Tensor) -> Tensor:
    return x.to(dtype=torch.cdouble if x.is_complex() else torch.double)
