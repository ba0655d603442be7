"""Hardness levels: the time steps at which the reverse process is stopped."""

from collections.abc import Sequence

__all__ = [
    "DEFAULT_LEVELS",
    "resolve_levels",
]

#: The levels of the paper, as fractions of the number of time steps, hardest first
DEFAULT_LEVELS: tuple[float, ...] = (1 / 20, 1 / 10, 1 / 5, 1 / 2)


def resolve_levels(levels: Sequence[float] | None, num_timesteps: int) -> tuple[int, ...]:
    r"""Translate levels from fractions of the time to time steps.

    An early stop of the denoising (a large time step) leaves much noise and makes an easy negative, a late stop a hard
    one.

    :param levels: the levels as fractions $0 < l \le 1$ of the number of time steps. Defaults to
        :data:`DEFAULT_LEVELS`.
    :param num_timesteps: the number of time steps $T$

    :returns: the time steps $\max(1, [l \cdot T])$ in ascending order, i.e., hardest first. Levels that fall onto the
        same step (small $T$) stay separate entries, such that the number of levels does not depend on $T$.

    :raises ValueError: if there is no level, or one outside of (0, 1]
    """
    levels = DEFAULT_LEVELS if levels is None else tuple(levels)
    if not levels:
        raise ValueError("levels=() is empty: at least one level, a number in (0, 1], is needed.")
    # written such that NaN fails, too
    invalid = [level for level in levels if not 0 < level <= 1]
    if invalid:
        raise ValueError(
            f"levels={levels} contains {invalid}: each level is a fraction of the time steps and must be in (0, 1]."
        )
    return tuple(sorted(max(1, round(level * num_timesteps)) for level in levels))
