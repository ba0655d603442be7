"""Encoders that are made when they are needed."""

import dataclasses
import hashlib
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Generic, TypeVar

import torch
from class_resolver import ClassResolver, HintOrType, OptionalKwargs
from torch import Tensor, nn

from .provenance import to_json

__all__ = ["EncoderFactory"]

Encoder = TypeVar("Encoder", bound=nn.Module)


@dataclasses.dataclass(frozen=True)
class EncoderFactory(Generic[Encoder]):
    """An encoder that is made when it is needed, always with the same initial parameters."""

    #: The resolver of encoders
    resolver: ClassResolver[Encoder]
    #: The encoder, its class, or its name
    query: HintOrType[Encoder]
    #: Additional keyword-based parameters, if it is not an instance
    kwargs: OptionalKwargs
    #: The seed of its initialisation
    random_seed: int

    def __post_init__(self) -> None:
        if isinstance(self.query, nn.Module) and not isinstance(self.query, self.resolver.base):
            raise TypeError(f"encoder is a {type(self.query).__name__}: it must be a {self.resolver.base.__name__}.")
        if not isinstance(self.kwargs, Mapping | None):
            raise TypeError(
                f"encoder_kwargs={self.kwargs!r} is a {type(self.kwargs).__name__}: it must be a mapping from the "
                f"names of parameters to values, or None."
            )
        seed: Any = self.random_seed
        # what PyTorch takes
        if isinstance(seed, bool) or not isinstance(seed, Integral) or not -(2**63) <= int(seed) < 2**64:
            raise ValueError(f"random_seed={seed!r} is invalid: it must be an integer of at most 64 bits.")
        if isinstance(self.query, nn.Module) and self.kwargs:
            raise ValueError(
                f"encoder is an instance of {type(self.query).__name__}, so encoder_kwargs={dict(self.kwargs)} have no "
                f"effect: pass its name or class with them, or make it with them."
            )

    def describe(self) -> dict[str, Any]:
        """Return what determines the encoder, as far as this is known without making it."""
        if isinstance(self.query, nn.Module):
            # it was initialised elsewhere
            name = self.resolver.normalize_inst(self.query)
            return dict(encoder=name, encoder_kwargs={}, random_seed=None, weights_hash=hash_weights(self.query))
        return dict(
            encoder=self.resolver.normalize_cls(self.resolver.lookup(self.query)),
            encoder_kwargs=to_json(dict(self.kwargs or {})),
            random_seed=int(self.random_seed),
        )

    def make(self) -> Encoder:
        """Make the encoder, and leave the global random state as it is.

        :returns: the encoder, in evaluation mode
        """
        with torch.random.fork_rng(devices=[]):
            # torch.manual_seed would also seed GPUs, whose state is not restored then
            torch.default_generator.manual_seed(int(self.random_seed))
            return self.resolver.make(self.query, self.kwargs).eval()


def hash_weights(encoder: nn.Module) -> str:
    """Hash the parameters of an encoder, and its structure.

    :param encoder: the encoder

    :returns: the SHA-256, as a hexadecimal number
    """
    digest = hashlib.sha256(repr(encoder).encode())
    for name, value in sorted(encoder.state_dict().items()):
        if isinstance(value, Tensor):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            # as bytes, since NumPy does not have all of PyTorch's data types
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
