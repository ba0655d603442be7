"""The training loop: joint training of a model and of the generator of its negatives (Algorithm 1)."""

import copy
import inspect
import io
import os
import pathlib
import pickle
from collections.abc import Mapping, Sequence
from hashlib import md5
from typing import IO, Any, Literal

import torch
from class_resolver import Hint, HintOrType, OptionalKwargs, ResolverKey, update_docstring_with_resolver_keys
from pykeen.sampling import NegativeSampler
from pykeen.sampling.filtering import Filterer
from pykeen.stoppers import Stopper
from pykeen.training import SLCWATrainingLoop, training_loop_resolver
from pykeen.training.callbacks import (
    GradientAbsClippingTrainingCallback,
    GradientNormClippingTrainingCallback,
    MultiTrainingCallback,
    TrainingCallback,
    TrainingCallbackHint,
    TrainingCallbackKwargsHint,
)
from pykeen.triples import CoreTriplesFactory
from pykeen.triples.instances import SLCWABatch
from pykeen.typing import FloatTensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from .arguments import ResolvedArguments, check_not_twice, resolve_arguments
from .callbacks import GeneratorTrainingCallback
from .instances import SharedSLCWAInstances
from .objective import JointObjective
from .settings import GeneratorKind
from ..diffusion import Prediction, Reverse
from ..diffusion.schedule import Schedule
from ..sampling.sampler import DHNSNegativeSampler
from ..utils.preservation import preserve_modules, preserve_random_state

__all__ = ["DHNSTrainingLoop"]

#: The sampler's arguments that hyper-parameter optimisation searches here, too, by default
SEARCHED_ARGUMENTS = ("num_negs_per_pos", "num_timesteps", "learning_rate")
#: The key of what this loop adds to PyKEEN's checkpoints
CHECKPOINT_KEY = "pykeen_dhns"


