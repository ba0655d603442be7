"""Features from numeric literals."""

import inspect
import logging
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from class_resolver import ClassResolver, HintOrType, OptionalKwargs

from .encoded_features import EncodedFeatures
from .files import FloatArray, to_path
from .labels import entity_labels, entity_to_id, hash_strings, name_some
from .provenance import Provenance, current_versions, now, to_json

if TYPE_CHECKING:
    import pandas
    from pykeen.triples import CoreTriplesFactory
    from sklearn.base import TransformerMixin

__all__ = ["encode_literals"]

logger = logging.getLogger(__name__)


def encode_literals(
    triples_factory: "CoreTriplesFactory",
    numeric_triples: "str | os.PathLike[str] | np.ndarray[Any, Any] | None" = None,
    *,
    scaler: "HintOrType[TransformerMixin]" = "standard",
    scaler_kwargs: OptionalKwargs = None,
    indicators: bool = True,
) -> EncodedFeatures:
    """Turn numeric literals of entities, such as populations or dates, into features: one for each attribute.

    Attributes are scaled. An entity that lacks some gets their means, and for each attribute that some lack, there is
    another feature, which says whether an entity lacks it. An entity without any is a missing row.

    :param triples_factory: the triples factory
    :param numeric_triples: shape: (n, 3) entity, attribute, and value, each as a string, or the path of a file with
        them, separated by tabs. What has no finite number as value counts as missing; of several values, the mean is
        used. If None, use the ones of the factory, which must be a
        :class:`pykeen.triples.TriplesNumericLiteralsFactory`. This has zeros where values are missing, so here, zeros
        are missing: give the triples, if there are zeros among their values.
    :param scaler: how to scale: ``standard`` to zero mean and unit variance, the default, ``robust`` by quartiles,
        ``power`` to make skewed attributes similar to normally distributed ones, ``quantile`` to replace them by their
        rank, in [0, 1], or another one of scikit-learn's
    :param scaler_kwargs: additional keyword-based parameters of the scaler
    :param indicators: whether to have features that say what is missing

    :returns: shape: (num_entities, k) the features, ordered by entity ID, with rows of NaN for entities without any
        literal. The names of the columns are in the provenance.

    :raises TypeError: if the factory has no labels, or no literals, or an argument is of the wrong type
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if there is not a single literal of an entity of the factory, or the values cannot be scaled
    """  # noqa: DOC502, DOC503
    _check_scaling(scaler, scaler_kwargs, indicators)
    labels = entity_labels(triples_factory)
    if numeric_triples is None:
        table = _from_factory(triples_factory)
    else:
        table = _from_triples(numeric_triples, entity_to_id(triples_factory))
    # those that no entity has
    table = table.dropna(axis="columns", how="all")
    if table.empty:
        raise ValueError(
            f"There is no literal of any of the {len(labels)} entities: numeric triples must have their labels as in "
            f"the triples factory, {name_some(labels)}, and finite numbers as values, with a point."
        )
    values, columns = _scale(table, scaler, scaler_kwargs, indicators=indicators)
    features = np.full((len(labels), len(columns)), np.nan, dtype=np.float32)
    features[table.index] = values
    num_missing = len(labels) - len(table)
    if num_missing:
        has_any = set(table.index)
        without = name_some(label for entity_id, label in enumerate(labels) if entity_id not in has_any)
        logger.warning("%d of %d entities have no literal, and are missing: %s", num_missing, len(labels), without)
    provenance = Provenance(
        kind="literals",
        encoder=scaler.__name__ if isinstance(scaler, type) else str(scaler),
        encoder_kwargs=dict(scaler_kwargs=to_json(dict(scaler_kwargs or {})), indicators=indicators),
        random_seed=None,
        inputs_hash=hash_strings([*table.columns, *map(str, table.index), table.to_numpy().tobytes().hex()]),
        labels_hash=hash_strings(labels),
        num_rows=len(features),
        num_features=len(columns),
        num_missing=num_missing,
        missing={"no literal": num_missing} if num_missing else {},
        columns=columns,
        created=now(),
        versions=current_versions(),
    )
    return EncodedFeatures(features=features, provenance=provenance)


def _check_scaling(scaler: Any, scaler_kwargs: Any, indicators: Any) -> None:
    """Check how to scale."""
    if not isinstance(scaler, str | type | None) and not hasattr(scaler, "fit_transform"):
        raise TypeError(f"scaler={scaler!r} is a {type(scaler).__name__}: it must be one of scikit-learn's, or a name.")
    if not isinstance(scaler_kwargs, Mapping | None):
        raise TypeError(
            f"scaler_kwargs={scaler_kwargs!r} is a {type(scaler_kwargs).__name__}: it must be a mapping, or None."
        )
    if not isinstance(indicators, bool):
        raise TypeError(f"indicators={indicators!r} is a {type(indicators).__name__}: it must be True or False.")


