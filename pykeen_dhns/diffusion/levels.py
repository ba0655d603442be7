"""Hardness levels: where the reverse process is stopped."""

import dataclasses
from collections.abc import Sequence
from typing import Union

from ..utils.validation import check_numbers, show

__all__ = ["Levels"]


@dataclasses.dataclass(frozen=True)
class Levels:
    """The hardness levels, as fractions of the number of time steps, hardest first.

    An early stop of the denoising (a large fraction) leaves much noise and makes an easy negative. A late stop makes a
    hard one. Sampler, generator and loss all take their levels from here. By default, these are the paper's.
    """

    fractions: tuple[float, ...] = (1 / 20, 1 / 10, 1 / 5, 1 / 2)

    def __post_init__(self) -> None:
        """Check the fractions, and sort them.

        :raises ValueError: if there is no level, or one outside of (0, 1]
        """
        allowed = "numbers in (0, 1], fractions of the time steps"
        fractions = check_numbers("levels", self.fractions, allowed, minimum=0, exclude_minimum=True, maximum=1)
        if not fractions:
            raise ValueError(f"levels={show(self.fractions)} is empty: it must be a sequence of {allowed}.")
        object.__setattr__(self, "fractions", tuple(sorted(fractions)))

    @classmethod
    def make(cls, levels: Union["Levels", Sequence[float], None]) -> "Levels":
        """Make levels from what a user gives.

        :param levels: the levels, or their fractions, or None for the default

        :returns: the levels
        """
        if levels is None:
            return cls()
        return levels if isinstance(levels, Levels) else cls(levels)  # type: ignore[arg-type]

    def time_steps(self, num_timesteps: int) -> tuple[int, ...]:
        r"""Return the time step of each level.

        :param num_timesteps: the number of time steps $T$

        :returns: the time steps $\max(1, [l \cdot T])$, ascending. Levels that fall onto the same step (small $T$) stay
            separate entries, so the number of levels does not depend on $T$.
        """
        return tuple(max(1, round(fraction * num_timesteps)) for fraction in self.fractions)

    def __len__(self) -> int:
        """Return the number of levels."""
        return len(self.fractions)
