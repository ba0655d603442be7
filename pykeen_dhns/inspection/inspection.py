"""Inspect the generator of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from pykeen.pipeline import PipelineResult
from pykeen.sampling import NegativeSampler
from torch import Tensor

from .measures import collect_scores, find_neighbors, list_negatives, project, rate_relations, summarize_neighbors
from .report import Inspection
from .saving import find_generator, load_source, make_source
from .sources import LoopSource, Source, Target
from ..utils.module_state import evaluation_mode
from ..utils.validation import check_choice, check_integer, check_type, show

__all__ = ["inspect_directory", "inspect_result", "inspect_source"]

#: The number of triples whose missing entities are ranked
MAX_RANKED = 500


def inspect_source(
    source: Source,
    *,
    num_examples: int = 4,
    examples: Sequence[tuple[str, str, str]] = (),
    num_neighbors: int = 5,
    target: Target = "tail",
    relation: str | None = None,
    max_triples: int = 2000,
    num_uniform: int = 4,
    num_relations: int = 20,
    seed: int = 0,
) -> Inspection:
    """Inspect a generator. Neither it nor the model changes.

    :param source: the generator, and its model
    :param num_examples: the number of triples to show nearest entities for
    :param examples: these triples, by the labels of head, relation, and tail. Drawn at random by default.
    :param num_neighbors: the number of entities to show for each of them
    :param target: the side to generate for nearest entities, ranks, and the projection. Scores are those of both sides.
    :param relation: the label of a relation. The default is any relation for the examples, and the most frequent one
        for the projection.
    :param max_triples: the number of training triples to score, drawn at random
    :param num_uniform: the number of uniform negatives for each of them
    :param num_relations: the number of relations to show in the report
    :param seed: the seed of everything that is drawn

    :returns: what was found

    :raises TypeError: if an argument is of a wrong type
    :raises ValueError: if an argument is out of range, a label is unknown, or the training has diverged
    """  # noqa: DOC503
    check_type("source", source, Source, "a source, e.g., that of load_source")
    check_choice("target", target, get_args(Target))
    counts = dict(num_examples=num_examples, num_neighbors=num_neighbors, max_triples=max_triples)
    counts |= dict(num_uniform=num_uniform, num_relations=num_relations)
    for name, value in counts.items():
        check_integer(name, value)
    check_integer("seed", seed, minimum=0, maximum=2**64 - 1)
    chosen = _find_triples(source, examples)
    relation_id = None if relation is None else _find_id("relation", relation, source.relations)
    with evaluation_mode(source.model, *source.modules, seed=seed):
        triples = source.triples[torch.randperm(len(source.triples))]
        shown = triples if relation_id is None else triples[triples[:, 1] == relation_id]
        if not len(shown):
            raise ValueError(f"No training triple has the relation {relation!r}, so there is nothing to show.")
        shown = chosen if len(chosen) else shown[:num_examples]
        scores = collect_scores(source, triples[:max_triples], num_uniform)
        return Inspection(
            source=source,
            target=target,
            negatives=list_negatives(source, shown, target=target, num=num_neighbors),
            neighbors=find_neighbors(source, shown, target=target, num=num_neighbors),
            ranks=summarize_neighbors(find_neighbors(source, triples[:MAX_RANKED], target=target, num=1)),
            scores=scores,
            relations=rate_relations(scores),
            num_relations=num_relations,
            projection=project(source, target=target, relation=relation_id),
        )


def _find_triples(source: Source, examples: Sequence[tuple[str, str, str]]) -> Tensor:
    """Find triples by their labels, shape: (n, 3)."""
    check_type("examples", examples, (list, tuple), "a list of triples of labels")
    entities = "entity", dict(enumerate(source.entities))
    columns = (entities, ("relation", source.relations), entities)
    ids = []
    for example in examples:
        if not isinstance(example, list | tuple) or len(example) != 3:
            raise ValueError(f"examples={show(examples)} is invalid: each must have a head, a relation, and a tail.")
        ids.append(tuple(_find_id(kind, label, labels) for label, (kind, labels) in zip(example, columns, strict=True)))
    return torch.as_tensor([*dict.fromkeys(ids)])


def _find_id(kind: str, label: str, labels: Mapping[int, str]) -> int:
    """Find the ID of an entity or a relation by its label."""
    check_type(kind, label, str, "a label")
    ids = {other: index for index, other in labels.items()}
    if label in ids:
        return ids[label]
    some = ", ".join(map(repr, list(labels.values())[:10]))
    raise ValueError(f"There is no {kind} {label!r}. The training triples have {len(labels)}, for example: {some}.")


def inspect_result(result: PipelineResult, *, sampler: NegativeSampler | None = None, **settings: Any) -> Inspection:
    """Inspect what generated the negatives of a run of PyKEEN's pipeline.

    :param result: the result of the pipeline
    :param sampler: the sampler to inspect, cf. :class:`pykeen_dhns.inspection.KeepSampler`. Defaults to what the
        training loop generates, with ``training_loop="dhns"``.
    :param settings: what to look at, cf. :func:`pykeen_dhns.inspection.inspect_source`

    :returns: what was found

    :raises ValueError: if nothing was generated, or a setting does not fit
    """  # noqa: DOC103
    generator = find_generator(result, sampler)
    source = make_source(result.model, result.training, generator)
    if source is not None and isinstance(source, LoopSource) == (sampler is None):
        return inspect_source(source, **settings)
    if sampler is not None:
        raise ValueError(
            f"The {type(sampler).__name__} generates nothing, so there is nothing to inspect. Train with "
            "negative_sampler='dhns', and with a hard_fraction above 0."
        )
    raise ValueError(
        f"The {type(result.training_loop).__name__} generates nothing itself, so there is nothing to inspect. With "
        "training_loop='dhns', choose a generator other than 'none'. With negative_sampler='dhns', keep the sampler, "
        "which PyKEEN would drop: keeper = KeepSampler(), then pipeline(..., training_kwargs=dict(callbacks=keeper)), "
        "and inspect_result(result, sampler=keeper.sampler)."
    )


def inspect_directory(directory: str | Path, **settings: Any) -> Inspection:
    """Inspect what generated the negatives of a saved run, on the CPU.

    .. warning::

        The files are pickles, as PyKEEN's models are. Loading them can run any code that is in them: load only what
        you trust.

    :param directory: where :func:`pykeen_dhns.inspection.save_result`, or ``pykeen-dhns train``, saved the run
    :param settings: what to look at, cf. :func:`pykeen_dhns.inspection.inspect_source`

    :returns: what was found

    :raises ValueError: if a setting does not fit
    """  # noqa: DOC103, DOC502
    return inspect_source(load_source(directory), **settings)
