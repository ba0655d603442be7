"""Every interaction that PyKEEN ships, in a small size, with random representations."""

import warnings
from typing import Any, NamedTuple

import torch
from pykeen.nn.modules import interaction_resolver
from torch import Tensor

from pykeen_dhns.queries.layout import VectorLayout
from pykeen_dhns.queries.registry import AnyInteraction

#: The dimensions of the interactions' symbolic shapes; d is divisible by 4
DIMS = {"d": 8, "e": 6, "f": 8, "k": 4, "s": 1}
KWARGS: dict[str, dict[str, Any]] = {
    "autosf": {"coefficients": [(0, 0, 0, 1)]},
    "conve": {"embedding_dim": 8, "embedding_height": 4, "embedding_width": 2, "kernel_height": 2, "kernel_width": 2},
    "convkb": {"embedding_dim": 8, "num_filters": 3},
    "crosse": {"embedding_dim": 8},
    "ermlp": {"embedding_dim": 8, "hidden_dim": 5},
    "ermlpe": {"embedding_dim": 8, "hidden_dim": 5},
    "lineare": {"p": 2},
    "multilineartucker": {"head_dim": 8, "relation_dim": 6, "tail_dim": 8},
    "mure": {"p": 2},
    "pairre": {"p": 2},
    "proje": {"embedding_dim": 8},
    "se": {"p": 2},
    "transe": {"p": 2},
    "transformer": {"input_dim": 8, "num_heads": 2, "dim_feedforward": 8},
    "transh": {"p": 2},
    "transr": {"p": 2},
    "tucker": {"embedding_dim": 8},
    "um": {"p": 2},
}
NAMES = sorted(interaction_resolver.lookup_dict)


class Sides(NamedTuple):
    """The parts of head, relation, and tail, each of shape `(*batch_dims, *shape)`."""

    head: tuple[Tensor, ...]
    relation: tuple[Tensor, ...]
    tail: tuple[Tensor, ...]


def make_interaction(name: str) -> AnyInteraction:
    """Create an interaction, with random parameters where it has any, in evaluation mode."""
    with warnings.catch_warnings():
        # PyTorch's transformer warns about an optimization that it cannot make
        warnings.simplefilter("ignore", category=UserWarning)
        interaction = interaction_resolver.make(name, KWARGS.get(name))
    interaction.reset_parameters()
    interaction.eval()
    return interaction


def make_sides(interaction: AnyInteraction, *batch_dims: int) -> Sides:
    """Draw representations, of the size of well-behaved embeddings."""
    dtype = torch.complex64 if interaction.is_complex else torch.float32
    return Sides(
        *(
            tuple(0.3 * torch.randn(*batch_dims, *(DIMS[symbol] for symbol in shape), dtype=dtype) for shape in shapes)
            for shapes in (interaction.head_shape, interaction.relation_shape, interaction.tail_shape)
        )
    )


def make_layout(interaction: AnyInteraction, shapes: Any) -> VectorLayout:
    """Create the layout of parts with these symbolic shapes."""
    return VectorLayout(
        shapes=tuple(tuple(DIMS[symbol] for symbol in shape) for shape in shapes),
        is_complex=tuple(interaction.is_complex for _ in shapes),
    )


def score(interaction: AnyInteraction, sides: Sides) -> Tensor:
    """Score, with parts as PyKEEN passes them."""
    h, r, t = (parts[0] if len(parts) == 1 else parts for parts in sides)
    scores: Tensor = interaction(h=h, r=r, t=t)
    return scores
