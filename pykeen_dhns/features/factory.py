"""Encoders that are made when they are needed."""

import dataclasses
import hashlib
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
            random_seed=self.random_seed,
        )

    def make(self) -> Encoder:
        """Make the encoder, and leave the global random state as it is.

        :returns: the encoder, in evaluation mode
        """
        with torch.random.fork_rng(devices=[]):
            # torch.manual_seed would also seed GPUs, whose state is not restored then
            torch.default_generator.manual_seed(self.random_seed)
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
