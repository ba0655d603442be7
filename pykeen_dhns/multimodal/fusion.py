r"""How the modalities of an entity become one embedding.

All strategies are about embeddings $\mathbf{x}_0, \ldots, \mathbf{x}_M$ of the same shape, of which the first is the
structural one. It is always present, others may be missing: a missing modality is left out, as if there were none.
Complex embeddings are fused as pairs of real numbers.
"""

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import torch
from class_resolver import ClassResolver
from pykeen.nn.combination import Combination, GatedCombination
from torch import Tensor, nn
from torch.nn import functional

from ..utils.validation import check_positive_int

__all__ = [
    "AttentionFusion",
    "Fusion",
    "GateFusion",
    "MeanFusion",
    "SumFusion",
    "fusion_resolver",
]


def flatten_real(x: Tensor, num_batch_dims: int) -> Tensor:
    """View tensors as real vectors.

    :param x: shape: `(*batch_dims, *shape)` the tensors, real or complex
    :param num_batch_dims: the number of batch dimensions

    :returns: shape: `(*batch_dims, dim)` their real views. A complex number counts twice.
    """
    real = torch.view_as_real(x) if x.is_complex() else x
    # spelled out, since a batch may be empty, and a shape, too
    return real.reshape(*real.shape[:num_batch_dims], math.prod(real.shape[num_batch_dims:]))


def unflatten_real(x: Tensor, like: Tensor) -> Tensor:
    """Undo :func:`flatten_real`.

    :param x: shape: `(*batch_dims, dim)` the real views
    :param like: shape: `(*batch_dims, *shape)` a tensor of the shape and the type wanted

    :returns: shape: `(*batch_dims, *shape)` the tensors
    """
    return torch.view_as_complex(x.reshape(*like.shape, 2)) if like.is_complex() else x.reshape(like.shape)


