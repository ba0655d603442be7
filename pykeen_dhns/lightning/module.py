"""The whole method as a module of PyTorch Lightning."""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from class_resolver import HintOrType, OptionalKwargs
from pykeen.contrib.lightning import LitModule, SLCWALitModule, lit_module_resolver
from pykeen.datasets import Dataset
from pykeen.models import Model
from pykeen.optimizers import optimizer_resolver
from pykeen.sampling import NegativeSampler
from pykeen.triples import CoreTriplesFactory
from pykeen.triples.instances import BatchedSLCWAInstances
from pykeen.triples.weights import LossWeighter
from pykeen.utils import get_batchnorm_modules
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader
from typing_extensions import override

from .instances import ShardedInstances, ShardedLoader
from .optimizers import JointOptimizer
from .seeds import Purpose, derive_seed
from .shards import Shards
from .synchronization import average_sampler, share_batches
from ..training import LoopConfig
from ..training.checkpoint import describe, describe_changes
from ..training.checks import MAX_NUM_WORKERS, check_constructor_arguments, check_sparse_gradients
from ..training.objective import JointObjective
from ..utils.random_state import seeded
from ..utils.validation import check_fraction, check_integer, check_kwargs, check_positive, check_type

__all__ = ["DHNSLitModule"]

#: The key of what this module adds to Lightning's checkpoints
CHECKPOINT_KEY = "pykeen_dhns"
#: The arguments of PyKEEN's modules
MODULE_ARGUMENTS = frozenset(inspect.signature(LitModule.__init__).parameters) - {"self"}
#: The arguments of the training loop. ``learning_rate`` is not among them: in this module, it is the model's.
LOOP_ARGUMENTS = frozenset(LoopConfig.names()) - {"learning_rate"}
#: What a resumed training must have in common with the interrupted one, besides the arguments of the training loop
KEPT_ARGUMENTS = (
    *("model", "batch_size", "learning_rate", "label_smoothing", "optimizer", "optimizer_kwargs"),
    *("loss_weighter", "loss_weighter_kwargs", "num_processes"),
)