class DHNSTrainingLoop(SLCWATrainingLoop):
    r"""Joint training of a model, and of a diffusion model that generates negatives for it (Algorithm 1).

    For each batch,

    1. the sampled negatives are scored, and give the loss $L_{KGC}$;
    2. the diffusion model (:class:`pykeen_dhns.DiffHEG`) learns to generate the model's embeddings of head and tail,
       for each modality, with an optimiser of its own;
    3. it generates heads and tails for all positives, for each modality and at each hardness level;
    4. the model scores them, averaged over modalities (Eq. 12), which gives the loss $L_{HA}$ (Eq. 13);
    5. the model learns from $L = L_{KGC} + \lambda L_{HA}$ (Eq. 15), which is the loss that this loop reports.

    It works with models whose entity representations are vectors (or several) and whose score is an interaction of
    these, i.e., almost all of PyKEEN's. Where the model has a :class:`pykeen_dhns.MultimodalRepresentation`, embeddings
    are generated for each of its modalities, else for the structural one.

    The parts of the loss, the mean score of each level, and each modality's share in the entities' representations are
    sent to the result tracker after each epoch, with the prefix ``dhns``.
    """

    #: The default strategy for optimizing the arguments of :meth:`train`, which are PyKEEN's, and the loop's own
    hpo_default = SLCWATrainingLoop.hpo_default | {
        name: dict(DHNSNegativeSampler.hpo_default[name]) for name in SEARCHED_ARGUMENTS
    }

    @update_docstring_with_resolver_keys(ResolverKey("negative_sampler", "pykeen.sampling.negative_sampler_resolver"))
    def __init__(
        self,
        *,
        negative_sampler: HintOrType[NegativeSampler] = None,
        negative_sampler_kwargs: OptionalKwargs = None,
        num_negs_per_pos: int | None = None,
        filtered: bool | None = None,
        filterer: HintOrType[Filterer] = None,
        filterer_kwargs: OptionalKwargs = None,
        base_sampler: HintOrType[NegativeSampler] = None,
        base_sampler_kwargs: OptionalKwargs = None,
        hard_fraction: float | None = None,
        num_timesteps: int | None = None,
        schedule: Hint[Schedule] = None,
        reverse: Reverse | None = None,
        levels: Sequence[float] | None = None,
        learning_rate: float | None = None,
        hidden_dim: int | None = None,
        num_layers: int = 2,
        prediction: Prediction = "velocity",
        generator: GeneratorKind = "diffheg",
        multimodal: bool = False,
        adaptive_training: bool = True,
        adaptive_margin: bool = True,
        diffusion_weight: float = 0.0,
        generated_share: float = 1.0,
        hardness_loss_kwargs: OptionalKwargs = None,
        **kwargs: Any,
    ) -> None:
        r"""Initialize the training loop.

        .. note::

            PyKEEN's hyper-parameter optimisation passes no arguments to the negative sampler of any loop but its own.
            Hence the sampler's arguments can be given here, too, and all arguments that can be given here also to
            :meth:`train`, whose arguments it searches.

        :param negative_sampler: the sampler of $S^-$, the negatives that are not generated. Defaults to
            :class:`pykeen_dhns.DHNSNegativeSampler`, which in this loop leaves the generation to the loop, and
            passes on the negatives of its own base sampler, unless it is given a ``hard_fraction``.
        :param negative_sampler_kwargs: keyword-based arguments of the negative sampler. Those which configure its
            generator (``num_timesteps``, ``schedule``, ``reverse``, ``levels``, ``learning_rate``) configure the
            loop's.
        :param num_negs_per_pos: the number of sampled negatives per positive, an argument of the sampler, as are
        :param filtered: whether to filter known triples,
        :param filterer: how to,
        :param filterer_kwargs: with which arguments,
        :param base_sampler: the base sampler of :class:`pykeen_dhns.DHNSNegativeSampler`,
        :param base_sampler_kwargs: its arguments, and
        :param hard_fraction: the share of the sampled negatives that are generated as entities, not as embeddings.
            Defaults to 0, unlike outside of this loop: the loop generates embeddings in addition.
        :param num_timesteps: the number of time steps $T$ of the diffusion. Defaults to 50.
        :param schedule: the noise schedule, by function or name
        :param reverse: the reverse process: ``short``, a short grid, the default, or ``ddpm``, all time steps
        :param levels: the hardness levels, as fractions in (0, 1] of the time steps. Defaults to the paper's. A single
            one is the paper's ablation of multiple levels.
        :param learning_rate: the learning rate of the diffusion model's Adam. Defaults to 2e-3.
        :param hidden_dim: the hidden dimension of the denoiser. Defaults to four times the embedding dimension, but at
            most 256.
        :param num_layers: the number of hidden layers of the denoiser
        :param prediction: what the denoiser predicts, ``velocity`` or, as in the paper, ``noise``
        :param generator: what generates negatives: ``diffheg``; ``noise``, Gaussian noise of the same mean and scale,
            at the same levels, which is the control that any claim about ``diffheg`` needs; or ``none``
        :param multimodal: whether to generate an embedding for each modality, as in the paper, or for the structural
            one only, the default: this takes less time, and was better (``docs/findings.md``)
        :param adaptive_training: whether generated negatives have a loss of their own ($L_{HA}$; NTAT), or are added to
            the sampled ones
        :param adaptive_margin: whether each level has a margin of its own (HAL), or all share a fixed one
        :param diffusion_weight: the weight with which the diffusion loss is added to the model's, and trains its
            embeddings, too. Defaults to 0: the generator should follow the model, not make its own work easy.
        :param generated_share: the share of a batch's positives, drawn at random, from which the generator learns, and
            for which it generates. The rest has sampled negatives only. The time of the generation is proportional to
            it, the expected gradient is the same.
        :param hardness_loss_kwargs: keyword-based arguments of :class:`pykeen_dhns.HardnessAdaptiveLoss`, which
            computes $L_{HA}$ where the model's own loss is another one. This other one is then the loss of sampled
            negatives; its margin, if it has any, is the default of that of $L_{HA}$.
        :param kwargs: additional keyword-based arguments of :class:`pykeen.training.SLCWATrainingLoop`

        :raises UnboundModelError: if the model has no representations that could be generated
        :raises ValueError: if an argument is out of its range; the message names it, its value, and the range
        """  # noqa: DOC103, DOC502
        self._arguments: dict[str, Any] = dict(
            negative_sampler=negative_sampler,
            negative_sampler_kwargs=negative_sampler_kwargs,
            num_negs_per_pos=num_negs_per_pos,
            filtered=filtered,
            filterer=filterer,
            filterer_kwargs=filterer_kwargs,
            base_sampler=base_sampler,
            base_sampler_kwargs=base_sampler_kwargs,
            hard_fraction=hard_fraction,
            num_timesteps=num_timesteps,
            schedule=schedule,
            reverse=reverse,
            levels=levels,
            learning_rate=learning_rate,
            hidden_dim=hidden_dim,
            num_layers=num_layers,
            prediction=prediction,
            generator=generator,
            multimodal=multimodal,
            adaptive_training=adaptive_training,
            adaptive_margin=adaptive_margin,
            diffusion_weight=diffusion_weight,
            generated_share=generated_share,
            hardness_loss_kwargs=hardness_loss_kwargs,
        )
        #: Those which the latest call of train() used, by which it may add to them
        self._current = self._arguments
        resolved = resolve_arguments(self._arguments)
        super().__init__(
            negative_sampler=resolved.negative_sampler,
            negative_sampler_kwargs=resolved.negative_sampler_kwargs,
            **kwargs,
        )
        self.objective = self._make_objective(resolved)
        # PyKEEN builds a sampler for each call of train(), this is the latest
        self._sampler: NegativeSampler | None = None
        self._sampler_state: Mapping[str, Any] | None = None
        self._expects_sampler = False
        # what PyKEEN keeps of the best epoch, which is the model's, belongs to a generator and a sampler
        self._best_path: pathlib.Path | None = None
        self._best_state: dict[str, Any] | None = None
        self._stopper: Stopper | None = None

    def _make_objective(self, resolved: ResolvedArguments) -> JointObjective:
        return JointObjective(
            self.model,
            config=resolved.config,
            switches=resolved.switches,
            loss_kwargs=resolved.loss_kwargs,
            mode=self.mode,
        )

    def train(self, *args: Any, **kwargs: Any) -> list[float] | None:
        """Train the model, cf. :meth:`pykeen.training.TrainingLoop.train`.

        .. note::

            PyKEEN's hyper-parameter optimisation searches arguments of this method, and none of the training loop's
            own. Hence these can be given here, too.

        :param args: positional arguments of :meth:`pykeen.training.TrainingLoop.train`
        :param kwargs: its keyword-based arguments, and any of those which this class adds to its constructor. The
            latter stay in effect for later calls.

        :returns: the loss of each epoch

        :raises ValueError: if an argument is given to the constructor, too, with a different value; or if it would
            change while training is to be continued
        """  # noqa: DOC103, DOC502
        own = {name: kwargs.pop(name) for name in self._arguments if name in kwargs}
        self._change_arguments(own, continue_training=kwargs.get("continue_training", False))
        losses: list[float] | None = super().train(*args, **kwargs)
        return losses

    def _change_arguments(self, changes: Mapping[str, Any], continue_training: bool) -> None:
        changes = {name: value for name, value in changes.items() if value is not None}
        parameters = inspect.signature(DHNSTrainingLoop.__init__).parameters
        given = {name: value for name, value in self._arguments.items() if value != parameters[name].default}
        check_not_twice(given, changes)
        changed = {name: value for name, value in changes.items() if value != self._current[name]}
        if not changed:
            return
        if continue_training:
            raise ValueError(
                f"continue_training=True goes on with what was learned, but {sorted(changed)} differ from before. "
                "Leave them out, or start again."
            )
        arguments = self._current | changed
        resolved = resolve_arguments(arguments)
        self.objective = self._make_objective(resolved)
        self.negative_sampler = resolved.negative_sampler
        self.negative_sampler_kwargs = resolved.negative_sampler_kwargs
        self._current = arguments

    @property
    def generator_optimizer(self) -> Optimizer | None:
        """Return the generator's optimiser, None for a generator without parameters."""
        return getattr(self.objective.generator, "optimizer", None)

    @property
    def checksum(self) -> str:
        """Return a checksum of what must be the same for training to be resumed from a checkpoint."""
        generator, config = self.objective.generator, self.objective.config
        process = getattr(generator, "process", None)
        parts = (
            self.model,
            # not as PyKEEN does it, with the current learning rate: a scheduler changes that, and no checkpoint fits
            type(self.optimizer).__name__,
            sorted(self.optimizer.defaults.items()),
            generator,
            self.objective.bound.names,
            self.objective.fractions,
            self.objective.switches,
            config.reverse,
            config.prediction,
            config.learning_rate,
            None if process is None else process.betas.tolist(),
        )
        return md5("\n".join(map(str, parts)).encode("utf-8"), usedforsecurity=False).hexdigest()

    # docstr-coverage: inherited
    def _create_training_data_loader(
        self,
        triples_factory: CoreTriplesFactory,
        *,
        sampler: Literal["schlichtkrull"] | None,
        batch_size: int,
        drop_last: bool,
        num_workers: int = 0,
        **kwargs: Any,
    ) -> DataLoader[SLCWABatch]:
        loader: DataLoader[SLCWABatch]
        if sampler is not None:
            loader = super()._create_training_data_loader(
                triples_factory,
                sampler=sampler,
                batch_size=batch_size,
                drop_last=drop_last,
                num_workers=num_workers,
                **kwargs,
            )
        else:
            # always shuffled, as PyKEEN's own instances
            kwargs.pop("shuffle", None)
            dataset = SharedSLCWAInstances.from_triples_factory(
                triples_factory,
                batch_size=batch_size,
                drop_last=drop_last,
                negative_sampler=self.negative_sampler,
                negative_sampler_kwargs=self.negative_sampler_kwargs,
                loss_weighter=self.loss_weighter,
                loss_weighter_kwargs=self.loss_weighter_kwargs,
                num_workers=num_workers,
            )
            loader = DataLoader(dataset=dataset, batch_size=None, batch_sampler=None, num_workers=num_workers, **kwargs)
        if self._expects_sampler:
            self._expects_sampler = False
            self._adopt_sampler(loader.dataset.negative_sampler)  # type: ignore[attr-defined]
        return loader

    def _adopt_sampler(self, sampler: NegativeSampler) -> None:
        """Go on with what an earlier sampler, or one in a checkpoint, has learned."""
        if self._sampler_state is not None:
            sampler.load_state_dict(self._sampler_state)
            self._sampler_state = None
        self._sampler = sampler
        self.objective.adopt_columns(sampler)

    def _train(
        self,
        *args: Any,
        continue_training: bool = False,
        only_size_probing: bool = False,
        callbacks: TrainingCallbackHint = None,
        callbacks_kwargs: TrainingCallbackKwargsHint = None,
        gradient_clipping_max_norm: float | None = None,
        gradient_clipping_norm_type: float | None = None,
        gradient_clipping_max_abs_value: float | None = None,
        **kwargs: Any,
    ) -> list[float] | None:
        own: list[TrainingCallback] = [GeneratorTrainingCallback(only_size_probing=only_size_probing)]
        # PyKEEN's own callbacks for it never get to know the loop, if it is PyKEEN that creates them
        if gradient_clipping_max_norm is not None:
            own.append(
                GradientNormClippingTrainingCallback(
                    max_norm=gradient_clipping_max_norm, norm_type=gradient_clipping_norm_type
                )
            )
        if gradient_clipping_max_abs_value is not None:
            own.append(GradientAbsClippingTrainingCallback(clip_value=gradient_clipping_max_abs_value))
        kwargs.update(
            continue_training=continue_training,
            only_size_probing=only_size_probing,
            callbacks=[*own, MultiTrainingCallback(callbacks=callbacks, callbacks_kwargs=callbacks_kwargs)],
        )
        if only_size_probing:
            return self._probe(*args, **kwargs)
        if not continue_training:
            self.objective.reset()
            self._sampler_state = self._best_state = None
        elif self._sampler_state is None and self._sampler is not None:
            self._sampler_state = self._sampler.state_dict()
        self.objective.to_model()
        self._expects_sampler = True
        self._best_path, self._stopper = kwargs.get("best_epoch_model_file_path"), kwargs.get("stopper")
        losses: list[float] | None = super()._train(*args, **kwargs)
        if getattr(self._stopper, "stopped", False) and self._best_state is not None:
            # the stopper has restored the model of the best epoch, but knows nothing about the generator
            self._set_own_state(self._best_state)
        return losses

    def _probe(self, *args: Any, **kwargs: Any) -> list[float] | None:
        """Run a few batches to find out how much memory they need, and leave everything else as it was."""
        optimizer, lr_scheduler, objective = self.optimizer, self.lr_scheduler, self.objective
        # the sampler of a probe is not the one to go on with
        expects_sampler, self._expects_sampler = self._expects_sampler, False
        self.objective.to_model()
        modules = [self.model] if objective.generator is None else [self.model, objective.generator]
        with preserve_random_state(), preserve_modules(*modules):
            try:
                return super()._train(*args, **kwargs)
            finally:
                self.optimizer, self.lr_scheduler = optimizer, lr_scheduler
                self._expects_sampler = expects_sampler
                objective.discard()

    # docstr-coverage: inherited
    def _process_batch(
        self,
        batch: SLCWABatch,
        start: int,
        stop: int,
        label_smoothing: float = 0.0,
        slice_size: int | None = None,
    ) -> FloatTensor:
        if slice_size is not None:
            raise AttributeError("Slicing is not possible for sLCWA training loops.")
        return self.objective.loss(batch, start, stop, label_smoothing)

    # docstr-coverage: inherited
    def _save_state(
        self,
        path: IO[bytes] | str | pathlib.Path,
        stopper: Stopper | None = None,
        best_epoch_model_checkpoint_file_path: pathlib.Path | None = None,
        triples_factory: CoreTriplesFactory | None = None,
    ) -> None:
        buffer = io.BytesIO()
        super()._save_state(
            buffer,
            stopper=stopper,
            best_epoch_model_checkpoint_file_path=best_epoch_model_checkpoint_file_path,
            triples_factory=triples_factory,
        )
        buffer.seek(0)
        # this is what was written a moment ago
        checkpoint = torch.load(buffer, weights_only=False)
        state = self._own_state()
        # after a resume, PyKEEN 1.11.1 takes the first epoch for a new best one, and saves it as such, whatever it is
        if path == self._best_path and getattr(self._stopper, "best_epoch", None) == self._epoch:
            self._best_state = copy.deepcopy(state)
        if getattr(stopper, "stopped", False) and self._best_state is not None:
            # the model is that of the best epoch by now
            state = self._best_state
        checkpoint[CHECKPOINT_KEY] = {**state, "best": self._best_state}
        if not isinstance(path, str | pathlib.Path):
            torch.save(checkpoint, path, pickle_protocol=pickle.HIGHEST_PROTOCOL)
            return
        # a process that is killed while it writes must not take the last checkpoint with it
        path = pathlib.Path(path)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            torch.save(checkpoint, temporary, pickle_protocol=pickle.HIGHEST_PROTOCOL)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    # docstr-coverage: inherited
    def _load_state(
        self, path: str | pathlib.Path, triples_factory: CoreTriplesFactory | None = None
    ) -> tuple[pathlib.Path | None, int | None]:
        result: tuple[pathlib.Path | None, int | None] = super()._load_state(path, triples_factory=triples_factory)
        # not only weights: PyKEEN's checkpoints, which it loads in the same way, are more than tensors
        state = torch.load(path, weights_only=False)[CHECKPOINT_KEY]
        self._best_state = state.get("best")
        self._set_own_state(state)
        return result

    def _own_state(self) -> dict[str, Any]:
        """Return what this loop adds to PyKEEN's checkpoints, for one epoch."""
        generator, sampler = self.objective.generator, self._sampler
        return {
            "generator": None if generator is None else generator.state_dict(),
            "sampler": self._sampler_state if sampler is None else sampler.state_dict(),
        }

    def _set_own_state(self, state: Mapping[str, Any]) -> None:
        if self.objective.generator is not None:
            self.objective.to_model()
            self.objective.generator.load_state_dict(state["generator"])
        self._sampler_state, self._sampler = state["sampler"], None


if DHNSTrainingLoop not in training_loop_resolver.lookup_dict.values():
    training_loop_resolver.register(DHNSTrainingLoop)
