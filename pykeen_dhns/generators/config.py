"""The arguments of generators, as sampler, training loop and Lightning module take them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from class_resolver import ClassResolver, Hint, HintType, OptionalKwargs
from torch import nn

from .base import EmbeddingGenerator
from .controls import GaussianNoise, QueryGenerator
from .diffheg import DiffHEG
from ..diffusion import Levels, Prediction, Reverse, Schedule
from ..utils.arguments import argument_names
from ..utils.validation import check_component

__all__ = ["GeneratorConfig", "generator_resolver"]

#: A resolver for generators: ``diffheg``, the default, ``noise``, and ``query``
generator_resolver: ClassResolver[EmbeddingGenerator] = ClassResolver(
    [DiffHEG, GaussianNoise, QueryGenerator],
    base=EmbeddingGenerator,
    default=DiffHEG,
    suffix="Generator",
    synonyms={"noise": GaussianNoise, "shadow": QueryGenerator},
    location="pykeen_dhns.generators.generator_resolver",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    """The arguments of generators. Each generator gets those that it has, and the others have no effect on it."""

    #: The generator, by class or name, cf. :data:`pykeen_dhns.generators.generator_resolver`
    generator: HintType[EmbeddingGenerator] = None
    #: Additional keyword-based arguments, for generators of your own. They win over those below.
    generator_kwargs: OptionalKwargs = None
    #: The number of time steps $T$
    num_timesteps: int = 50
    #: The noise schedule, by function or name: ``linear``, ``cosine``, or ``unscaled``
    schedule: Hint[Schedule] = None
    #: The reverse process: ``short``, a short grid, or ``ddpm``, all time steps
    reverse: Reverse = "short"
    #: The hardness levels, as fractions in (0, 1] of the time steps. Defaults to the paper's.
    levels: Levels | Sequence[float] | None = None
    #: The learning rate of the generator's own Adam
    learning_rate: float = 2e-3
    #: The hidden dimension of the denoiser. Defaults to four times the embedding dimension, but at most 256.
    hidden_dim: int | None = None
    #: The number of hidden layers of the denoiser
    num_layers: int = 2
    #: What the denoiser predicts: ``velocity`` or, as in the paper, ``noise``
    prediction: Prediction = "velocity"

    def _check_generator(self) -> None:
        if isinstance(self.generator, EmbeddingGenerator):
            raise TypeError(
                f"generator is an instance of {type(self.generator).__name__}: it must be a name or a class, since its "
                "dimension is that of the embeddings. Its other arguments are generator_kwargs."
            )

    def make_generator(
        self, dim: int, *, num_groups: int = 1, condition: nn.Module | None = None
    ) -> EmbeddingGenerator:
        """Make the generator.

        :param dim: the number of real dimensions of an embedding
        :param num_groups: the number of groups of embeddings
        :param condition: the module that computes the conditions

        :returns: the generator

        :raises TypeError: if the generator is neither a name nor a class
        """  # noqa: DOC502
        self._check_generator()
        check_component("generator", self.generator, self.generator_kwargs, generator_resolver)
        cls = generator_resolver.lookup(self.generator)
        accepted = argument_names(cls)
        names = [field.name for field in dataclasses.fields(GeneratorConfig)]
        kwargs: dict[str, Any] = {name: getattr(self, name) for name in names if name in accepted}
        kwargs.update(self.generator_kwargs or {})
        return generator_resolver.make(cls, dim=dim, num_groups=num_groups, condition=condition, **kwargs)
