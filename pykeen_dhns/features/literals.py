"""Features from numeric literals."""

import csv
import logging
import os
import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from class_resolver import ClassResolver, HintOrType, OptionalKwargs
from pykeen.triples import CoreTriplesFactory, TriplesNumericLiteralsFactory
from sklearn.base import TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, QuantileTransformer, RobustScaler, StandardScaler

from .arrays import expand_path
from .encoded_features import EncodedFeatures, Provenance, hash_json, log_missing, to_json
from .labels import entity_labels
from ..utils.validation import check_bool, check_hint, check_kwargs, check_type, show

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

    :raises ValueError: if there is not a single literal of an entity of the factory
    """
    labels = entity_labels(triples_factory)
    check_hint("scaler", scaler, scaler_resolver)
    check_kwargs("scaler_kwargs", scaler_kwargs)
    check_bool("indicators", indicators)
    table = _from_factory(triples_factory) if numeric_triples is None else _from_triples(numeric_triples, labels)
    if table.empty:
        raise ValueError(
            f"There is no literal of any of the {len(labels)} entities. Numeric triples must have their labels as in "
            f"the triples factory, {reprlib.repr(labels)}, and finite numbers as values, with a decimal point."
        )
    scaling = scaler_resolver.make(scaler, scaler_kwargs)
    if getattr(scaling, "random_state", 0) is None:
        # some scalers draw a sample of many rows: always the same one
        scaling.set_params(random_state=0)
    # missing values are filled in after scaling, so that the scaler only sees real ones
    pipeline = make_pipeline(scaling, SimpleImputer(strategy="mean", add_indicator=indicators))
    values = pipeline.fit_transform(table.to_numpy())
    lacking = [f"{name} is missing" for name in table.columns[table.isna().any()]] if indicators else []
    features = np.full((len(labels), values.shape[1]), np.nan, dtype=np.float32)
    features[table.index] = values
    provenance = Provenance(
        kind="literals",
        encoder=scaler.__name__ if isinstance(scaler, type) else str(scaler),
        encoder_kwargs=dict(scaler_kwargs=to_json("scaler_kwargs", scaler_kwargs), indicators=indicators),
        inputs_hash=hash_json(table.to_dict("split")),
        labels_hash=hash_json(labels),
        columns=[*map(str, table.columns), *lacking],
    )
    log_missing("entities", features, labels)
    return EncodedFeatures(features=features, provenance=provenance)


def _from_factory(triples_factory: CoreTriplesFactory) -> pd.DataFrame:
    """Get the literals of a factory, by entity ID and attribute."""
    if not isinstance(triples_factory, TriplesNumericLiteralsFactory):
        raise TypeError(f"{type(triples_factory).__name__} has no literals: give numeric_triples.")
    names = sorted(triples_factory.literals_to_id, key=triples_factory.literals_to_id.__getitem__)
    table = pd.DataFrame(triples_factory.numeric_literals.astype(float), columns=names)
    return table[table != 0].dropna(how="all").dropna(how="all", axis="columns")


def _from_triples(numeric_triples: Any, labels: Sequence[str]) -> pd.DataFrame:
    """Bring numeric triples into a table, by entity ID and attribute."""
    allowed = "the path of a file, or an array with three columns: entity, attribute, and value"
    check_type("numeric_triples", numeric_triples, (str, os.PathLike, np.ndarray, pd.DataFrame, list, tuple), allowed)
    try:
        if isinstance(numeric_triples, str | os.PathLike):
            path = expand_path(numeric_triples)
            # not PyKEEN's reader, where a quotation mark swallows all lines up to the next one
            table = pd.read_csv(path, sep="\t", header=None, dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
            # but as there, a pair of them around a field is not a part of it
            table = table.replace(r'^"(.*)"$', r"\1", regex=True).replace('""', '"', regex=True)
        else:
            table = pd.DataFrame(numeric_triples)
        table.columns = pd.Index(["entity", "attribute", "value"])
    except ValueError as error:
        raise ValueError(f"numeric_triples={show(numeric_triples)} must be {allowed}. {error}") from error
    table["id"] = table["entity"].map({label: entity_id for entity_id, label in enumerate(labels)})
    # anything else than a number, such as a full date, becomes NaN
    table["number"] = pd.to_numeric(table["value"], errors="coerce").astype(float)
    is_usable = table["id"].notna() & np.isfinite(table["number"])
    if not is_usable.all():
        message = "%d of %d numeric triples have no finite number, or an unknown entity, and are left out: %s"
        examples = reprlib.repr(table.loc[~is_usable, ["entity", "attribute", "value"]].to_numpy().tolist())
        logger.warning(message, (~is_usable).sum(), len(table), examples)
    known = table[is_usable].astype(dict(id=int))
    return known.pivot_table(index="id", columns="attribute", values="number", aggfunc="mean")
