"""An encoder for texts that needs no pretrained model."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import torch
from pykeen.nn.text import TextEncoder, text_encoder_resolver
from pykeen.typing import FloatTensor
from torch import Tensor

from ..utils.validation import check_positive_int

__all__ = ["LexicalTextEncoder"]


class LexicalTextEncoder(TextEncoder):
    r"""A random projection of the character n-grams of a text.

    Texts that share words, or parts of words, are near to each other: "FC Jurmala" and "Jurmala Airport", or the
    members of a family. What texts mean, beyond that, is not known.

    Each n-gram is hashed to one of the features, and to a sign, with which it is counted there. The result has length
    one. This is a random projection of the (huge, sparse) vector of all n-grams [weinberger2009]_: inner products are
    those of the n-grams in expectation, with an error of about $1 / \sqrt{dim}$. It needs no vocabulary, so a text has
    the same features whatever the other texts are, today and later.

    >>> encoder = LexicalTextEncoder()
    >>> a, b, c = encoder(["Gilles_Mbang_Ondo", "gilles ondo", "Libreville"])
    >>> bool(a @ b > 0.5 > a @ c)
    True
    """

    #: shape: (0,) nothing, of the data type and on the device of the result
    empty: Tensor

    def __init__(self, dim: int = 256, ngram_range: tuple[int, int] = (2, 4)) -> None:
        """Initialize the encoder.

        :param dim: the number of features
        :param ngram_range: the least and the largest number of characters of an n-gram. N-grams do not cross the
            boundaries of words, but contain them.

        :raises ValueError: if an argument is not possible
        """  # noqa: DOC502
        # only now, since this module is imported whenever PyKEEN is
        from sklearn.feature_extraction.text import HashingVectorizer

        super().__init__()
        check_positive_int("dim", dim)
        self.dim, self.ngram_range = int(dim), _check_ngram_range(ngram_range)
        # PyKEEN finds the device of an encoder by what it holds
        self.register_buffer("empty", torch.empty(0), persistent=False)
        self.vectorizer = HashingVectorizer(
            analyzer="char_wb", ngram_range=self.ngram_range, n_features=self.dim, preprocessor=normalize
        )

    # docstr-coverage: inherited
    def forward_normalized(self, texts: Sequence[str]) -> FloatTensor:  # noqa: D102
        return torch.from_numpy(self.vectorizer.transform(texts).toarray()).to(self.empty)

    # docstr-coverage: inherited
    def extra_repr(self) -> str:  # noqa: D102
        return f"dim={self.dim}, ngram_range={self.ngram_range}"


def _check_ngram_range(ngram_range: Any) -> tuple[int, int]:
    try:
        low, high = ngram_range
        check_positive_int("low", low)
        check_positive_int("high - low + 1", high - low + 1)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"ngram_range={ngram_range!r} is invalid: it must be (low, high), two integers with 1 <= low <= high."
        ) from error
    return int(low), int(high)


def normalize(text: str) -> str:
    """Remove differences between texts that hardly ever have a meaning.

    :param text: the text

    :returns: the text in lower case, in a canonical form of Unicode, and with spaces for underscores
    """
    # what is no valid Unicode, e.g., from the names of files, could not be hashed
    valid = text.encode(errors="replace").decode()
    return unicodedata.normalize("NFKC", valid).casefold().replace("_", " ")


if LexicalTextEncoder not in text_encoder_resolver.lookup_dict.values():
    text_encoder_resolver.register(LexicalTextEncoder)
