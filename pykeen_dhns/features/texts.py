"""Features from texts."""

import logging
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from class_resolver import HintOrType, OptionalKwargs
from pykeen.nn.text import TextEncoder, text_encoder_resolver
from torch import Tensor
from torch_max_mem import maximize_memory_utilization
from tqdm import tqdm

from .labels import to_list
from ..utils.random_state import seeded
from ..utils.validation import check_component, check_integer

__all__ = ["encode_texts"]

logger = logging.getLogger(__name__)


def encode_texts(
    texts: Iterable[str | None],
    *,
    encoder: HintOrType[TextEncoder] = "lexical",
    encoder_kwargs: OptionalKwargs = None,
    random_seed: int = 0,
    batch_size: int = 256,
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Encode texts, such as names or descriptions of entities.

    The log says how many texts are missing.

    :param texts: length: n, the texts, one for each row. None, NaN, and texts without any character other than spaces
        become missing rows.
    :param encoder: the encoder: ``lexical``, the default, needs no pretrained model, cf.
        :class:`pykeen_dhns.features.LexicalTextEncoder`. All others are PyKEEN's, cf.
        :data:`pykeen.nn.text.text_encoder_resolver`: ``transformer`` needs ``pip install transformers``, and a model by
        name or path.
    :param encoder_kwargs: additional keyword-based parameters of the encoder
    :param random_seed: the seed of the encoder's initialisation, if this is random
    :param batch_size: how many texts to encode at once. It takes less if a GPU has too little memory.

    :returns: shape: (n, k) the features, with rows of NaN for missing texts

    :raises TypeError: if there is something else than a text
    :raises ValueError: if all texts are missing, or the encoder does not return one row for each text
    """
    # pandas knows all kinds of empty cells
    items = pd.Series(to_list("texts", texts), dtype=object)
    if not all(isinstance(text, str) for text in items.dropna()):
        raise TypeError(f"All texts must be strings, or None if they are missing: {reprlib.repr(items.tolist())}.")
    # the resolver has another default
    encoder = "lexical" if encoder is None else encoder
    check_component("encoder", encoder, encoder_kwargs, text_encoder_resolver)
    # the range of PyTorch's seeds
    check_integer("random_seed", random_seed, minimum=-(2**63), maximum=2**64 - 1)
    check_integer("batch_size", batch_size)
    present = np.asarray([isinstance(text, str) and bool(text.strip()) for text in items], dtype=bool)
    if not present.any():
        raise ValueError(f"All of the {len(items)} texts are missing: at least one must not be empty.")
    with seeded(int(random_seed)):
        instance = text_encoder_resolver.make(encoder, encoder_kwargs).eval()
    encoded = _encode(instance, items[present].tolist(), batch_size=int(batch_size)).float().cpu().numpy()
    if encoded.ndim != 2 or len(encoded) != present.sum():
        raise ValueError(
            f"The encoder's result has shape {encoded.shape}: it must have one row for each of {present.sum()} texts."
        )
    if not present.all():
        missing = reprlib.repr(np.flatnonzero(~present).tolist())
        logger.warning("%d of %d texts are missing, in the rows %s", (~present).sum(), len(items), missing)
    features = np.full((len(items), encoded.shape[1]), np.nan, dtype=np.float32)
    features[present] = encoded
    return features


@maximize_memory_utilization(keys="encoder")
@torch.inference_mode()
def _encode(encoder: TextEncoder, texts: Sequence[str], batch_size: int) -> Tensor:
    """Encode texts in batches, as the encoder's ``encode_all`` does.

    PyKEEN's method always shows a progress bar, which does not know how many texts there are: "0it". This one shows a
    bar if encoding takes longer than a second.
    """
    batches = [texts[start : start + batch_size] for start in range(0, len(texts), batch_size)]
    return torch.cat([encoder(batch) for batch in tqdm(batches, desc="texts", unit="batch", leave=False, delay=1)])
