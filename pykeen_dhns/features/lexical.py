"""An encoder for texts that needs no pretrained model."""

import unicodedata
from collections.abc import Sequence

import torch
from pykeen.nn.text import TextEncoder, text_encoder_resolver
from pykeen.typing import FloatTensor
from sklearn.feature_extraction.text import HashingVectorizer
from torch import Tensor
from typing_extensions import override

from ..utils.validation import check_integer, check_size, check_type, show

__all__ = ["LexicalTextEncoder"]


class LexicalTextEncoder(TextEncoder):
    r"""A random projection of the character n-grams of a text.

    Texts that share words, or parts of words, are near to each other: "FC Jurmala" and "Jurmala Airport", or the
    members of a family. The encoder knows nothing else of what texts mean.

    Each n-gram is hashed to one of the features, and to a sign. The feature is the sum of these signs. The result has
    length one. This is a random projection of the (huge, sparse) vector of all n-grams [weinberger2009]_: inner
    products are those of the n-grams in expectation, with an error of about $1 / \sqrt{dim}$. There is no vocabulary,
    so the features of a text do not depend on other texts.

    >>> encoder = LexicalTextEncoder()
    >>> a, b, c = encoder(["Gilles_Mbang_Ondo", "gilles ondo", "Libreville"])
    >>> bool(a @ b > 0.5 > a @ c)
    True
    """

    #: shape: (0,) nothing. It has the data type and the device of the result.
    empty: Tensor

    def __init__(self, dim: int = 256, ngram_range: tuple[int, int] = (2, 4)) -> None:
        """Initialize the encoder.

        :param dim: the number of features
        :param ngram_range: the least and the largest number of characters of an n-gram. N-grams do not cross the
            boundaries of words, but contain them.

        :raises ValueError: if one of these is out of range
        """
        super().__init__()
        # scikit-learn would only find out later, and crash
        check_size("dim", dim)
        check_type("ngram_range", ngram_range, (tuple, list), "a pair of integers")
        for length in ngram_range:
            check_integer("ngram_range", length)
        if len(ngram_range) != 2 or ngram_range[0] > ngram_range[1]:
            raise ValueError(
                f"ngram_range={show(ngram_range)} is invalid: it must be the least and the largest length."
            )
        self.dim, self.ngram_range = int(dim), tuple(ngram_range)
        # PyKEEN finds the device of an encoder by its parameters and buffers
        self.register_buffer("empty", torch.empty(0), persistent=False)
        self.vectorizer = HashingVectorizer(
            analyzer="char_wb", ngram_range=self.ngram_range, n_features=self.dim, preprocessor=normalize
        )

    @override
    def forward_normalized(self, texts: Sequence[str]) -> FloatTensor:
        return torch.from_numpy(self.vectorizer.transform(texts).toarray()).to(self.empty)

    @override
    def extra_repr(self) -> str:
        return f"dim={self.dim}, ngram_range={self.ngram_range}"


def normalize(text: str) -> str:
    """Remove differences between texts that rarely have a meaning: case, forms of Unicode, and underscores."""
    # text from the name of a file is not always valid Unicode, and could not be hashed then
    valid = text.encode(errors="replace").decode()
    return unicodedata.normalize("NFKC", valid).casefold().replace("_", " ")


if LexicalTextEncoder not in text_encoder_resolver.lookup_dict.values():
    text_encoder_resolver.register(LexicalTextEncoder)
