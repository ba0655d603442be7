r"""How the modalities of an entity become one embedding.

A fusion combines embeddings $\mathbf{x}_0, \ldots, \mathbf{x}_M$ of the same dimension. The first is the structural
one, which every entity has. A fusion leaves out any other modality that an entity lacks.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from class_resolver import ClassResolver
from pykeen.nn.combination import GatedCombination
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from ..utils.validation import check_fraction, check_size

__all__ = [
    "AttentionFusion",
    "Fusion",
    "GateFusion",
    "MeanFusion",
    "SumFusion",
    "fusion_resolver",
]


#: More modalities than this are certainly a mistake
MAX_MODALITIES = 1000


class Fusion(nn.Module, ABC):
    """A strategy to fuse modalities.

    Embeddings are real vectors here, whatever their shape and type are in the model.
    """

    def __init__(self, *, dim: int, num_modalities: int) -> None:
        """Initialize the fusion.

        :param dim: the number of real dimensions of an embedding. A complex number takes two.
        :param num_modalities: the number of modalities, including the structural one

        :raises ValueError: if one of them is not a positive integer
        """  # noqa: DOC502
        check_size("dim", dim)
        check_size("num_modalities", num_modalities, maximum=MAX_MODALITIES)
        super().__init__()
        self.dim = dim
        self.num_modalities = num_modalities

    def reset_parameters(self) -> None:
        """Reset the module's parameters, if it has any."""

    @abstractmethod
    def forward(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        """Fuse modalities.

        :param xs: shape: `(*batch_dims, dim)` the embeddings of each modality, first the structural one, zero where
            missing
        :param mask: shape: `(*batch_dims, num_modalities)`, dtype: bool, which of them are present

        :returns: shape: `(*batch_dims, dim)` the fused embeddings
        """

    @abstractmethod
    def shares(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        """Compute how much each modality contributes.

        :param xs: shape: `(*batch_dims, dim)` the embeddings of each modality, first the structural one, zero where
            missing
        :param mask: shape: `(*batch_dims, num_modalities)`, dtype: bool, which of them are present

        :returns: shape: `(*batch_dims, num_modalities)` the shares. They are not negative, and sum up to one.
        """


class SumFusion(Fusion):
    """Add up the modalities that are present."""

    @override
    def forward(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        return sum(xs[1:], start=xs[0])

    @override
    def shares(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        return mask.to(xs[0].dtype) / mask.sum(dim=-1, keepdim=True)


class MeanFusion(SumFusion):
    """Take the mean of the modalities that are present."""

    @override
    def forward(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        return super().forward(xs, mask) / mask.sum(dim=-1, keepdim=True)


class AttentionFusion(Fusion):
    r"""Take a weighted mean of the modalities that are present. The weights depend on their embeddings.

    .. math::
        \mathbf{x} = \sum_m \alpha_m \mathbf{x}_m, \quad
        \alpha = \mathrm{softmax}_m(\mathbf{v}^T \mathrm{LayerNorm}(\mathbf{x}_m))

    where $\mathbf{v}$ is learned. It starts at zero, so the fusion starts as the mean. The normalisation makes the
    weights independent of the scale of embeddings, which depends on the model and changes during training.
    """

    @override
    def __init__(self, *, dim: int, num_modalities: int) -> None:
        super().__init__(dim=dim, num_modalities=num_modalities)
        self.query = nn.Parameter(torch.zeros(dim))

    @override
    def reset_parameters(self) -> None:
        nn.init.zeros_(self.query)

    @override
    def forward(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        weights = self.shares(xs, mask).unsqueeze(dim=-1).unbind(dim=-2)
        fused = weights[0] * xs[0]
        for weight, x in zip(weights[1:], xs[1:], strict=True):
            fused = torch.addcmul(fused, weight, x)
        return fused

    @override
    def shares(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        # a small eps, since some models start with small embeddings. A smaller one would let gradients grow too large.
        scores = [functional.layer_norm(x, (self.dim,), eps=1e-8) @ self.query for x in xs]
        return torch.stack(scores, dim=-1).masked_fill(~mask, -torch.inf).softmax(dim=-1)


class GateFusion(Fusion):
    r"""Let one modality after the other into the structural embedding, each by a learned gate.

    .. math::
        \mathbf{x} \leftarrow \mathbf{z}_m \odot \mathbf{h}_m + (1 - \mathbf{z}_m) \odot \mathbf{x}

    with gate $\mathbf{z}_m$ and hidden layer $\mathbf{h}_m$ of :class:`pykeen.nn.combination.GatedCombination`. The
    number of parameters grows with the square of the dimension.
    """

    def __init__(self, *, dim: int, num_modalities: int, dropout: float = 0.0) -> None:
        """Initialize the fusion.

        :param dim: the number of real dimensions of an embedding. A complex number takes two.
        :param num_modalities: the number of modalities, including the structural one
        :param dropout: the dropout of each gate's input

        :raises ValueError: if one of the former is not a positive integer
        """  # noqa: DOC502
        check_fraction("dropout", dropout)
        super().__init__(dim=dim, num_modalities=num_modalities)
        self.gates = nn.ModuleList(
            GatedCombination(entity_dim=dim, literal_dim=dim, input_dropout=dropout) for _ in range(num_modalities - 1)
        )

    @override
    def reset_parameters(self) -> None:
        for module in self.gates.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()

    def _iter_gates(self, xs: Sequence[Tensor], mask: Tensor) -> Iterator[tuple[GatedCombination, Tensor, Tensor]]:
        """Iterate over the gates, each with its modality, and where this is present."""
        yield from zip(self.gates, xs[1:], mask.unsqueeze(dim=-1).unbind(dim=-2)[1:], strict=True)

    @override
    def forward(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        fused = xs[0]
        for gate, x, present in self._iter_gates(xs, mask):
            fused = torch.where(present, gate([fused, x]), fused)
        return fused

    @override
    def shares(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        # A gate takes the same share from each modality before it: its mean over the dimensions. This ignores that the
        # hidden layer depends on the modalities before it, too.
        fused, shares = xs[0], [torch.ones_like(xs[0][..., 0])]
        for gate, x, present in self._iter_gates(xs, mask):
            opening = torch.where(present, gate.gate([fused, x]), 0.0).mean(dim=-1)
            shares = [*(share * (1 - opening) for share in shares), opening]
            fused = torch.where(present, gate([fused, x]), fused)
        return torch.stack(shares, dim=-1)


#: A resolver for strategies to fuse modalities
fusion_resolver: ClassResolver[Fusion] = ClassResolver.from_subclasses(
    Fusion, default=AttentionFusion, location="pykeen_dhns.multimodal.fusion.fusion_resolver"
)