def _from_factory(triples_factory: Any) -> "pandas.DataFrame":
    """Get the literals of a factory, by entity ID and attribute."""
    import pandas

    if not hasattr(triples_factory, "numeric_literals"):
        raise TypeError(
            f"{type(triples_factory).__name__} has no literals: a pykeen.triples.TriplesNumericLiteralsFactory is "
            f"needed, which has, e.g., get_dataset(dataset='nationsliteral').training, or numeric_triples."
        )
    names = sorted(triples_factory.literals_to_id, key=triples_factory.literals_to_id.__getitem__)
    table = pandas.DataFrame(np.asarray(triples_factory.numeric_literals, dtype=float), columns=names)
    return table.mask(table == 0).dropna(how="all")


def _from_triples(numeric_triples: Any, ids: dict[str, int]) -> "pandas.DataFrame":
    """Bring numeric triples into a table, by entity ID and attribute."""
    import pandas
    from pykeen.triples.utils import load_triples

    if isinstance(numeric_triples, str | os.PathLike):
        path = to_path("numeric_triples", numeric_triples)
        if not path.is_file():
            raise FileNotFoundError(
                f"numeric_triples={str(path)!r} is not a file. It is looked for in {path.absolute()}."
            )
        try:
            numeric_triples = load_triples(path)
        except ValueError as error:
            # of pandas, or not UTF-8
            raise ValueError(
                f"numeric_triples={str(path)!r} cannot be read: each line must be entity, attribute, and value, "
                f"separated by tabs. {error}"
            ) from error
    numeric_triples = np.asarray(numeric_triples)
    if numeric_triples.ndim != 2 or numeric_triples.shape[1] != 3:
        raise ValueError(
            f"numeric_triples has shape {numeric_triples.shape}: it must be (n, 3), with entity, attribute, and value, "
            f"which are separated by tabs in a file."
        )
    triples = pandas.DataFrame(numeric_triples, columns=["entity", "attribute", "text"])
    # what is no number, e.g., a full date, becomes NaN
    triples["value"] = pandas.to_numeric(triples["text"], errors="coerce").astype(float)
    triples["id"] = triples["entity"].map(ids)
    is_number = np.isfinite(triples["value"])
    _report("have no finite number as value", triples[~is_number])
    _report("are of entities that the triples factory does not have", triples[triples["id"].isna()])
    known = triples[is_number & triples["id"].notna()].astype(dict(id=int))
    _report("are further values of the same entity and attribute", known[known.duplicated(["id", "attribute"])])
    return known.pivot_table(index="id", columns="attribute", values="value", aggfunc="mean")


def _report(problem: str, triples: "pandas.DataFrame") -> None:
    if len(triples):
        examples = name_some(map(tuple, triples[["entity", "attribute", "text"]].to_numpy().tolist()))
        logger.warning("%d numeric triples %s: %s", len(triples), problem, examples)


def _scale(
    table: "pandas.DataFrame", scaler: Any, scaler_kwargs: OptionalKwargs, *, indicators: bool
) -> tuple[FloatArray, Sequence[str]]:
    """Scale attributes, and fill in what is missing. The scaler comes first: its statistics are of what is there."""
    from sklearn.base import TransformerMixin
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PowerTransformer, QuantileTransformer, RobustScaler, StandardScaler

    resolver: ClassResolver[Any] = ClassResolver(
        [PowerTransformer, QuantileTransformer, RobustScaler, StandardScaler],
        base=TransformerMixin,
        default=StandardScaler,
        suffix="Scaler",
        synonyms=dict(power=PowerTransformer, quantile=QuantileTransformer),
    )
    # of many rows, some draw a part, by default from a state that is another one in each run
    is_instance = not isinstance(scaler, str | type | None)
    has_seed = not is_instance and "random_state" in inspect.signature(resolver.lookup(scaler)).parameters
    kwargs = {**(dict(random_state=0) if has_seed else {}), **(scaler_kwargs or {})}
    pipeline = make_pipeline(resolver.make(scaler, kwargs), SimpleImputer(strategy="mean", add_indicator=indicators))
    # what is too large becomes infinite, and is reported as such
    with np.errstate(over="ignore", invalid="ignore"):
        values = pipeline.fit_transform(table.to_numpy()).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(
            f"Values up to {np.nanmax(np.abs(table.to_numpy())):.0e} cannot be scaled by scaler={scaler!r}: use "
            f"scaler='quantile', or numbers that are less extreme."
        )
    lacking = [name for name in table.columns if table[name].isna().any()] if indicators else []
    return values, [*map(str, table.columns), *(f"{name} is missing" for name in lacking)]
