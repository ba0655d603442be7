"""Make encoders, and tell which one it is before it is made."""

import dataclasses
import hashlib
import json
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from class_resolver import ClassResolver, HintOrType, OptionalKwargs
from torch import Tensor, nn

from ..utils.random_state import seeded

__all__ = ["EncoderFactory", "hash_weights", "to_json"]

Encoder = TypeVar("Encoder", bound=nn.Module)


@dataclasses.dataclass(frozen=True)
class EncoderFactory(Generic[Encoder]):
    """Makes an encoder when it is needed, always with the same initial parameters."""

    #: The resolver of encoders
    resolver: ClassResolver[Encoder]
    #: The encoder, its class, or its name
    query: HintOrType[Encoder]
    #: Additional keyword-based parameters, if it is not an instance
    kwargs: OptionalKwargs
    #: The seed of its initialisation
    random_seed: int

    def describe(self) -> dict[str, Any]:
        """Return what determines the encoder, as far as this is known without making it."""
        if isinstance(self.query, self.resolver.base):
            if self.kwargs:
                raise ValueError(
                    f"encoder is an instance of {type(self.query).__name__}, so encoder_kwargs={self.kwargs} have no "
                    f"effect. Pass its name or class with them, or make the instance with them."
                )
            name = self.resolver.normalize_inst(self.query)
            return dict(encoder=name, encoder_kwargs={}, random_seed=None, weights_hash=hash_weights(self.query))
        if not isinstance(self.query, str | type):
            raise TypeError(
                f"encoder is a {type(self.query).__name__}: it must be a {self.resolver.base.__name__}, its class, or "
                f"its name."
            )
        return dict(
            encoder=self.resolver.normalize_cls(self.resolver.lookup(self.query)),
            encoder_kwargs=to_json(self.kwargs or {}),
            random_seed=operator.index(self.random_seed),
        )

    def make(self) -> Encoder:
        """Make the encoder, in evaluation mode, and leave the global random state as it is."""
        with seeded(operator.index(self.random_seed)):
            return self.resolver.make(self.query, self.kwargs).eval()


def hash_weights(encoder: nn.Module) -> str:
    """Hash the parameters of an encoder, and its structure."""
    digest = hashlib.sha256(repr(encoder).encode())
    for name, value in sorted(encoder.state_dict().items()):
        if isinstance(value, Tensor):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            # as bytes, since NumPy does not have all of PyTorch's data types
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def to_json(kwargs: Mapping[str, Any]) -> Any:
    """Convert parameters to what JSON can hold, so that they can be saved and compared."""
    return json.loads(json.dumps(kwargs, default=_to_json))


def _to_json(value: Any) -> Any:
    """Convert a value that the JSON encoder does not know."""
    if isinstance(value, Path | type):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(
        f"encoder_kwargs has a {type(value).__name__}, which cannot be saved with the features. Use numbers, strings, "
        f"and collections of these, or pass the encoder as an instance."
    )