class Fusion(Combination):
    """A strategy to fuse modalities."""

    def __init__(self, *, dim: int, num_modalities: int) -> None:
        """Initialize the fusion.

        :param dim: the real dimension of an embedding, i.e., the number of its elements. Complex ones count twice.
        :param num_modalities: the number of modalities, with the structural one

        :raises ValueError: if one of them is no positive number
        """  # noqa: DOC502
        check_positive_int("dim", dim)
        check_positive_int("num_modalities", num_modalities)
        super().__init__()
        self.dim = dim
        self.num_modalities = num_modalities

    def reset_parameters(self) -> None:
        """Reset the module's parameters, if it has any."""

    def forward(self, xs: Sequence[Tensor], mask: Tensor | None = None) -> Tensor:
        """Fuse modalities.

        :param xs: shape: `(*batch_dims, *shape)` the embeddings for each modality, first the structural one
        :param mask: shape: `(*batch_dims, num_modalities)`, dtype: bool, which of them are present. None means all.

        :returns: shape: `(*batch_dims, *shape)` the fused embeddings
        """
        flat, mask = self._prepare(xs, mask)
        if len(xs) == 1:
            return xs[0]
        return unflatten_real(self._fuse(flat, mask), like=xs[0])

    def shares(self, xs: Sequence[Tensor], mask: Tensor | None = None) -> Tensor:
        """Say how much each modality contributes.

        :param xs: shape: `(*batch_dims, *shape)` the embeddings for each modality, first the structural one
        :param mask: shape: `(*batch_dims, num_modalities)`, dtype: bool, which of them are present. None means all.

        :returns: shape: `(*batch_dims, num_modalities)` the shares: not negative, with a sum of one
        """
        return self._shares(*self._prepare(xs, mask))

    @abstractmethod
    def _fuse(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        """Fuse at least two modalities.

        :param xs: shape: `(*batch_dims, dim)` the real views of the embeddings, zero where missing
        :param mask: shape: `(*batch_dims, num_modalities)`, dtype: bool, which of them are present

        :returns: shape: `(*batch_dims, dim)` the real views of the fused embeddings
        """

    @abstractmethod
    def _shares(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        """Say how much each modality contributes.

        :param xs: shape: `(*batch_dims, dim)` the real views of the embeddings, zero where missing
        :param mask: shape: `(*batch_dims, num_modalities)`, dtype: bool, which of them are present

        :returns: shape: `(*batch_dims, num_modalities)` the shares
        """

    def _prepare(self, xs: Sequence[Tensor], mask: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """Check modalities, and get their real views, zero where missing, and the mask."""
        if len(xs) != self.num_modalities:
            raise ValueError(
                f"{len(xs)} modalities were given, but this fusion is for num_modalities={self.num_modalities}."
            )
        if mask is None:
            batch_dims = xs[0].shape[: self._num_batch_dims(xs[0])]
            mask = torch.ones(*batch_dims, len(xs), dtype=torch.bool, device=xs[0].device)
        first, *others = (flatten_real(x, num_batch_dims=mask.ndim - 1) for x in xs)
        if first.shape[-1] != self.dim:
            raise ValueError(
                f"Embeddings of shape {tuple(xs[0].shape)} have {first.shape[-1]} elements each, but this fusion is "
                f"for dim={self.dim}."
            )
        # missing modalities may hold anything, even NaN, of which neither values nor gradients must get through
        present = mask.unsqueeze(dim=-1).unbind(dim=-2)[1:]
        return [first, *(x.masked_fill(~there, 0.0) for x, there in zip(others, present, strict=True))], mask

    def _num_batch_dims(self, x: Tensor) -> int:
        """Find out how many dimensions come before those of a single embedding."""
        num_elements, num_batch_dims = 2 if x.is_complex() else 1, x.ndim
        while num_elements < self.dim and num_batch_dims:
            num_batch_dims -= 1
            num_elements *= x.shape[num_batch_dims]
        return num_batch_dims

    # docstr-coverage: inherited
    def output_shape(self, input_shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:  # noqa: D102
        if len(set(input_shapes)) != 1:
            raise ValueError(f"input_shapes={input_shapes} differ: modalities must have the same shape to be fused.")
        return input_shapes[0]

    # docstr-coverage: inherited
    def iter_extra_repr(self) -> Iterable[str]:  # noqa: D102
        yield from super().iter_extra_repr()
        yield f"dim={self.dim}"
        yield f"num_modalities={self.num_modalities}"


class SumFusion(Fusion):
    """Add up the modalities that are present."""

    # docstr-coverage: inherited
    def _fuse(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:  # noqa: ARG002
        fused = xs[0]
        for x in xs[1:]:
            fused = fused + x
        return fused

    # docstr-coverage: inherited
    def _shares(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        return mask.to(xs[0].dtype) / mask.sum(dim=-1, keepdim=True)


class MeanFusion(SumFusion):
    """Take the mean of the modalities that are present."""

    # docstr-coverage: inherited
    def _fuse(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        return super()._fuse(xs, mask) / mask.sum(dim=-1, keepdim=True)


class AttentionFusion(Fusion):
    r"""Take a weighted mean of the modalities that are present, with weights by their embeddings.

    .. math::
        \mathbf{x} = \sum_m \alpha_m \mathbf{x}_m, \quad
        \alpha = \mathrm{softmax}_m(\mathbf{v}^T \mathrm{LayerNorm}(\mathbf{x}_m))

    where $\mathbf{v}$ is learned. It starts at zero, so the fusion starts as the mean. The normalisation makes the
    weights independent of the scale of embeddings, which depends on the model and changes during training.
    """

    def __init__(self, *, dim: int, num_modalities: int) -> None:
        """Initialize the fusion.

        :param dim: the real dimension of an embedding, i.e., the number of its elements. Complex ones count twice.
        :param num_modalities: the number of modalities, with the structural one

        :raises ValueError: if one of them is no positive number
        """  # noqa: DOC502
        super().__init__(dim=dim, num_modalities=num_modalities)
        self.query = nn.Parameter(torch.zeros(dim))

    # docstr-coverage: inherited
    def reset_parameters(self) -> None:  # noqa: D102
        nn.init.zeros_(self.query)

    # docstr-coverage: inherited
    def _fuse(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        weights = self._shares(xs, mask).unsqueeze(dim=-1).unbind(dim=-2)
        fused = weights[0] * xs[0]
        for weight, x in zip(weights[1:], xs[1:], strict=True):
            fused = torch.addcmul(fused, weight, x)
        return fused

    # docstr-coverage: inherited
    def _shares(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        # small, since some models start with embeddings that are; not smaller, since gradients grow with its inverse
        scores = [functional.layer_norm(x, (self.dim,), eps=1e-8) @ self.query for x in xs]
        return torch.stack(scores, dim=-1).masked_fill(~mask, -torch.inf).softmax(dim=-1)


class GateFusion(Fusion):
    r"""Let one modality after the other into the structural embedding, each by a learned gate.

    .. math::
        \mathbf{x} \leftarrow \mathbf{z}_m \odot \mathbf{h}_m + (1 - \mathbf{z}_m) \odot \mathbf{x}

    with gate $\mathbf{z}_m$ and hidden layer $\mathbf{h}_m$ of :class:`pykeen.nn.combination.GatedCombination`. The
    parameters grow with the square of the dimension.
    """

    def __init__(self, *, dim: int, num_modalities: int, dropout: float = 0.0) -> None:
        """Initialize the fusion.

        :param dim: the real dimension of an embedding, i.e., the number of its elements. Complex ones count twice.
        :param num_modalities: the number of modalities, with the structural one
        :param dropout: the dropout after each gate

        :raises ValueError: if one of the former is no positive number
        """  # noqa: DOC502
        super().__init__(dim=dim, num_modalities=num_modalities)
        self.gates = nn.ModuleList(
            GatedCombination(entity_dim=dim, literal_dim=dim, input_dropout=dropout) for _ in range(num_modalities - 1)
        )

    # docstr-coverage: inherited
    def reset_parameters(self) -> None:  # noqa: D102
        for module in self.gates.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()

    def _iter_gates(self, xs: Sequence[Tensor], mask: Tensor) -> Iterator[tuple[GatedCombination, Tensor, Tensor]]:
        """Iterate over the gates, each with its modality, and where this is present."""
        yield from zip(self.gates, xs[1:], mask.unsqueeze(dim=-1).unbind(dim=-2)[1:], strict=True)

    # docstr-coverage: inherited
    def _fuse(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        fused = xs[0]
        for gate, x, present in self._iter_gates(xs, mask):
            fused = torch.where(present, gate([fused, x]), fused)
        return fused

    # docstr-coverage: inherited
    def _shares(self, xs: Sequence[Tensor], mask: Tensor) -> Tensor:
        # What a gate lets in, on average over the dimensions, takes the same share from each modality before it. This
        # leaves out that the hidden layer, too, depends on what came before.
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
