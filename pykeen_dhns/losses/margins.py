"""Margin and weight of each hardness level."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..diffusion import Levels
from ..utils.validation import check_non_negative, check_numbers, show

__all__ = ["LevelMargins"]


class LevelMargins(nn.Module):
    r"""The margin $\gamma_t = \gamma t^a$ and the weight $w_t$ of each level $t$, or explicit ones."""

    #: Margins and weights of the own levels, on the device of the loss
    own_margins: Tensor
    own_weights: Tensor

    def __init__(
        self,
        margin: float,
        adaptivity: float,
        margins: Sequence[float] | None,
        weights: Sequence[float] | None,
        levels: Levels,
    ) -> None:
        r"""Initialize the margins.

        :param margin: the margin $\gamma \ge 0$ of pure noise
        :param adaptivity: the exponent $a \ge 0$ by which margins grow with the level
        :param margins: explicit margins instead, one per level, hardest first
        :param weights: explicit weights, one per level, hardest first. Defaults to 1.
        :param levels: the own levels. Their margins and weights are computed once.

        :raises ValueError: if an argument is out of its range
        """  # noqa: DOC502
        super().__init__()
        check_non_negative("margin", margin)
        check_non_negative("adaptivity", adaptivity)
        self.margin = margin
        self.adaptivity = adaptivity
        self.explicit_margins = None if margins is None else _check_margins(margins)
        self.explicit_weights = None if weights is None else _check_weights(weights)
        self.levels = levels
        # not saved, since they follow from the arguments
        self.register_buffer("own_margins", torch.tensor(self._compute_margins(levels)), persistent=False)
        self.register_buffer("own_weights", torch.tensor(self._compute_weights(levels)), persistent=False)

    def _compute_margins(self, levels: Levels) -> tuple[float, ...]:
        if self.explicit_margins is not None:
            return _check_length("margins", self.explicit_margins, levels)
        return tuple(self.margin * float(level) ** self.adaptivity for level in levels.fractions)

    def _compute_weights(self, levels: Levels) -> tuple[float, ...]:
        if self.explicit_weights is not None:
            return _check_length("weights", self.explicit_weights, levels)
        return (1.0,) * len(levels)

    def forward(self, levels: Levels | None = None) -> tuple[Tensor, Tensor]:
        """Return the margin and the weight of each level.

        :param levels: the levels. Defaults to the own ones.

        :returns: shape: (num_levels,) the margins, and the weights, hardest first
        """
        if levels is None or levels == self.levels:
            return self.own_margins, self.own_weights
        return (
            self.own_margins.new_tensor(self._compute_margins(levels)),
            self.own_weights.new_tensor(self._compute_weights(levels)),
        )


def _check_margins(margins: Sequence[float]) -> tuple[float, ...]:
    checked = check_numbers("margins", margins, "finite numbers")
    if list(checked) != sorted(checked):
        raise ValueError(
            f"margins={show(margins)} is invalid: it must be non-decreasing, since the hardest level comes first, and "
            "gets the smallest margin."
        )
    return checked


def _check_weights(weights: Sequence[float]) -> tuple[float, ...]:
    return check_numbers("weights", weights, "finite, non-negative numbers", minimum=0)


def _check_length(name: str, values: tuple[float, ...], levels: Levels) -> tuple[float, ...]:
    if len(values) != len(levels):
        raise ValueError(f"{name}={values} has {len(values)} values for {len(levels)} levels: one per level is needed.")
    return values
