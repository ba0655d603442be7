"""Features from texts."""

import functools
import os
import reprlib
from collections.abc import Mapping, Sequence

from class_resolver import HintOrType, OptionalKwargs
from pykeen.nn.text import TextEncoder, text_encoder_resolver

from .encoded_features import EncodedFeatures
from .encoding import describe, encode
from .labels import split_labels

__all__ = ["encode_texts"]


def encode_texts(
    texts: Sequence[str | None] | Mapping[str, str | None],
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

    :param texts: length: n, the texts, one for each row, or a mapping from labels to texts. None, NaN, and texts
        without any character other than spaces become missing rows.
    :param labels: length: n, the labels of the entities to which the rows belong. If None, these are the keys of the
        mapping. Without either, nothing can check that rows are those of the entities of a triples factory.
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

    :raises TypeError: if there is something else than a text
    """
    items, labels = split_labels("texts", texts, labels)
    if not all(isinstance(text, str | None) for text in items):
        raise TypeError(f"All texts must be strings, or None if they are missing: {reprlib.repr(items)}.")
    # the resolver has another default
    encoder = "lexical" if encoder is None else encoder
    inputs = [text or "" for text in items]
    request = describe("texts", inputs, labels, text_encoder_resolver, encoder, encoder_kwargs, random_seed)
    make_encoder = functools.partial(text_encoder_resolver.make, encoder, encoder_kwargs)
    present = [text if text.strip() else None for text in inputs]
    return encode(present, labels, request, make_encoder, TextEncoder.__call__, batch_size, cache, progress=progress)
