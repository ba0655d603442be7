"""The base sampler, whose negatives are not generated, and the sides that are corrupted."""

import inspect
from collections.abc import Collection
from typing import Any

from class_resolver import HintOrType, OptionalKwargs
from pykeen.constants import TARGET_TO_INDEX
from pykeen.sampling import BasicNegativeSampler, NegativeSampler, negative_sampler_resolver
from pykeen.typing import LABEL_HEAD, LABEL_RELATION, LABEL_TAIL, MappedTriples, Target

from ..utils.validation import check_choice, show

__all__ = ["make_base_sampler", "resolve_corruption_scheme"]

#: The arguments that the base sampler gets from our sampler, and those of filtering, which happens there
RESERVED = (
    *("mapped_triples", "num_entities", "num_relations", "num_negs_per_pos"),
    *("filtered", "filterer", "filterer_kwargs"),
)
BOTH_SIDES = (LABEL_HEAD, LABEL_TAIL)


def resolve_corruption_scheme(
    scheme: Any, base_sampler: Any, base_sampler_kwargs: OptionalKwargs, *, generates: bool
) -> Collection[Target]:
    """Find out what is to be corrupted. The base sampler's own scheme is for generated negatives, too.

    :param scheme: the scheme that is given for all negatives, or None
    :param base_sampler: the base sampler, as it is given
    :param base_sampler_kwargs: its arguments
    :param generates: whether there are generated negatives

    :returns: the scheme

    :raises TypeError: if the scheme is no collection of strings
    :raises ValueError: if it has something that cannot be corrupted, or if there are two of them
    """  # noqa: DOC503
    own = (base_sampler_kwargs or {}).get("corruption_scheme", getattr(base_sampler, "corruption_scheme", None))
    given, own = (None if x is None else _check_corruption_scheme(x) for x in (scheme, own))
    if given is not None and own is not None and set(own) != set(given):
        raise ValueError(
            f"corruption_scheme={show(given)} is given, but the base sampler has {show(own)}. Leave one of them out."
        )
    result = given or own or BOTH_SIDES
    if generates and LABEL_RELATION in result:
        raise ValueError(
            f"corruption_scheme={show(result)} has {LABEL_RELATION!r}, but only heads and tails can be generated. "
            "Leave it out, or use hard_fraction=0, with which nothing is generated."
        )
    return result


def _check_corruption_scheme(scheme: Any) -> tuple[Target, ...]:
    """Check what is to be corrupted."""
    allowed = f"a collection of {LABEL_HEAD!r} and {LABEL_TAIL!r}, e.g., ({LABEL_TAIL!r},)"
    # a single number of NumPy or PyTorch says that it is a collection, but is none
    is_collection = isinstance(scheme, Collection) and getattr(scheme, "ndim", 1) == 1
    if isinstance(scheme, str) or not is_collection:
        raise TypeError(f"corruption_scheme={show(scheme)} is a {type(scheme).__name__}: it must be {allowed}.")
    if not len(scheme):
        raise ValueError(f"corruption_scheme={show(scheme)} is empty: it must be {allowed}.")
    for side in scheme:
        check_choice("corruption_scheme", side, TARGET_TO_INDEX)
    return tuple(scheme)


def make_base_sampler(
    base_sampler: HintOrType[NegativeSampler],
    kwargs: OptionalKwargs,
    scheme: Collection[Target],
    *,
    mapped_triples: MappedTriples,
    num_entities: int,
    num_relations: int,
    num_negs_per_pos: int,
) -> NegativeSampler | None:
    """Make the base sampler.

    :param base_sampler: the sampler, by instance, class or name
    :param kwargs: additional keyword-based parameters
    :param scheme: what is to be corrupted
    :param mapped_triples: shape: (num_triples, 3) the training triples
    :param num_entities: the number of entities
    :param num_relations: the number of relations
    :param num_negs_per_pos: the number of negatives that it samples for each positive

    :returns: the sampler, or None if it has nothing to sample

    :raises ValueError: if an instance does not fit, an argument is not for the base sampler, or it cannot corrupt what
        it should
    """
    kwargs = dict(kwargs or {})
    if isinstance(base_sampler, NegativeSampler):
        if base_sampler.num_negs_per_pos != num_negs_per_pos:
            raise ValueError(
                f"base_sampler is an instance with num_negs_per_pos={base_sampler.num_negs_per_pos}, but "
                f"{num_negs_per_pos} of the negatives are sampled. Make it with this number, or give its name or class."
            )
        if base_sampler.filterer is not None:
            raise ValueError("base_sampler is an instance with a filterer, which has no effect. Give it to this one.")
    reserved = sorted(set(kwargs).intersection(RESERVED))
    if reserved:
        raise ValueError(
            f"base_sampler_kwargs contains {reserved}, which are arguments of the dhns sampler itself. Give them "
            f"to it; allowed are those that the base sampler has in addition."
        )
    cls = negative_sampler_resolver.lookup(base_sampler)
    has_scheme = "corruption_scheme" in inspect.signature(cls).parameters or issubclass(cls, BasicNegativeSampler)
    if has_scheme:
        kwargs.setdefault("corruption_scheme", scheme)
    elif set(scheme) != set(BOTH_SIDES):
        raise ValueError(
            f"corruption_scheme={show(scheme)} is not possible with base_sampler={cls.get_normalized_name()!r}, which "
            "has no such argument. Use base_sampler='basic'."
        )
    if not num_negs_per_pos:
        return None
    return negative_sampler_resolver.make(
        base_sampler,
        pos_kwargs=kwargs,
        mapped_triples=mapped_triples,
        num_entities=num_entities,
        num_relations=num_relations,
        num_negs_per_pos=num_negs_per_pos,
    )
