"""The training loop: joint training of a model and of the generator of its negatives (Algorithm 1)."""

import copy
import inspect
import logging
from collections.abc import Mapping
from typing import Any, Literal

from pykeen.losses import MarginRankingLoss
from pykeen.sampling import NegativeSampler, negative_sampler_resolver
from pykeen.training import SLCWATrainingLoop, training_loop_resolver
from pykeen.triples import CoreTriplesFactory
from pykeen.triples.instances import BaseBatchedSLCWAInstances, SLCWABatch, SubGraphSLCWAInstances
from pykeen.typing import FloatTensor
from torch.utils.data import DataLoader
from typing_extensions import override

from .callbacks import GeneratorTrainingCallback, take_callbacks
from .checks import check_constructor_arguments, check_sparse_gradients, check_train_arguments
from .config import LoopConfig, is_same
from .instances import DividedSLCWAInstances
from .objective import JointObjective
from .resumable import ResumableTrainingLoop
from ..sampling import DHNSNegativeSampler
from ..utils.arguments import argument_names, check_names
from ..utils.module_state import preserve_modules
from ..utils.random_state import preserve_random_state

__all__ = ["DHNSTrainingLoop"]

logger = logging.getLogger(__name__)

#: The sampler's arguments that hyper-parameter optimisation searches here, too, by default
SEARCHED_ARGUMENTS = ("num_negs_per_pos", "num_timesteps", "learning_rate")
#: The arguments of PyKEEN's method train that ask for clipped gradients
CLIPPING_ARGUMENTS = ("gradient_clipping_max_norm", "gradient_clipping_max_abs_value")
#: The arguments of PyKEEN's method train that a resumed training must have in common with the interrupted one
KEPT_ARGUMENTS = (
    *("batch_size", "label_smoothing", "sampler", "drop_last"),
    *("gradient_clipping_norm_type", *CLIPPING_ARGUMENTS),
)


