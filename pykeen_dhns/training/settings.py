"""The settings of the training loop: how the generator is made, and what of the method is used."""

import dataclasses
from collections.abc import Sequence
from typing import Literal, get_args

from class_resolver import Hint

from ..diffusion import Prediction, Reverse
from ..diffusion.schedule import Schedule
from ..utils.validation import check_choice, check_non_negative

__all__ = ["GeneratorConfig", "GeneratorKind", "Switches"]

#: What generates embeddings: the diffusion model, noise of the same scale (the control), or nothing at all
GeneratorKind = Literal["diffheg", "noise", "none"]


@dataclasses.dataclass(frozen=True)
class GeneratorConfig:
    """The arguments of the generator, cf. :class:`pykeen_dhns.DiffHEG`."""

    num_timesteps: int = 50
    schedule: Hint[Schedule] = None
    reverse: Reverse = "short"
    levels: Sequence[float] | None = None
    hidden_dim: int | None = None
    num_layers: int = 2
    prediction: Prediction = "velocity"
    learning_rate: float = 2e-3


@dataclasses.dataclass(frozen=True)
class Switches:
    """What of the method to use, for ablations (Table 5 of the paper)."""

    #: What generates embeddings
    generator: GeneratorKind = "diffheg"
    #: Whether to generate an embedding for each modality, or for the structural one only
    multimodal: bool = False
    #: Whether generated negatives have a loss of their own (NTAT), or are added to the sampled ones
    adaptive_training: bool = True
    #: Whether each level has a margin of its own (HAL), or all have the same
    adaptive_margin: bool = True
    #: The weight with which the gradient of the diffusion loss reaches the model
    diffusion_weight: float = 0.0
    #: The share of a batch's positives, drawn at random, from which to learn, and for which to generate
    generated_share: float = 1.0

    def __post_init__(self) -> None:
        """Check the values.

        :raises ValueError: if one is out of range
        """
        if not 0 < self.generated_share <= 1:
            raise ValueError(f"generated_share={self.generated_share} must be above 0, and at most 1.")
        if self.generated_share < 1 and not self.adaptive_training:
            raise ValueError(
                f"generated_share={self.generated_share} needs adaptive_training=True: otherwise, what is generated is "
                "added to the sampled negatives, of which each positive must have the same number."
            )
        check_choice("generator", self.generator, get_args(GeneratorKind))
        check_non_negative("diffusion_weight", self.diffusion_weight)
