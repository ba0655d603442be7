"""The loss of the whole method: any loss for sampled negatives, and a margin per level for generated ones."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from class_resolver import HintOrType, OptionalKwargs, ResolverKey, update_docstring_with_resolver_keys
from docdata import parse_docdata
from pykeen.losses import Loss, NSSALoss, Reduction, SetwiseLoss, UnsupportedLabelSmoothingError, loss_resolver
from pykeen.typing import BoolTensor, FloatTensor
from torch import Tensor
from typing_extensions import override

from .dense import process_dense, to_dense
from .level_terms import hardness_adaptive_rows, index_levels
from .margins import LevelMargins
from ..diffusion import Levels
from ..sampling.columns import ColumnLayout
from ..utils.arguments import suggest_names
from ..utils.validation import check_choice, check_component, check_fraction, check_non_negative

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

    where $L_{KGC}$ is the base loss, and the bar is the mean over the negatives of a level. The margin of a level, a
    fraction $0 < t \le 1$ of the diffusion's time steps, is $\gamma_t = \gamma t^a$: hard negatives (small $t$) get a
    small margin, pure noise gets all of $\gamma$. An adaptivity $a = 0$ is a fixed margin.

    .. note::

        In PyKEEN's own training loops, a loss only gets scores. It takes the last columns for generated ones, as
        :class:`pykeen_dhns.DHNSNegativeSampler` lays them out. So use it with this sampler, and with the same
        ``hard_fraction`` and ``levels`` in both. With ``training_loop="dhns"``, loss and sampler always fit.

    .. note::

        PyKEEN halves its NSSA loss if it is averaged, but not if it is summed. This loss never does. With NSSA as base,
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

    @suggest_names
    @update_docstring_with_resolver_keys(ResolverKey("base", "pykeen.losses.loss_resolver"))
    def __init__(
        self,
        margin: float = 9.0,
        adaptivity: float = 0.1,
        margins: Sequence[float] | None = None,
        weights: Sequence[float] | None = None,
        positive_weight: float = 0.0,
        hardness_weight: float = 0.1,
        levels: Levels | Sequence[float] | None = None,
        hard_fraction: float = 0.125,
        base: HintOrType[Loss] = None,
        base_kwargs: OptionalKwargs = None,
        reduction: Reduction = "mean",
    ) -> None:
        r"""Initialize the loss.

        :param margin: the margin $\gamma \ge 0$ of pure noise. Also that of the base loss, if this is NSSA, unless
            ``base_kwargs`` has another one.
        :param adaptivity: the exponent $a \ge 0$ by which margins grow with the level
        :param margins: explicit margins $\gamma_t$ instead, one per level, hardest first. They must not decrease.
        :param weights: the weights $w_t \ge 0$ of the negatives of a level, one per level, hardest first. Defaults to 1
        :param positive_weight: the weight $w^+ \ge 0$ of the positive. 1 is the paper's Eq. 13. $L_{KGC}$ has the
            positive already, and the default leaves it there: $L_{HA}$ is about generated negatives only.
        :param hardness_weight: the weight $\lambda \ge 0$ of the generated negatives
        :param levels: the hardness levels, as fractions in (0, 1] of the time steps. They must be those of the sampler,
            which has the same default.
        :param hard_fraction: the share of generated negatives, in [0, 1]. It must be that of the sampler, which has the
            same default, or 0 if the sampler has ``anneal_epochs``. Only matters in PyKEEN's own training loops.
        :param base: the loss $L_{KGC}$ over sampled negatives, by instance, class or name. Defaults to NSSA.
        :param base_kwargs: additional keyword-based parameters for the base loss
        :param reduction: how to reduce over the batch, ``mean`` or ``sum``. Also that of the base loss.

        :raises ValueError: if one of the arguments is out of its range, or does not fit to another; the message names
            it, its value, and what is allowed
        """  # noqa: DOC502
        check_choice("reduction", reduction, ("mean", "sum"))
        # the resolver has another default
        check_component("base", NSSALoss if base is None else base, base_kwargs, loss_resolver)
        check_non_negative("positive_weight", positive_weight)
        check_non_negative("hardness_weight", hardness_weight)
        check_fraction("hard_fraction", hard_fraction)
        super().__init__(reduction=reduction)
        self.levels = Levels.make(levels)
        self.margin = margin
        self.positive_weight = positive_weight
        self.hardness_weight = hardness_weight
        self.hard_fraction = hard_fraction
        self.level_margins = LevelMargins(margin, adaptivity, margins, weights, levels=self.levels)
        self.base = self._make_base(base, base_kwargs)
        self._messages: set[str] = set()

    def _make_base(self, base: HintOrType[Loss], kwargs: OptionalKwargs) -> Loss:
        cls = NSSALoss if base is None else loss_resolver.lookup(base)
        if issubclass(cls, HardnessAdaptiveLoss):
            message = f"base={base!r} is this loss itself. Choose another one, e.g., 'nssa'."
            raise ValueError(message)  # noqa: TRY004
        if isinstance(base, Loss):
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

    def hardness_adaptive(
        self,
        positive_scores: FloatTensor,
        generated_scores: FloatTensor,
        levels: Levels | None = None,
        adaptive: bool = True,
    ) -> FloatTensor:
        """Compute the loss over generated negatives.

        :param positive_scores: shape: (batch_size, 1) the scores of the positives
        :param generated_scores: shape: (batch_size, num_levels, num_negatives) the scores of the generated negatives,
            hardest level first
        :param levels: the levels. Defaults to this loss's own.
        :param adaptive: whether to use a margin per level, or the same, ``margin``, for all of them

        :returns: shape: () the loss, without the hardness weight

        :raises ValueError: if the number of levels differs from that of the scores
        """
        margins, weights = self.level_margins(levels)
        _, num_levels, num_negatives = generated_scores.shape
        if num_levels != len(margins):
            raise ValueError(
                f"generated_scores has shape {tuple(generated_scores.shape)}, i.e., {num_levels} levels, but there are "
                f"{len(margins)}: it must be (batch_size, num_levels, num_negatives). Pass the levels, if not this "
                f"loss's own, {self.levels.fractions}."
            )
        return self._reduce_hardness(
            positive_scores,
            generated_scores.flatten(start_dim=1),
            columns=torch.arange(num_levels, device=generated_scores.device).repeat_interleave(num_negatives),
            margins=margins if adaptive else torch.full_like(margins, self.margin),
            weights=weights,
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

    @override
    def process_slcwa_scores(
        self,
        positive_scores: FloatTensor,
        negative_scores: FloatTensor,
        label_smoothing: float | None = None,
        batch_filter: BoolTensor | None = None,
        num_entities: int | None = None,
        pos_weights: FloatTensor | None = None,
        neg_weights: FloatTensor | None = None,
    ) -> FloatTensor:
        negative_scores = to_dense(negative_scores, batch_filter)
        layout = ColumnLayout.create(negative_scores.shape[1], self.hard_fraction, levels=self.levels)
        self._describe(layout)
        return self.process_columns(
            positive_scores,
            negative_scores,
            layout,
            mask=batch_filter,
            label_smoothing=label_smoothing,
            num_entities=num_entities,
            pos_weights=pos_weights,
            neg_weights=neg_weights,
        )

    def _describe(self, layout: ColumnLayout) -> None:
        """Say what the loss makes of the columns. It cannot see whether the sampler agrees."""
        if layout.counts_as_sampled:
            self._log_once(
                logging.WARNING,
                "With %d negative(s) per positive and hard_fraction=%s, too much of the generated columns is sampled. "
                "All negatives go to the base loss, and margins have no effect. Use at least %d negatives.",
                layout.num_negs_per_pos,
                self.hard_fraction,
                self._find_enough_negatives(),
            )
        elif layout.num_generated:
            self._log_once(
                logging.INFO,
                "The last %d of %d negatives per positive count as generated (hard_fraction=%s, levels=%s). This needs "
                "negative_sampler='dhns' with the same hard_fraction and levels.",
                layout.num_generated,
                layout.num_negs_per_pos,
                self.hard_fraction,
                self.levels.fractions,
            )

    def _find_enough_negatives(self) -> int:
        """Find the smallest number of negatives, up to 2^20, with a column of each kind that counts."""
        # half of a generated column, and half of a sampled one, up to rounding
        least = max(0.5 / self.hard_fraction, 0.5 / (1 - self.hard_fraction))
        start = int(min(max(2, least), 2**20))
        layouts = (ColumnLayout.create(n, self.hard_fraction, self.levels) for n in range(start, start + 3))
        return next((layout.num_negs_per_pos for layout in layouts if not layout.counts_as_sampled), start)

    def process_columns(
        self,
        positive_scores: FloatTensor,
        negative_scores: FloatTensor,
        layout: ColumnLayout,
        *,
        mask: BoolTensor | None = None,
        label_smoothing: float | None = None,
        num_entities: int | None = None,
        pos_weights: FloatTensor | None = None,
        neg_weights: FloatTensor | None = None,
    ) -> FloatTensor:
        """Process scores of sampled and generated negatives.

        Sampled columns go to the base loss. Levels without any column take no part. Without generated columns, this is
        the base loss. Without sampled columns, only the weighted loss over generated negatives remains, which then
        needs a weight of the positive.

        :param positive_scores: shape: (batch_size, 1) the scores of the positives
        :param negative_scores: shape: (batch_size, num_negatives) the scores of the negatives, anything where masked
        :param layout: which columns are sampled, and which are generated, at which level
        :param mask: shape: (batch_size, num_negatives) which negatives a filter has left. None means all.
        :param label_smoothing: the label smoothing parameter of the base loss, which refuses it if it does not support
            it. It does not apply to generated negatives.
        :param num_entities: the number of entities. Only needed for label smoothing.
        :param pos_weights: shape: (batch_size, 1) or (batch_size,) the sample weights of the positives. The base loss
            refuses sample weights if it does not support them.
        :param neg_weights: shape: (batch_size, num_negatives) the sample weights of the negatives

        :returns: shape: () the loss

        :raises ValueError: if the layout is for another number of negatives, or if no term has the positive
        :raises UnsupportedLabelSmoothingError: if label smoothing is asked for, but there are only generated negatives
        """
        num_columns = negative_scores.shape[1]
        if layout.num_negs_per_pos != num_columns:
            raise ValueError(
                f"layout is for {layout.num_negs_per_pos} negatives per positive, but there are {num_columns}."
            )
        num_sampled = num_columns - len(layout.loss_levels)
        kgc = negative_scores.new_zeros(())
        if num_sampled:
            kgc = process_dense(
                self.base,
                positive_scores,
                negative_scores[:, :num_sampled],
                mask=None if mask is None else mask[:, :num_sampled],
                label_smoothing=label_smoothing,
                num_entities=num_entities,
                pos_weights=pos_weights,
                neg_weights=None if neg_weights is None else neg_weights[:, :num_sampled],
            )
        elif label_smoothing:
            raise UnsupportedLabelSmoothingError(self)
        elif not self.positive_weight:
            raise ValueError(
                f"All {num_columns} negatives per positive are generated, and positive_weight={self.positive_weight}: "
                "no term of the loss has the positive, so nothing can be learned. Use a lower hard_fraction, which "
                "leaves negatives to the base loss, or positive_weight=1."
            )
        if num_sampled == num_columns:
            return kgc
        present, columns = index_levels(layout.loss_levels, negative_scores.device)
        margins, weights = self.level_margins(layout.levels)
        hardness = self._reduce_hardness(
            positive_scores,
            negative_scores[:, num_sampled:],
            columns=columns,
            margins=margins[present],
            weights=weights[present],
            mask=None if mask is None else mask[:, num_sampled:],
            pos_weights=pos_weights,
            neg_weights=None if neg_weights is None else neg_weights[:, num_sampled:],
        )
        return kgc + self.hardness_weight * hardness

    @override
    def process_lcwa_scores(
        self,
        predictions: FloatTensor,
        labels: FloatTensor,
        label_smoothing: float | None = None,
        num_entities: int | None = None,
        weights: FloatTensor | None = None,
    ) -> FloatTensor:
        self._log_once(
            logging.WARNING,
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

    def _log_once(self, level: int, message: str, *args: object) -> None:
        if message not in self._messages:
            self._messages.add(message)
            logger.log(level, message, *args)


if HardnessAdaptiveLoss not in loss_resolver.lookup_dict.values():
    loss_resolver.register(HardnessAdaptiveLoss, synonyms=HardnessAdaptiveLoss.synonyms)
