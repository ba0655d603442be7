"""Every interaction that PyKEEN ships, in a small size, with random representations."""

import warnings
from typing import Any, NamedTuple

import torch
from pykeen.nn.modules import interaction_resolver
from pykeen.utils import unpack_singletons
from torch import Tensor

from pykeen_dhns.queries.base import AnyInteraction
from pykeen_dhns.queries.layout import VectorLayout

#: The dimensions of the interactions' symbolic shapes; d is divisible by 4
DIMS = {"d": 8, "e": 6, "f": 8, "k": 4, "s": 1}
#: The arguments of interactions that need some
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


class TripleRepresentations(NamedTuple):
    """The representations of head, relation, and tail, each a tuple of tensors of shape `(*batch_dims, *shape)`."""

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


def make_representations(interaction: AnyInteraction, *batch_dims: int) -> TripleRepresentations:
    """Draw representations, of the size of well-behaved embeddings."""
    dtype = torch.complex64 if interaction.is_complex else torch.float32
    return TripleRepresentations(
        *(
            tuple(
                0.3 * torch.randn((*batch_dims, *(DIMS[symbol] for symbol in shape)), dtype=dtype) for shape in shapes
            )
            for shapes in (interaction.head_shape, interaction.relation_shape, interaction.tail_shape)
        )
    )


def make_layouts(interaction: AnyInteraction) -> dict[str, VectorLayout]:
    """Create the layouts of head, relation, and tail."""
    return {
        name: VectorLayout(
            shapes=tuple(tuple(x.shape) for x in representations),
            is_complex=tuple(x.is_complex() for x in representations),
        )
        for name, representations in make_representations(interaction)._asdict().items()
    }


def score(interaction: AnyInteraction, triples: TripleRepresentations) -> Tensor:
    """Score, with representations as PyKEEN passes them."""
    representations: Any = triples
    h, r, t = unpack_singletons(*representations)
    scores: Tensor = interaction(h=h, r=r, t=t)
    return scores
