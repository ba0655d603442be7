"""Features from numeric literals."""

import inspect
import logging
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from class_resolver import ClassResolver, HintOrType, OptionalKwargs
from pykeen.triples import CoreTriplesFactory
from pykeen.triples.utils import load_triples
from sklearn.base import TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, QuantileTransformer, RobustScaler, StandardScaler

from .encoded_features import EncodedFeatures, FloatArray, Provenance
from .encoder_factory import to_json
from .inputs import hash_strings, name_some, to_path
from .labels import entity_labels

__all__ = ["encode_literals", "scaler_resolver"]

logger = logging.getLogger(__name__)

#: A resolver for scalers
scaler_resolver: ClassResolver[Any] = ClassResolver(
    [PowerTransformer, QuantileTransformer, RobustScaler, StandardScaler],
    base=TransformerMixin,
    default=StandardScaler,
    suffix="Scaler",
    synonyms=dict(power=PowerTransformer, quantile=QuantileTransformer),
)


def encode_literals(
    triples_factory: CoreTriplesFactory,
    numeric_triples: str | os.PathLike[str] | np.ndarray[Any, Any] | None = None,
    *,
    scaler: HintOrType[TransformerMixin] = "standard",
    scaler_kwargs: OptionalKwargs = None,
    indicators: bool = True,
) -> EncodedFeatures:
    """Turn numeric literals of entities, such as populations or dates, into features: one for each attribute.

    Attributes are scaled. An entity that lacks an attribute gets its mean. For each attribute that some entities lack,
    another feature says which ones do. An entity without any attribute is a missing row.

    :param triples_factory: the triples factory
    :param numeric_triples: shape: (n, 3) entity, attribute, and value, each as a string, or the path of a file with
        them, separated by tabs. A value that is not a finite number is missing. If there are several values, their mean
        is used. If None, use the literals of the factory, which must be a
        :class:`pykeen.triples.TriplesNumericLiteralsFactory`. This has zeros where values are missing, so zeros are
        missing here. If there are zeros among the values, give the triples.
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
    if not isinstance(indicators, bool):
        raise TypeError(f"indicators={indicators!r} is a {type(indicators).__name__}: it must be True or False.")
    labels = entity_labels(triples_factory)
    if numeric_triples is None:
        table = _from_factory(triples_factory)
    else:
        table = _from_triples(numeric_triples, {label: entity_id for entity_id, label in enumerate(labels)})
    # attributes that no entity has
    table = table.dropna(axis="columns", how="all")
    if table.empty:
        raise ValueError(
            f"There is no literal of any of the {len(labels)} entities. Numeric triples must have their labels as in "
            f"the triples factory, {name_some(labels)}, and finite numbers as values, with a decimal point."
        )
    values, columns = _scale(table, scaler, scaler_kwargs, indicators=indicators)
    features = np.full((len(labels), len(columns)), np.nan, dtype=np.float32)
    features[table.index] = values
    missing = [label for label, row in zip(labels, features, strict=True) if np.isnan(row).all()]
    if missing:
        logger.warning(
            "%d of %d entities have no literal, and are missing: %s", len(missing), len(labels), name_some(missing)
        )
    provenance = Provenance(
        kind="literals",
        encoder=scaler.__name__ if isinstance(scaler, type) else str(scaler),
        encoder_kwargs=dict(scaler_kwargs=to_json(dict(scaler_kwargs or {})), indicators=indicators),
        random_seed=None,
        inputs_hash=hash_strings([*table.columns, *map(str, table.index), table.to_numpy().tobytes().hex()]),
        labels_hash=hash_strings(labels),
        num_rows=len(features),
        num_features=len(columns),
        num_missing=len(missing),
        missing={"no literal": len(missing)} if missing else {},
        columns=columns,
    )
    return EncodedFeatures(features=features, provenance=provenance)


def _from_factory(triples_factory: Any) -> pd.DataFrame:
    """Get the literals of a factory, by entity ID and attribute."""
    if not hasattr(triples_factory, "numeric_literals"):
        raise TypeError(
            f"{type(triples_factory).__name__} has no literals. Give numeric_triples, or use a "
            f"pykeen.triples.TriplesNumericLiteralsFactory, such as get_dataset(dataset='nationsliteral').training."
        )
    names = sorted(triples_factory.literals_to_id, key=triples_factory.literals_to_id.__getitem__)
    table = pd.DataFrame(np.asarray(triples_factory.numeric_literals, dtype=float), columns=names)
    return table.mask(table == 0).dropna(how="all")


def _from_triples(numeric_triples: Any, ids: dict[str, int]) -> pd.DataFrame:
    """Bring numeric triples into a table, by entity ID and attribute."""
    if isinstance(numeric_triples, str | os.PathLike):
        numeric_triples = load_triples(to_path("numeric_triples", numeric_triples))
    numeric_triples = np.asarray(numeric_triples)
    if numeric_triples.ndim != 2 or numeric_triples.shape[1] != 3:
        raise ValueError(
            f"numeric_triples has shape {numeric_triples.shape}: it must be (n, 3), with entity, attribute, and value, "
            f"which are separated by tabs in a file."
        )
    triples = pd.DataFrame(numeric_triples, columns=["entity", "attribute", "text"])
    # anything else than a number, such as a full date, becomes NaN
    triples["value"] = pd.to_numeric(triples["text"], errors="coerce").astype(float)
    triples["id"] = triples["entity"].map(ids)
    is_number = np.isfinite(triples["value"])
    _report("have no finite number as value", triples[~is_number])
    _report("are of entities that the triples factory does not have", triples[triples["id"].isna()])
    known = triples[is_number & triples["id"].notna()].astype(dict(id=int))
    _report("are further values of the same entity and attribute", known[known.duplicated(["id", "attribute"])])
    return known.pivot_table(index="id", columns="attribute", values="value", aggfunc="mean")


def _report(problem: str, triples: pd.DataFrame) -> None:
    """Log the number of triples with a problem, and some of them."""
    if len(triples):
        examples = name_some(map(tuple, triples[["entity", "attribute", "text"]].to_numpy().tolist()))
        logger.warning("%d numeric triples %s: %s", len(triples), problem, examples)


def _scale(
    table: pd.DataFrame, scaler: Any, scaler_kwargs: OptionalKwargs, *, indicators: bool
) -> tuple[FloatArray, Sequence[str]]:
    """Scale attributes, then fill in what is missing, so that the scaler only sees real values."""
    if isinstance(scaler, str | type | None):
        has_seed = "random_state" in inspect.signature(scaler_resolver.lookup(scaler)).parameters
        # some scalers draw a sample of many rows: always the same one
        scaler_kwargs = {**(dict(random_state=0) if has_seed else {}), **(scaler_kwargs or {})}
    pipeline = make_pipeline(
        scaler_resolver.make(scaler, scaler_kwargs), SimpleImputer(strategy="mean", add_indicator=indicators)
    )
    # a number that is too large becomes infinite, which the next check reports
    with np.errstate(over="ignore", invalid="ignore"):
        values = pipeline.fit_transform(table.to_numpy()).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(
            f"Values up to {np.nanmax(np.abs(table.to_numpy())):.0e} cannot be scaled by scaler={scaler!r}. Use "
            f"scaler='quantile', or numbers that are less extreme."
        )
    lacking = [name for name in table.columns if table[name].isna().any()] if indicators else []
    return values, [*map(str, table.columns), *(f"{name} is missing" for name in lacking)]
