"""The arguments of the joint training, as the training loop and the Lightning module take them."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from class_resolver import HintOrType, HintType, OptionalKwargs
from pykeen.losses import Loss
from pykeen.sampling import NegativeSampler, negative_sampler_resolver
from pykeen.sampling.filtering import Filterer, filterer_resolver

from .instances import NoNegativeSampler
from ..generators import EmbeddingGenerator, GeneratorConfig, generator_resolver
from ..losses import HardnessAdaptiveLoss
from ..sampling import DHNSNegativeSampler
from ..sampling.defaults import logger as choices_logger
from ..utils.random_state import preserve_random_state
from ..utils.validation import (
    MAX_POOL_SIZE,
    MAX_SIZE,
    check_bool,
    check_component,
    check_fraction,
    check_hint,
    check_integer,
    check_kwargs,
    check_non_negative,
    check_number,
    check_size,
)

__all__ = ["LoopConfig", "is_same"]

#: Arguments that are passed on to any negative sampler, and to our own only
SAMPLER_ARGUMENTS = ("num_negs_per_pos", "filtered", "filterer", "filterer_kwargs")
OWN_SAMPLER_ARGUMENTS = ("base_sampler", "base_sampler_kwargs", "hard_fraction")
#: Arguments that configure the generator of our own sampler as well as that of the loop
COMMON_ARGUMENTS = ("num_timesteps", "schedule", "reverse", "levels", "learning_rate")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoopConfig(GeneratorConfig):
    """The arguments of the joint training. Those of the generator, which come first, are inherited."""

    #: The generator, by class or name: ``diffheg``; ``noise``, Gaussian noise of the same mean and scale, the control
    #: that any claim about ``diffheg`` needs; ``query``; or ``none``, which leaves the sampled negatives only
    generator: HintType[EmbeddingGenerator] | Literal["none"] = None
    #: The sampler of the negatives that are not generated. Defaults to :class:`pykeen_dhns.DHNSNegativeSampler`. In
    #: this loop, it leaves the generation to the loop, and passes on the negatives of its own base sampler, unless it
    #: is given a ``hard_fraction``.
    negative_sampler: HintOrType[NegativeSampler] = None
    #: Keyword-based arguments of the negative sampler. Those that configure the generator (``num_timesteps``,
    #: ``schedule``, ``reverse``, ``levels``, ``learning_rate``) also configure the loop's.
    negative_sampler_kwargs: OptionalKwargs = None
    #: The number of entities that corrupt both sides of every positive of a batch, drawn for each batch. With these,
    #: there are no sampled negatives, unless they are asked for, and no generator, unless one is named.
    num_shared_negs: int = 0
    #: The share of them that is drawn from the entities of the batch. The rest is drawn uniformly.
    shared_negs_from_batch: float = 0.0
    #: The number of entities that the generator proposes for each side of each positive, in addition to the pool
    num_proposed_negs: int = 0
    #: The number of entities that it draws them from, at least the size of the pool, which is part of them
    num_candidates: int = 4096
    #: How much more likely similar entities are to be drawn. With 0, all are equally likely.
    proposal_sharpness: float = 1.0
    #: How far to correct the scores for the probability of a draw: 1 is unbiased, 0 does not correct at all
    proposal_correction: float = 1.0
    #: Whether the gradients of embeddings are sparse. On a large graph, a step then takes a fraction of the time. The
    #: model's optimizer must allow it: ``adagrad``, ``sparseadam``, or ``sgd``. It stays so in the model.
    sparse_gradients: bool = False
    #: The number of sampled negatives per positive
    num_negs_per_pos: int | None = None
    #: Whether to filter known triples among the sampled negatives, and among those that a batch shares
    filtered: bool | None = None
    #: The filterer to use for it
    filterer: HintOrType[Filterer] = None
    #: Keyword-based arguments of the filterer
    filterer_kwargs: OptionalKwargs = None
    #: The base sampler of :class:`pykeen_dhns.DHNSNegativeSampler`
    base_sampler: HintOrType[NegativeSampler] = None
    #: Keyword-based arguments of the base sampler
    base_sampler_kwargs: OptionalKwargs = None
    #: The share of the sampled negatives that are generated as entities, not as embeddings. Defaults to 0, since the
    #: loop generates embeddings in addition.
    hard_fraction: float | None = None
    #: Whether to generate an embedding for each modality, as in the paper, or for the structural one only. The latter
    #: takes less time.
    multimodal: bool = False
    #: Whether generated negatives have a loss of their own ($L_{HA}$; NTAT), or are added to the sampled ones
    adaptive_training: bool = True
    #: Whether each level has a margin of its own (HAL), or all share a fixed one
    adaptive_margin: bool = True
    #: The weight with which the diffusion loss also trains the model's embeddings. Defaults to 0: the generator should
    #: follow the model, not make its own work easy.
    diffusion_weight: float = 0.0
    #: The share of a batch's positives, drawn at random, that the generator learns from and generates for. The others
    #: have sampled negatives only. It shortens the generation; the expected gradient stays the same.
    generated_share: float = 1.0
    #: Keyword-based arguments of :class:`pykeen_dhns.HardnessAdaptiveLoss`. It computes $L_{HA}$ if the model has
    #: another loss, which then is for the sampled negatives. The margin defaults to that of the model's loss.
    hardness_loss_kwargs: OptionalKwargs = None

    def __post_init__(self) -> None:
        """Check the values.

        :raises TypeError: if one has a wrong type
        :raises ValueError: if one is out of range
        """  # noqa: DOC503
        for name in ("multimodal", "adaptive_training", "adaptive_margin", "sparse_gradients"):
            check_bool(name, getattr(self, name))
        if self.filtered is not None:
            check_bool("filtered", self.filtered)
        if self.num_negs_per_pos is not None:
            check_size("num_negs_per_pos", self.num_negs_per_pos)
        if self.hard_fraction is not None:
            check_fraction("hard_fraction", self.hard_fraction)
        check_number("generated_share", self.generated_share, minimum=0, maximum=1, exclude_minimum=True)
        check_non_negative("diffusion_weight", self.diffusion_weight)
        check_integer("num_shared_negs", self.num_shared_negs, minimum=0, maximum=MAX_POOL_SIZE)
        check_fraction("shared_negs_from_batch", self.shared_negs_from_batch)
        self._check_pool()
        for field in dataclasses.fields(self):
            if field.name.endswith("_kwargs"):
                check_kwargs(field.name, getattr(self, field.name))
        self._check_generator()
        check_hint("generator", self.generator, generator_resolver, more_names=["none"])
        check_hint("base_sampler", self.base_sampler, negative_sampler_resolver)
        check_hint("filterer", self.filterer, filterer_resolver)
        if self.generated_share < 1 and not self.adaptive_training:
            raise ValueError(
                f"generated_share={self.generated_share} needs adaptive_training=True. Without it, generated negatives "
                "are added to the sampled ones, and each positive must have the same number of these."
            )

    def _check_pool(self) -> None:
        check_integer("num_proposed_negs", self.num_proposed_negs, minimum=0, maximum=MAX_SIZE)
        check_size("num_candidates", self.num_candidates, maximum=MAX_POOL_SIZE)
        check_non_negative("proposal_sharpness", self.proposal_sharpness)
        check_fraction("proposal_correction", self.proposal_correction)
        if self.shared_negs_from_batch and not self.num_shared_negs:
            raise ValueError(
                f"shared_negs_from_batch={self.shared_negs_from_batch} is a share of num_shared_negs, which is 0."
            )
        if self.generator is None and not self.has_generator:
            # not those that a search suggests
            names = ("generator_kwargs", "multimodal", "diffusion_weight", "generated_share")
            defaults = {field.name: field.default for field in dataclasses.fields(self)}
            without_effect = [name for name in names if getattr(self, name) not in (defaults[name], {})]
            if without_effect:
                raise ValueError(
                    f"{without_effect} have no effect: with num_shared_negs={self.num_shared_negs}, nothing is "
                    "generated unless you name a generator. Leave them out, or pass generator='diffheg'."
                )
        if self.num_proposed_negs:
            self._check_proposals()

    def _check_proposals(self) -> None:
        needs = {
            f"num_shared_negs from 1 to num_candidates={self.num_candidates}, not {self.num_shared_negs}": (
                0 < self.num_shared_negs <= self.num_candidates
            ),
            "a generator, not 'none'": self.generator != "none",
            "shared_negs_from_batch=0": not self.shared_negs_from_batch,
            "multimodal=False": not self.multimodal,
            "generated_share=1": self.generated_share == 1,
        }
        missing = [name for name, is_there in needs.items() if not is_there]
        if missing:
            raise ValueError(f"num_proposed_negs={self.num_proposed_negs} needs {'; '.join(missing)}.")

    @property
    def has_generator(self) -> bool:
        """Return whether embeddings are generated."""
        needs_none = self.num_shared_negs and not self.num_proposed_negs
        return self.generator != "none" and not (self.generator is None and needs_none)

    @property
    def has_sampler(self) -> bool:
        """Return whether there are sampled negatives."""
        names = {"negative_sampler", "negative_sampler_kwargs", *SAMPLER_ARGUMENTS, *OWN_SAMPLER_ARGUMENTS}
        # this one is about shared negatives, too
        names.remove("filtered")
        return not self.num_shared_negs or any(getattr(self, name) not in (None, {}) for name in names)

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all arguments."""
        return [field.name for field in dataclasses.fields(cls)]

    def to_dict(self) -> dict[str, Any]:
        """Return the values of all arguments, by name."""
        return {name: getattr(self, name) for name in self.names()}

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "LoopConfig":
        """Make the configuration from what a user gives.

        :param arguments: the arguments, by name. None means the default.

        :returns: the configuration

        :raises TypeError: if an argument has a wrong type
        :raises ValueError: if an argument is given twice with different values, or is out of its range
        """  # noqa: DOC502
        given = {name: value for name, value in arguments.items() if value is not None}
        check_kwargs("negative_sampler_kwargs", given.get("negative_sampler_kwargs"))
        check_hint("negative_sampler", given.get("negative_sampler"), negative_sampler_resolver)
        sampler_cls = negative_sampler_resolver.lookup(given.get("negative_sampler"), default=DHNSNegativeSampler)
        if issubclass(sampler_cls, DHNSNegativeSampler):
            sampler_kwargs = given.get("negative_sampler_kwargs") or {}
            shared = {name: sampler_kwargs[name] for name in COMMON_ARGUMENTS if name in sampler_kwargs}
            given = _merge(shared, given)
        config = cls(**given)
        config._check_sampler()
        return config

    def _check_sampler(self) -> None:
        """Check the arguments of the sampler now, since it is made when the training begins."""
        sampler, kwargs = self.make_sampler_arguments()
        check_component("negative_sampler", sampler, kwargs, negative_sampler_resolver)
        sampler_cls = negative_sampler_resolver.lookup(sampler)
        check_component("filterer", kwargs.get("filterer"), kwargs.get("filterer_kwargs"), filterer_resolver)
        if issubclass(sampler_cls, DHNSNegativeSampler) and not isinstance(sampler, NegativeSampler):
            base_sampler, base_kwargs = kwargs.pop("base_sampler", None), kwargs.pop("base_sampler_kwargs", None)
            check_component("base_sampler", base_sampler, base_kwargs, negative_sampler_resolver)
            # for another graph, where any other sampler or filterer might fail
            own = {name: value for name, value in kwargs.items() if not name.startswith("filter")}
            # what it logs is about this graph, too
            choices_logger.disabled = True
            try:
                with preserve_random_state():
                    sampler_cls(mapped_triples=torch.tensor([[0, 0, 1], [1, 1, 0]]), **own)
            finally:
                choices_logger.disabled = False

    def make_sampler_arguments(self) -> tuple[HintOrType[NegativeSampler], dict[str, Any]]:
        """Make the arguments for PyKEEN's resolver of negative samplers.

        :returns: the negative sampler, and its keyword-based arguments

        :raises ValueError: if an argument is given twice, is not one of this sampler, or has no effect on it
        """
        if not self.has_sampler:
            return NoNegativeSampler, {}
        cls = negative_sampler_resolver.lookup(self.negative_sampler, default=DHNSNegativeSampler)
        is_own = issubclass(cls, DHNSNegativeSampler)
        own = {name: getattr(self, name) for name in OWN_SAMPLER_ARGUMENTS if getattr(self, name) is not None}
        if own and not is_own:
            raise ValueError(
                f"{sorted(own)} are arguments of the negative sampler 'dhns', but negative_sampler={cls.__name__}. "
                "Leave them, or the sampler, out."
            )
        given = {name: getattr(self, name) for name in SAMPLER_ARGUMENTS if getattr(self, name) is not None} | own
        kwargs = _merge(self.negative_sampler_kwargs or {}, given)
        if isinstance(self.negative_sampler, NegativeSampler):
            if kwargs:
                raise ValueError(
                    f"{sorted(kwargs)} have no effect, since negative_sampler is an instance, which has its arguments "
                    "already. Give them to it, or give negative_sampler by name or class."
                )
            return self.negative_sampler, {}
        if is_own:
            # what the generator of the loop has, and nothing to generate
            shared = {name: getattr(self, name) for name in COMMON_ARGUMENTS}
            kwargs = {"hard_fraction": 0.0, **shared, **kwargs}
        return cls if self.negative_sampler is None else self.negative_sampler, kwargs

    def make_criterion(self, loss: Loss) -> HardnessAdaptiveLoss:
        """Make the loss over generated negatives, unless the model has it.

        :param loss: the model's loss

        :returns: the loss

        :raises ValueError: if arguments are given that have no effect
        """
        kwargs = self.hardness_loss_kwargs
        if not isinstance(loss, HardnessAdaptiveLoss):
            margin = float(getattr(loss, "margin", None) or 0.0)
            defaults = dict(margin=margin, base=loss, reduction=loss.reduction, hard_fraction=0.0)
            return HardnessAdaptiveLoss(**{**defaults, **(kwargs or {})})
        if kwargs:
            raise ValueError(
                f"hardness_loss_kwargs={dict(kwargs)} has no effect: the model's loss is a {type(loss).__name__} "
                "already. Pass them as loss_kwargs instead."
            )
        return loss


def is_same(first: Any, second: Any) -> bool:
    """Return whether two values of an argument are the same. Levels may be arrays."""
    return bool(np.array_equal(first, second))


def _merge(sampler_kwargs: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Merge arguments of the negative sampler with those that are given to the loop."""
    for name in sampler_kwargs.keys() & given.keys():
        if not is_same(sampler_kwargs[name], given[name]):
            raise ValueError(
                f"{name} is given twice: {given[name]!r}, and {sampler_kwargs[name]!r} as argument of the negative "
                "sampler."
            )
    return {**sampler_kwargs, **given}