class DHNSLitModule(SLCWALitModule):
    """Joint training of a model, and of a diffusion model that generates negatives for it, by Lightning's Trainer.

    It computes what :class:`pykeen_dhns.DHNSTrainingLoop` does. With several processes (DDP),

    - each trains on its own share of each batch, and each triple is in exactly one share, once an epoch;
    - gradients are averaged, the generator's like the model's, each share weighted by its size;
    - the scales of the embeddings are those of all shares;
    - what a negative sampler learns is averaged at the end of each epoch.

    Random numbers depend on the seed, the epoch, the step, and the process only. So a run that is resumed from one of
    Lightning's checkpoints, even in the middle of an epoch, is the same as one that was not interrupted.
    """

    def __init__(
        self,
        *,
        generator_learning_rate: float | None = None,
        loss_weighter: HintOrType[LossWeighter] = None,
        loss_weighter_kwargs: OptionalKwargs = None,
        num_workers: int = 0,
        random_seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Initialize the module.

        :param generator_learning_rate: the learning rate of the diffusion model. The training loop calls it
            ``learning_rate``, which here is that of the model.
        :param loss_weighter: the method to determine sample weights, as in PyKEEN's training loops
        :param loss_weighter_kwargs: keyword-based arguments of this method
        :param num_workers: the number of processes that sample negatives. 0 means that the main process does it.
        :param random_seed: the seed of the order of triples, of negatives, and of noise. Defaults to PyTorch's, i.e.,
            to that of Lightning's ``seed_everything``, which the initialisation of the model depends on.
        :param kwargs: additional keyword-based arguments of PyKEEN's :class:`pykeen.contrib.lightning.LitModule`
            (``dataset``, ``model``, ``batch_size``, ``learning_rate``, ``optimizer``, …, and their ``_kwargs``), where
            ``batch_size`` is that of each process, and of :class:`pykeen_dhns.training.LoopConfig`
            (``negative_sampler``, ``generator``, ``levels``, ``num_timesteps``, …)

        :raises TypeError: if an argument is neither of these
        :raises ValueError: if an argument is out of its range
        """  # noqa: DOC103, DOC503
        unknown = sorted(set(kwargs) - MODULE_ARGUMENTS - LOOP_ARGUMENTS)
        if unknown:
            raise TypeError(
                f"{unknown} are no arguments of {type(self).__name__}. Allowed are those of PyKEEN's modules, "
                f"{sorted(MODULE_ARGUMENTS)}, and of the training loop, {sorted(LOOP_ARGUMENTS)}. How long and on what "
                "to train are arguments of Lightning's Trainer."
            )
        _check_arguments(
            dict(
                generator_learning_rate=generator_learning_rate,
                loss_weighter=loss_weighter,
                loss_weighter_kwargs=loss_weighter_kwargs,
                num_workers=num_workers,
                random_seed=random_seed,
                **kwargs,
            )
        )
        own = {name: kwargs.pop(name) for name in LOOP_ARGUMENTS if name in kwargs}
        config = LoopConfig.from_arguments({**own, "learning_rate": generator_learning_rate})
        sampler, sampler_kwargs = config.make_sampler_arguments()
        super().__init__(negative_sampler=sampler, negative_sampler_kwargs=sampler_kwargs, **kwargs)
        self.loss_weighter, self.loss_weighter_kwargs = loss_weighter, loss_weighter_kwargs
        self.num_workers = num_workers
        # checkpoints cannot hold NumPy's numbers, since loading these would run code
        self.seed = torch.initial_seed() if random_seed is None else int(random_seed)
        #: The number of processes that share each batch
        self.num_processes = 1
        self.objective = JointObjective(self.model, config, mode=self.mode)
        self.objective.adopt_triples(self.dataset.training)
        # Lightning moves registered modules to devices, and synchronises and saves them
        self.generator: nn.Module | None = self.objective.generator
        self.criterion = self.objective.criterion
        self.shared: nn.Module | None = self.objective.shared
        self._instances: BatchedSLCWAInstances | None = None
        self._sampler_state: dict[str, Any] | None = None
        self._is_fitting = False

    @override
    def setup(self, stage: str) -> None:
        self._is_fitting = stage == "fit"
        self.num_processes = self.trainer.world_size
        # if none was given, processes may have different ones
        self.seed = self.trainer.strategy.broadcast(self.seed)
        share_batches(self.objective, self.trainer.strategy if self.num_processes > 1 else None)

    @override
    def teardown(self, stage: str) -> None:
        self._is_fitting = False
        share_batches(self.objective, None)

    @override
    def configure_optimizers(self) -> Optimizer:
        optimizer = optimizer_resolver.make(
            self.optimizer, self.optimizer_kwargs, params=self.model.get_grad_params(), lr=self.learning_rate
        )
        if self.objective.config.sparse_gradients:
            clipping = self.trainer.gradient_clip_val if self._is_fitting else None
            check_sparse_gradients(optimizer, gradient_clip_val=clipping)
        own = self.objective.generator_optimizer
        return optimizer if own is None else JointOptimizer(optimizer, own)

    @override
    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        # only the model's gradients, as in the training loop, since the generator's are of another scale
        self.clip_gradients(
            optimizer.optimizers[0] if isinstance(optimizer, JointOptimizer) else optimizer,
            gradient_clip_val=gradient_clip_val,
            gradient_clip_algorithm=gradient_clip_algorithm,
        )

    @override
    def on_before_zero_grad(self, optimizer: Optimizer) -> None:
        # Lightning calls this between the forward and the backward pass, where it is too early for constraints
        pass

    @override
    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        self.model.post_parameter_update()

    @override
    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        # The objective moves what it needs. First, it finds the corrupted sides, without waiting for the device.
        return batch

    @property
    def instances(self) -> BatchedSLCWAInstances:
        """Return the training triples with their sampler, which is built once, so that it goes on learning."""
        if self._instances is None:
            # seeded, so that it is the same in all processes
            with seeded(derive_seed(self.seed, Purpose.SAMPLER)):
                self._instances = self._make_instances(
                    self.dataset.training, self.negative_sampler, self.negative_sampler_kwargs
                )
            self.objective.adopt_columns(self._instances.negative_sampler)
        if self._sampler_state is not None:
            self._instances.negative_sampler.load_state_dict(self._sampler_state)
            self._sampler_state = None
        return self._instances

    def _make_instances(
        self,
        factory: CoreTriplesFactory,
        negative_sampler: HintOrType[NegativeSampler],
        negative_sampler_kwargs: OptionalKwargs = None,
    ) -> BatchedSLCWAInstances:
        return BatchedSLCWAInstances.from_triples_factory(
            factory,
            negative_sampler=negative_sampler,
            negative_sampler_kwargs=negative_sampler_kwargs,
            loss_weighter=self.loss_weighter,
            loss_weighter_kwargs=self.loss_weighter_kwargs,
        )

    @override
    def _dataloader(self, triples_factory: CoreTriplesFactory, shuffle: bool = False) -> DataLoader[Any]:
        instances = self.instances
        if not shuffle:
            instances = self._make_instances(triples_factory, instances.negative_sampler)
            training = self.dataset.training
            if training.create_inverse_triples and not triples_factory.create_inverse_triples:
                # the model has two relations for each of theirs
                instances.mapped_triples = training.relation_inverter.map(batch=instances.mapped_triples)
        shards = Shards(
            num_triples=len(instances.mapped_triples),
            batch_size=self.batch_size,
            num_processes=self.num_processes,
            rank=self.global_rank,
            min_size=2 if get_batchnorm_modules(self.model) else 1,
        )
        return ShardedLoader(
            ShardedInstances(instances, shards, seed=self.seed, is_training=shuffle),
            # each validation has the same negatives
            epoch=(lambda: self.current_epoch) if shuffle else (lambda: 0),
            num_workers=self.num_workers,
        )

    @override
    def _step(self, batch: Any, prefix: str) -> Tensor:
        size = len(batch["positives"])
        total_size = batch.get("total_size", size * self.num_processes)
        loss = self.objective.loss(
            batch, 0, size, self.label_smoothing, num_processes=self.num_processes, total_size=total_size
        )
        # the mean over processes of this is that of the batch
        self.log(
            f"{prefix}_loss",
            loss.detach(),
            on_step=False,
            on_epoch=True,
            sync_dist=self.num_processes > 1,
            batch_size=total_size,
        )
        return loss

    @override
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        if self.trainer.accumulate_grad_batches > 1:
            # Representations that pass messages cache what they compute. The last backward pass has used it up.
            self.model.post_parameter_update()
        seed = derive_seed(self.seed, Purpose.TRAINING, self.current_epoch, batch_idx, self.global_rank)
        with seeded(seed, self.device):
            return self._step(batch, prefix="train")

    @override
    def validation_step(self, batch: Any, batch_idx: int, *args: Any, **kwargs: Any) -> Tensor:
        with seeded(derive_seed(self.seed, Purpose.VALIDATION, batch_idx, self.global_rank), self.device):
            return self._step(batch, prefix="val")

    @override
    def on_train_start(self) -> None:
        self.objective.statistics.pop()

    @override
    def on_train_batch_end(self, *args: Any, **kwargs: Any) -> None:
        # not at the end of the epoch: a validation before it may save a checkpoint
        if self.num_processes > 1 and self.trainer.is_last_batch:
            average_sampler(self.instances.negative_sampler, self.trainer.strategy)

    @override
    def on_train_epoch_end(self) -> None:
        metrics = {f"dhns/{name}": value for name, value in self.objective.pop_metrics().items()}
        self.log_dict(metrics, sync_dist=self.num_processes > 1)

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[CHECKPOINT_KEY] = {
            "seed": self.seed,
            "sampler": self.instances.negative_sampler.state_dict(),
            "arguments": self._describe(),
        }

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint[CHECKPOINT_KEY]
        if self._is_fitting and state["arguments"] != self._describe():
            changes = describe_changes(state["arguments"], self._describe())
            raise ValueError(
                f"The checkpoint is of another training: {changes}. Use the arguments of that training, or load what "
                "it has learned by load_from_checkpoint, and begin a new one."
            )
        self.seed, self._sampler_state = state["seed"], state["sampler"]

    def _describe(self) -> str:
        """Return what must be the same for training to be resumed, as JSON."""
        arguments = {name: getattr(self, name) for name in KEPT_ARGUMENTS}
        return json.dumps(describe(arguments | self.objective.config.to_dict()))


def _check_arguments(arguments: Mapping[str, Any]) -> None:
    """Check the arguments of the module, without those of the training loop."""
    check_constructor_arguments(arguments)
    check_type("model", arguments.get("model", "distmult"), (str, type, Model), "a model, its class, or its name")
    for name in ("dataset_kwargs", "model_kwargs"):
        check_kwargs(name, arguments.get(name))
    given = {name: value for name, value in arguments.items() if value is not None}
    check_type(
        "dataset", given.get("dataset", "nations"), (str, type, Dataset, Path), "a dataset, its class, or its name"
    )
    for name, limits in (
        ("batch_size", dict(minimum=1)),
        ("num_workers", dict(minimum=0, maximum=MAX_NUM_WORKERS)),
        ("random_seed", dict(minimum=0, maximum=2**64 - 1)),
    ):
        # only a seed may be None
        if name in arguments and (name in given or name != "random_seed"):
            check_integer(name, arguments[name], **limits)
    for name in ("learning_rate", "generator_learning_rate"):
        if name in given:
            check_positive(name, given[name])
    check_fraction("label_smoothing", given.get("label_smoothing", 0.0))


if DHNSLitModule not in lit_module_resolver.lookup_dict.values():
    lit_module_resolver.register(DHNSLitModule)