class DHNSTrainingLoop(ResumableTrainingLoop):
    r"""Joint training of a model, and of a diffusion model that generates negatives for it (Algorithm 1).

    For each batch,

    1. the sampled negatives are scored, and give the loss $L_{KGC}$;
    2. the diffusion model (:class:`pykeen_dhns.DiffHEG`) learns to generate the model's embeddings of head and tail,
       with an optimiser of its own;
    3. it generates heads and tails for all positives, at each hardness level;
    4. the model scores them, averaged over modalities (Eq. 12), which gives the loss $L_{HA}$ (Eq. 13);
    5. the model learns from $L = L_{KGC} + \lambda L_{HA}$ (Eq. 15), which is the loss that this loop reports.

    It works with models whose entity representations are vectors (or several) and whose score is an interaction of
    these, i.e., almost all of PyKEEN's. If the model has a :class:`pykeen_dhns.MultimodalRepresentation`, embeddings
    can be generated for each of its modalities, else there is only the structural one.

    The parts of the loss, the mean score of each level, and each modality's share in the entities' representations go
    to the result tracker after each epoch, with the prefix ``dhns``.
    """

    #: The default strategy for optimizing the arguments of :meth:`train`, which are PyKEEN's, and the loop's own
    hpo_default = SLCWATrainingLoop.hpo_default | {
        name: dict(DHNSNegativeSampler.hpo_default[name]) for name in SEARCHED_ARGUMENTS
    }

    def __init__(self, **kwargs: Any) -> None:
        """Initialize the training loop.

        :param kwargs: keyword-based arguments of :class:`pykeen_dhns.training.LoopConfig`, where they are described,
            and of :class:`pykeen.training.SLCWATrainingLoop`
        """  # noqa: DOC103
        check_names(type(self).__name__, kwargs, {*LoopConfig.names(), *argument_names(type(self))})
        check_constructor_arguments(kwargs)
        self._given = {name: kwargs.pop(name) for name in LoopConfig.names() if name in kwargs}
        self.config = LoopConfig.from_arguments(self._given)
        sampler, sampler_kwargs = self.config.make_sampler_arguments()
        super().__init__(negative_sampler=sampler, negative_sampler_kwargs=sampler_kwargs, **kwargs)
        self.objective = JointObjective(self.model, self.config, mode=self.mode)
        # The arguments in effect: those of the constructor, and of calls of train
        self._arguments = dict(self._given)
        #: The negative sampler of the latest training
        self.sampler: NegativeSampler | None = None
        # Triples and sampler of the training, or the probe, that is in progress
        self._in_use: tuple[CoreTriplesFactory, NegativeSampler] | None = None
        # PyKEEN's arguments of train
        self._train_arguments: dict[str, Any] = {}

    def train(self, *args: Any, **kwargs: Any) -> list[float] | None:
        """Train the model, cf. :meth:`pykeen.training.TrainingLoop.train`.

        .. note::

            PyKEEN's hyper-parameter optimisation searches arguments of this method, and none of the loop's own. So the
            loop's own arguments can be given here, too, instead of to the constructor.

        :param args: positional arguments of :meth:`pykeen.training.TrainingLoop.train`
        :param kwargs: its keyword-based arguments, and any of :class:`pykeen_dhns.training.LoopConfig`. The latter stay
            in effect for later calls.

        :returns: the loss of each epoch

        :raises TypeError: if an argument has a wrong type
        :raises ValueError: if an argument is out of its range, differs from what the constructor was given, or from
            what was in effect before while training is to be continued
        """  # noqa: DOC103, DOC502
        signature = inspect.signature(super().train)
        check_names(f"{type(self).__name__}.train", kwargs, {*LoopConfig.names(), *signature.parameters})
        own = {name: kwargs.pop(name) for name in LoopConfig.names() if name in kwargs}
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        check_train_arguments(bound.arguments)
        self._configure(own, continue_training=bound.arguments["continue_training"])
        self._log_negatives()
        if self.config.sparse_gradients:
            check_sparse_gradients(self.optimizer, **{name: bound.arguments[name] for name in CLIPPING_ARGUMENTS})
        self._train_arguments = {name: bound.arguments[name] for name in KEPT_ARGUMENTS}
        losses: list[float] | None = super().train(*args, **kwargs)
        return losses

    def _log_negatives(self) -> None:
        num_shared, num_entities, generator = (
            self.config.num_shared_negs,
            self.model.num_entities,
            self.objective.generator,
        )
        parts = {
            f"{num_shared} entities that a batch shares": 0 < num_shared < num_entities,
            f"all {num_entities} entities, which a batch shares": num_shared >= num_entities,
            "those of a sampler": self.config.has_sampler,
        }
        if generator is not None:
            levels = list(generator.levels.fractions)
            parts[f"embeddings that {type(generator).__name__} generates, levels {levels}"] = True
        logger.info("Negatives are %s.", ", and ".join(part for part, is_there in parts.items() if is_there))
        if num_shared and isinstance(self.model.loss, MarginRankingLoss):
            logger.warning(
                "The loss is MarginRankingLoss, which PyKEEN takes if none is named. Shared negatives are meant for "
                "loss='crossentropy' or loss='nssa'."
            )

    def _configure(self, own: Mapping[str, Any], *, continue_training: bool) -> None:
        own = {name: value for name, value in own.items() if value is not None}
        for name, value in own.items():
            if self._given.get(name) is not None and not is_same(self._given[name], value):
                raise ValueError(
                    f"{name} is given twice: {self._given[name]!r} as argument of the training loop, and {value!r} as "
                    "argument of train. Leave one out. Hyper-parameter optimisation suggests some arguments of train "
                    f"by default: to fix one there, pass training_kwargs=dict({name}=...), not training_loop_kwargs."
                )
        changed = {name: value for name, value in own.items() if not is_same(getattr(self.config, name), value)}
        if not changed:
            return
        if continue_training:
            raise ValueError(
                f"continue_training=True goes on with what was learned, but {sorted(changed)} differ from before. "
                "Leave them out, or start again."
            )
        arguments = {**self._arguments, **changed}
        config = LoopConfig.from_arguments(arguments)
        self.negative_sampler, self.negative_sampler_kwargs = config.make_sampler_arguments()
        self.objective = JointObjective(self.model, config, mode=self.mode)
        self.config, self._arguments = config, arguments

    def _make_sampler(self, triples_factory: CoreTriplesFactory) -> NegativeSampler:
        # not the loop's own attributes: PyKEEN probes memory within a training, which has another sampler
        sampler, kwargs = self.config.make_sampler_arguments()
        return negative_sampler_resolver.make(
            # an instance may learn, too, and stays as it was given
            copy.deepcopy(sampler) if isinstance(sampler, NegativeSampler) else sampler,
            pos_kwargs=kwargs,
            mapped_triples=triples_factory._add_inverse_triples_if_necessary(triples_factory.mapped_triples),
            num_entities=triples_factory.num_entities,
            num_relations=triples_factory.num_relations,
        )

    @override
    def _create_training_data_loader(
        self,
        triples_factory: CoreTriplesFactory,
        *,
        sampler: Literal["schlichtkrull"] | None,
        batch_size: int,
        drop_last: bool,
        num_workers: int = 0,
        pin_memory: bool = False,
        **kwargs: Any,
    ) -> DataLoader[SLCWABatch]:
        # always shuffled, as PyKEEN's own instances
        kwargs.pop("shuffle", None)
        if self._in_use is not None and self._in_use[0] is triples_factory:
            negative_sampler = self._in_use[1]
        else:
            # for a validation loss: the sampler of the training must not learn from other triples
            negative_sampler = self._make_sampler(triples_factory)
        arguments: dict[str, Any] = dict(
            batch_size=batch_size,
            drop_last=drop_last,
            negative_sampler=negative_sampler,
            loss_weighter=self.loss_weighter,
            loss_weighter_kwargs=self.loss_weighter_kwargs,
        )
        dataset: BaseBatchedSLCWAInstances
        if sampler is None:
            dataset = DividedSLCWAInstances.from_triples_factory(triples_factory, num_workers=num_workers, **arguments)
        elif sampler == "schlichtkrull":
            dataset = SubGraphSLCWAInstances.from_triples_factory(triples_factory, **arguments)
        else:
            raise ValueError(f"sampler={sampler!r} is invalid. Use None, or 'schlichtkrull'.")
        # PyTorch warns of pinned memory that no device would use
        kwargs["pin_memory"] = pin_memory and self.device.type != "cpu"
        return DataLoader(dataset=dataset, batch_size=None, batch_sampler=None, num_workers=num_workers, **kwargs)

    def _train(
        self,
        triples_factory: CoreTriplesFactory,
        *args: Any,
        continue_training: bool = False,
        only_size_probing: bool = False,
        **kwargs: Any,
    ) -> list[float] | None:
        own = GeneratorTrainingCallback(self.objective, learns=not only_size_probing)
        kwargs["callbacks"] = [own, *take_callbacks(kwargs)]
        kwargs.update(continue_training=continue_training, only_size_probing=only_size_probing)
        if only_size_probing:
            return self._probe(triples_factory, *args, **kwargs)
        sampler = self._make_sampler(triples_factory)
        if not continue_training:
            self.objective.reset()
        elif self.sampler is not None:
            # go on with what was learned
            sampler.load_state_dict(self.sampler.state_dict())
        self.sampler = sampler
        self.objective.to_model()
        return self._train_with(sampler, triples_factory, *args, **kwargs)

    def _train_with(
        self, negative_sampler: NegativeSampler, triples_factory: CoreTriplesFactory, /, *args: Any, **kwargs: Any
    ) -> list[float] | None:
        """Train with a sampler, which PyKEEN would make itself."""
        before, self._in_use = self._in_use, (triples_factory, negative_sampler)
        self.objective.adopt_columns(negative_sampler)
        self.objective.adopt_triples(triples_factory)
        try:
            return super()._train(triples_factory, *args, **kwargs)
        finally:
            self._in_use = before

    def _probe(self, triples_factory: CoreTriplesFactory, *args: Any, **kwargs: Any) -> list[float] | None:
        """Run a few batches to find out how much memory they need, and leave everything else as it was."""
        optimizer, lr_scheduler, objective = self.optimizer, self.lr_scheduler, self.objective
        objective.to_model()
        modules = [self.model] if objective.generator is None else [self.model, objective.generator]
        with preserve_random_state(), preserve_modules(*modules):
            try:
                # a training has another sampler, which must not learn from a probe
                return self._train_with(self._make_sampler(triples_factory), triples_factory, *args, **kwargs)
            finally:
                self.optimizer, self.lr_scheduler = optimizer, lr_scheduler
                objective.statistics.pop()

    @override
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

    @override
    def own_arguments(self) -> dict[str, Any]:
        return self.config.to_dict() | self._train_arguments

    @override
    def own_state(self) -> dict[str, Any]:
        modules = {"generator": self.objective.generator, "sampler": self.sampler}
        return {name: None if module is None else module.state_dict() for name, module in modules.items()}

    @override
    def load_own_state(self, state: Mapping[str, Any], triples_factory: CoreTriplesFactory | None = None) -> None:
        if triples_factory is not None:
            self.sampler = self._make_sampler(triples_factory)
        if self.objective.generator is not None:
            self.objective.to_model()
            self.objective.generator.load_state_dict(state["generator"])
        if self.sampler is not None and state["sampler"] is not None:
            self.sampler.load_state_dict(state["sampler"])


if DHNSTrainingLoop not in training_loop_resolver.lookup_dict.values():
    training_loop_resolver.register(DHNSTrainingLoop)
