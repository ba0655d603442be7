"""Features from texts."""

import os
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from class_resolver import HintOrType, OptionalKwargs
from pykeen.nn.text import TextEncoder, text_encoder_resolver

from .encoded_features import EncodedFeatures, FloatArray
from .encoder_factory import EncoderFactory
from .encoding import Inputs, encode, to_array
from .inputs import hash_strings, is_missing, split_labels
from .lexical import LexicalTextEncoder

__all__ = ["Texts", "encode_texts"]

#: One text for each row, or by label. None, NaN, and texts without any character other than spaces are missing.
Texts: TypeAlias = Sequence[str | None] | Mapping[str, str | None]


def encode_texts(
    texts: Texts,
    *,
    labels: Sequence[str] | None = None,
    encoder: HintOrType[TextEncoder] = "lexical",
    encoder_kwargs: OptionalKwargs = None,
    random_seed: int = 0,
    batch_size: int = 256,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> EncodedFeatures:
    """Encode texts, such as names or descriptions of entities.

    :param texts: length: n, the texts, one for each row, or a mapping from labels to texts. Empty ones, and None,
        become missing rows.
    :param labels: length: n, the labels of the entities to which the rows belong. If None, these are the keys of the
        mapping, else the texts themselves.
    :param encoder: the encoder: ``lexical``, the default, needs no pretrained model, cf.
        :class:`pykeen_dhns.features.LexicalTextEncoder`. All others are PyKEEN's, cf.
        :data:`pykeen.nn.text.text_encoder_resolver`: ``transformer`` needs ``pip install transformers``, and a model by
        name or path.
    :param encoder_kwargs: additional keyword-based parameters of the encoder
    :param random_seed: the seed of the encoder's initialisation, if this is random
    :param batch_size: how many texts to encode at once. With too little memory, stop, and continue with less.
    :param cache: the path of a file, with suffix ``.npy``. The result is saved there, with its provenance, and the same
        call loads it later. If a run is stopped, the same call continues it.
    :param progress: whether to show a progress bar

    :returns: shape: (n, k) the features, with rows of NaN for missing texts

    :raises TypeError: if there is something else than a text, or no encoder
    :raises ValueError: if there are no texts, or the cache is from another run, e.g., of other texts
    """  # noqa: DOC502
    rows, labels = split_labels("texts", texts, labels)
    checked = [_check_text(row, text) for row, text in enumerate(rows)]
    present = {row: text for row, text in enumerate(checked) if text.strip()}
    inputs = Inputs(
        kind="texts",
        labels=labels,
        items=present,
        missing={"empty": [row for row in range(len(checked)) if row not in present]},
        inputs_hash=hash_strings(checked),
    )
    # the resolver's own default is another one
    encoder = LexicalTextEncoder if encoder is None else encoder
    factory = EncoderFactory(text_encoder_resolver, encoder, encoder_kwargs, random_seed)
    return encode(inputs, factory, _encode_batch, batch_size=batch_size, cache=cache, progress=progress)


def _encode_batch(encoder: TextEncoder, texts: Sequence[str]) -> FloatArray:
    """Encode a batch."""
    return to_array(encoder(texts), texts)


def _check_text(row: int, text: Any) -> str:
    """Check a text, and return an empty one if it is missing."""
    if is_missing(text):
        return ""
    if not isinstance(text, str):
        raise TypeError(
            f"texts[{row}]={reprlib.repr(text)} is a {type(text).__name__}: it must be a string, or None if missing."
        )
    return text
