"""The loss of the whole method: any loss for sampled negatives, and a margin per level for generated ones."""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from class_resolver import HintOrType, OptionalKwargs, ResolverKey, update_docstring_with_resolver_keys
from docdata import parse_docdata
from pykeen.losses import (
    Loss,
    NSSALoss,
    Reduction,
    SetwiseLoss,
    UnsupportedLabelSmoothingError,
    loss_resolver,
)
from pykeen.typing import BoolTensor, FloatTensor
from torch import Tensor

from .columns import split_columns, to_dense, to_sparse
from .level_values import check_ascending, check_length, check_margins, check_weights
from .rows import hardness_adaptive_rows
from ..diffusion.levels import DEFAULT_LEVELS, resolve_levels
from ..sampling.columns import ColumnLayout, is_in_use
from ..utils.validation import check_fraction, check_non_negative

__all__ = ["HardnessAdaptiveLoss"]

logger = logging.getLogger(__name__)


@parse_docdata
class HardnessAdaptiveLoss(SetwiseLoss):
    r"""Any loss over sampled negatives, plus one over generated negatives with a margin that grows with their level.

    With PyKEEN's scores $f$ (higher is more plausible), $f^+$ of the positive and $f^-_t$ of the negatives of level
    $t$, the loss of a positive is

    .. math::

        L = L_{KGC} + \lambda L_{HA}, \quad
        L_{HA} = \frac{1}{|\mathcal{T}|} \sum_{t \in \mathcal{T}} \left(
            -w^+ \log \sigma(\gamma_t + f^+) - w_t \, \overline{\log \sigma(-f^-_t - \gamma_t)}
        \right)

    where $L_{KGC}$ is the base loss, and the bar is the mean over the negatives of a level. The margin of a level,
    which is a fraction $0 < t \le 1$ of the diffusion's time steps, is $\gamma_t = \gamma t^a$: hard negatives (small
    $t$) get a small margin, pure noise gets all of $\gamma$. An adaptivity $a = 0$ is a fixed margin.

    .. note::

        In PyKEEN's own training loops, the loss only gets scores. Which of them belong to generated negatives, and to
        which level, follows from the layout of :class:`pykeen_dhns.DHNSNegativeSampler`. So it must be the sampler, and
        ``hard_fraction`` and ``levels`` must be the same in both.

    .. note::

        PyKEEN halves its NSSA loss if it is averaged, but not if it is summed. This loss never does: with NSSA as base,
        the same $\lambda$ weighs twice as much for ``reduction="mean"``.
    ---
    name: Hardness-adaptive
    """

    synonyms: ClassVar[set[str] | None] = {"dhns", "HAL"}

    hpo_default: ClassVar[Mapping[str, Any]] = dict(
        margin=dict(type=int, low=3, high=30, q=3),
        adaptivity=dict(type=float, low=0.0, high=1.0),
        hardness_weight=dict(type=float, low=0.01, high=1.0, log=True),
    )

    #: Margins and weights of this loss's own levels
    _margins: Tensor
    _weights: Tensor

    @update_docstring_with_resolver_keys(ResolverKey("base", "pykeen.losses.loss_resolver"))
    def __init__(
        self,
        margin: float = 9.0,
        adaptivity: float = 0.1,
        margins: Sequence[float] | None = None,
        weights: Sequence[float] | None = None,
        positive_weight: float = 0.0,
        hardness_weight: float = 0.1,
        levels: Sequence[float] | None = None,
        hard_fraction: float = 0.125,
        base: HintOrType[Loss] = None,
        base_kwargs: OptionalKwargs = None,
        reduction: Reduction = "mean",
    ) -> None:
        r"""Initialize the loss.

        :param margin: the margin $\gamma \ge 0$ of pure noise. Also that of the base loss, if this is NSSA, unless
            ``base_kwargs`` has another one.
        :param adaptivity: the exponent $a \ge 0$ by which margins grow with the level
        :param margins: explicit margins $\gamma_t$ instead, one per level, hardest first, thus non-decreasing
        :param weights: the weights $w_t \ge 0$ of the negatives of a level, one per level, hardest first. Defaults to 1
        :param positive_weight: the weight $w^+ \ge 0$ of the positive. 1 is the paper's Eq. 13. $L_{KGC}$ has the
            positive already; the default leaves it there, such that $L_{HA}$ is only about generated negatives. To
            pull it twice did harm wherever the margin was right (``docs/findings.md``).
        :param hardness_weight: the weight $\lambda \ge 0$ of the generated negatives
        :param levels: the hardness levels, as fractions in (0, 1] of the time steps. Must be those of the sampler,
            whose default this one shares.
        :param hard_fraction: the share of generated negatives, in [0, 1]. Must be that of the sampler, whose default
            this one shares. Only matters in PyKEEN's own training loops.
        :param base: the loss $L_{KGC}$ over sampled negatives, by instance, class or name. Defaults to NSSA.
        :param base_kwargs: additional keyword-based parameters for the base loss
        :param reduction: how to reduce over the batch, ``mean`` or ``sum``. Also that of the base loss.

        :raises ValueError: if one of the arguments is out of its range, or does not fit to another; the message names
            it, its value, and what is allowed
        """  # noqa: DOC502
        if reduction not in {"mean", "sum"}:
            raise ValueError(f"reduction={reduction!r} is invalid: it must be 'mean' or 'sum'.")
        check_non_negative("margin", margin)
        check_non_negative("adaptivity", adaptivity)
        check_non_negative("positive_weight", positive_weight)
        check_non_negative("hardness_weight", hardness_weight)
        check_fraction("hard_fraction", hard_fraction)
        super().__init__(reduction=reduction)
        # only for its checks: what the loss needs are the fractions
        resolve_levels(levels, num_timesteps=1)
        self.levels: tuple[float, ...] = DEFAULT_LEVELS if levels is None else tuple(sorted(levels))
        self.margin = margin
        self.adaptivity = adaptivity
        self.margins = None if margins is None else check_margins(margins)
        self.weights = None if weights is None else check_weights(weights)
        self.positive_weight = positive_weight
        self.hardness_weight = hardness_weight
        self.hard_fraction = hard_fraction
        # derived from the arguments, hence not part of the state
        self.register_buffer("_margins", torch.tensor(self._compute_margins(self.levels)), persistent=False)
        self.register_buffer("_weights", torch.tensor(self._compute_weights(self.levels)), persistent=False)
        self.base = self._make_base(base, base_kwargs)
        self._warned: set[str] = set()
        # those that have been compared to that of the sampler
        self._layouts: set[ColumnLayout] = set()

    def _make_base(self, base: HintOrType[Loss], kwargs: OptionalKwargs) -> Loss:
        cls = NSSALoss if base is None else loss_resolver.lookup(base)
        if issubclass(cls, HardnessAdaptiveLoss):
            message = f"base={base!r} is this loss itself. Choose another one, e.g., 'nssa'."
            raise ValueError(message)  # noqa: TRY004
        if isinstance(base, Loss):
            if kwargs:
                raise ValueError(
                    f"base_kwargs={kwargs!r} have no effect on a base that is an instance. Leave them out."
                )
            loss = base
        else:
            defaults: dict[str, Any] = dict(reduction=self.reduction)
            if issubclass(cls, NSSALoss):
                defaults["margin"] = self.margin
            loss = loss_resolver.make(cls, pos_kwargs=defaults | dict(kwargs or {}))
        if loss.reduction != self.reduction:
            raise ValueError(
                f"reduction={self.reduction!r} differs from the base loss's {loss.reduction!r}: both must be the same."
            )
        return loss

    def _compute_margins(self, levels: Sequence[float]) -> tuple[float, ...]:
        if self.margins is not None:
            return check_length("margins", self.margins, levels)
        return tuple(self.margin * float(level) ** self.adaptivity for level in levels)

    def _compute_weights(self, levels: Sequence[float]) -> tuple[float, ...]:
        if self.weights is not None:
            return check_length("weights", self.weights, levels)
        return (1.0,) * len(levels)

    def level_margins(self, levels: Sequence[float] | None = None) -> Tensor:
        """Return the margin of each level.

        :param levels: the levels, as ascending fractions in (0, 1] of the time steps. Defaults to this loss's own.

        :returns: shape: (num_levels,) the margins, hardest first
        """
        if self._is_own(levels):
            return self._margins
        return self._margins.new_tensor(self._compute_margins(check_ascending(levels)))

    def level_weights(self, levels: Sequence[float] | None = None) -> Tensor:
        """Return the weight of the negatives of each level.

        :param levels: the levels, as ascending fractions in (0, 1] of the time steps. Defaults to this loss's own.

        :returns: shape: (num_levels,) the weights, hardest first
        """
        if self._is_own(levels):
            return self._weights
        return self._weights.new_tensor(self._compute_weights(check_ascending(levels)))

    def _is_own(self, levels: Sequence[float] | None) -> bool:
        return levels is None or tuple(levels) == self.levels

    def hardness_adaptive(
        self,
        positive_scores: FloatTensor,
        generated_scores: FloatTensor,
        mask: BoolTensor | None = None,
        levels: Sequence[float] | None = None,
        adaptive: bool = True,
    ) -> FloatTensor:
        """Compute the loss over generated negatives.

        :param positive_scores: shape: (batch_size, 1) the scores of the positives
        :param generated_scores: shape: (batch_size, num_levels, num_negatives) the scores of the generated negatives,
            hardest level first
        :param mask: shape: (batch_size, num_levels, num_negatives) which of them count. Defaults to all. Where a level
            has none, only the positive counts. Masked scores may be infinite or NaN.
        :param levels: the levels, as ascending fractions in (0, 1] of the time steps. Defaults to this loss's own.
        :param adaptive: whether to use a margin per level, or the same, ``margin``, for all of them

        :returns: shape: () the loss, without the hardness weight

        :raises ValueError: if the number of levels differs from that of the scores
        """
        margins, weights = self.level_margins(levels), self.level_weights(levels)
        _, num_levels, num_negatives = generated_scores.shape
        if num_levels != len(margins):
            raise ValueError(
                f"generated_scores has shape {tuple(generated_scores.shape)}, i.e., {num_levels} levels, but there are "
                f"{len(margins)}: it must be (batch_size, num_levels, num_negatives). Pass the levels, if not this "
                f"loss's own, {self.levels}."
            )
        return self._reduce_hardness(
            positive_scores,
            generated_scores.flatten(start_dim=1),
            columns=torch.arange(num_levels, device=generated_scores.device).repeat_interleave(num_negatives),
            margins=margins if adaptive else torch.full_like(margins, self.margin),
            weights=weights,
            mask=None if mask is None else mask.flatten(start_dim=1),
        )

    def _reduce_hardness(self, positive_scores: Tensor, generated_scores: Tensor, **kwargs: Any) -> Tensor:
        rows = hardness_adaptive_rows(
            positive_scores,
            generated_scores,
            positive_weight=self.positive_weight,
            normalize=self.reduction != "sum",
            **kwargs,
        )
        loss: Tensor = self._reduction_method(rows)
        return loss

    def combine(self, kgc: FloatTensor, hardness: FloatTensor) -> FloatTensor:
        """Combine the losses over sampled and generated negatives.

        :param kgc: shape: () the base loss over sampled negatives
        :param hardness: shape: () the loss over generated negatives

        :returns: shape: () the loss
        """
        return kgc + self.hardness_weight * hardness

    # docstr-coverage: inherited
    def process_slcwa_scores(  # noqa: D102
        self,
        positive_scores: FloatTensor,
        negative_scores: FloatTensor,
        label_smoothing: float | None = None,
        batch_filter: BoolTensor | None = None,
        num_entities: int | None = None,
        pos_weights: FloatTensor | None = None,
        neg_weights: FloatTensor | None = None,
    ) -> FloatTensor:
        num_negs_per_pos = (negative_scores if batch_filter is None else batch_filter).shape[1]
        return self.process_columns(
            positive_scores=positive_scores,
            negative_scores=negative_scores,
            column_levels=self._column_levels(num_negs_per_pos),
            label_smoothing=label_smoothing,
            batch_filter=batch_filter,
            num_entities=num_entities,
            pos_weights=pos_weights,
            neg_weights=neg_weights,
        )

    def _column_levels(self, num_negs_per_pos: int) -> Tensor:
        """Return the level of each column, as the sampler lays them out.

        :param num_negs_per_pos: the number of negatives per positive

        :returns: shape: (num_negs_per_pos,) the levels, with -1 for sampled columns, and for one that counts as sampled
        """
        layout = ColumnLayout.create(num_negs_per_pos, self.hard_fraction, num_levels=len(self.levels))
        if layout.counts_as_sampled:
            self._warn_once(
                "With %d negative(s) per positive and hard_fraction=%s, too much of the generated column is sampled. "
                "All negatives go to the base loss, and margins have no effect. Use at least %d negatives.",
                num_negs_per_pos,
                self.hard_fraction,
                max(2, math.ceil(0.5 / self.hard_fraction)),
            )
        elif layout not in self._layouts:
            self._layouts.add(layout)
            if layout.num_generated and not is_in_use(layout, self.levels):
                self._warn_once(
                    "Of %d negatives per positive, the last %d are taken for generated ones, by hard_fraction=%s and "
                    "levels=%s, but there is no dhns sampler that generates just these: margins of levels go to other "
                    "negatives. Pass the same hard_fraction and levels to negative_sampler_kwargs and loss_kwargs (in "
                    "a search, fix them), or use training_loop='dhns', in which loss and sampler always fit.",
                    num_negs_per_pos,
                    layout.num_generated,
                    self.hard_fraction,
                    self.levels,
                )
        return layout.column_levels()

    def process_columns(
        self,
        positive_scores: FloatTensor,
        negative_scores: FloatTensor,
        column_levels: Tensor,
        *,
        levels: Sequence[float] | None = None,
        label_smoothing: float | None = None,
        batch_filter: BoolTensor | None = None,
        num_entities: int | None = None,
        pos_weights: FloatTensor | None = None,
        neg_weights: FloatTensor | None = None,
    ) -> FloatTensor:
        """Process scores of sampled and generated negatives.

        The former go to the base loss. Levels without any column take no part. Without any generated columns, this is
        the base loss. Without any sampled ones, nothing is left for the base loss, and only the weighted loss over
        generated negatives remains, which then needs a weight of the positive.

        :param positive_scores: shape: (batch_size, 1) the scores of the positives
        :param negative_scores: shape: (batch_size, num_negatives) or (num_unfiltered_negatives,) the scores of the
            negatives
        :param column_levels: shape: (num_negatives,) the level of each column, -1 for sampled ones, which come first;
            see :meth:`pykeen_dhns.sampling.columns.ColumnLayout.column_levels`. Best kept on the CPU.
        :param levels: the levels, as ascending fractions in (0, 1] of the time steps. Defaults to this loss's own.
        :param label_smoothing: the label smoothing parameter of the base loss, which refuses it if it does not support
            it. It does not apply to generated negatives.
        :param batch_filter: shape: (batch_size, num_negatives) which negatives are left by a filter. Needed if the
            scores of the negatives are sparse.
        :param num_entities: the number of entities. Only needed for label smoothing.
        :param pos_weights: shape: (batch_size, 1) or (batch_size,) the sample weights of the positives. The base loss
            refuses sample weights if it does not support them.
        :param neg_weights: shape: (batch_size, num_negatives) the sample weights of the negatives

        :returns: shape: () the loss

        :raises ValueError: if the column levels are not valid, or not one per column; or if no term of the loss has the
            positive
        :raises UnsupportedLabelSmoothingError: if label smoothing is asked for, but there are only generated negatives
        """
        margins, weights = self.level_margins(levels), self.level_weights(levels)
        num_columns = (negative_scores if batch_filter is None else batch_filter).shape[1]
        if column_levels.shape != (num_columns,):
            raise ValueError(
                f"column_levels has shape {tuple(column_levels.shape)}, but there are {num_columns} negatives per "
                f"positive: it must be ({num_columns},)."
            )
        num_sampled, present, columns = split_columns(
            tuple(column_levels.tolist()), num_levels=len(margins), device=negative_scores.device
        )
        negative_scores = to_dense(negative_scores, batch_filter)
        kgc = negative_scores.new_zeros(())
        if num_sampled:
            mask = None if batch_filter is None else batch_filter[:, :num_sampled]
            kgc = self.base.process_slcwa_scores(
                positive_scores,
                to_sparse(negative_scores[:, :num_sampled], mask),
                label_smoothing=label_smoothing,
                batch_filter=mask,
                num_entities=num_entities,
                pos_weights=pos_weights,
                neg_weights=None if neg_weights is None else to_sparse(neg_weights[:, :num_sampled], mask),
            )
        elif label_smoothing:
            raise UnsupportedLabelSmoothingError(self)
        elif not self.positive_weight:
            raise ValueError(
                f"All {num_columns} negatives per positive are generated, and positive_weight={self.positive_weight}: "
                "no term of the loss has the positive, hence nothing can be learned. Use a lower hard_fraction, such "
                "that the base loss has negatives, too, or positive_weight=1."
            )
        if num_sampled == num_columns:
            return kgc
        hardness = self._reduce_hardness(
            positive_scores,
            negative_scores[:, num_sampled:],
            columns=columns,
            margins=margins[present],
            weights=weights[present],
            mask=None if batch_filter is None else batch_filter[:, num_sampled:],
            pos_weights=pos_weights,
            neg_weights=None if neg_weights is None else neg_weights[:, num_sampled:],
        )
        return self.combine(kgc, hardness)

    # docstr-coverage: inherited
    def process_lcwa_scores(  # noqa: D102
        self,
        predictions: FloatTensor,
        labels: FloatTensor,
        label_smoothing: float | None = None,
        num_entities: int | None = None,
        weights: FloatTensor | None = None,
    ) -> FloatTensor:
        self._warn_once(
            "There are no generated negatives in LCWA training, where this loss is only its base loss, %s. Use the "
            "sLCWA training loop, with the dhns sampler.",
            type(self.base).__name__,
        )
        return self.base.process_lcwa_scores(
            predictions=predictions,
            labels=labels,
            label_smoothing=label_smoothing,
            num_entities=num_entities,
            weights=weights,
        )

    def _warn_once(self, message: str, *args: object) -> None:
        if message not in self._warned:
            self._warned.add(message)
            logger.warning(message, *args)


if HardnessAdaptiveLoss not in loss_resolver.lookup_dict.values():
    loss_resolver.register(HardnessAdaptiveLoss, synonyms=HardnessAdaptiveLoss.synonyms)
