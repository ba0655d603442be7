"""The whole method as a module of PyTorch Lightning."""

import inspect
from typing import Any

import torch
from class_resolver import HintOrType, OptionalKwargs, ResolverKey, update_docstring_with_resolver_keys
from pykeen.contrib.lightning import LitModule, SLCWALitModule, lit_module_resolver
from pykeen.optimizers import optimizer_resolver
from pykeen.sampling import NegativeSampler
from pykeen.triples import CoreTriplesFactory
from pykeen.triples.instances import BatchedSLCWAInstances
from pykeen.utils import get_batchnorm_modules
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from .instances import ShardedInstances, ShardedLoader
from .optimizers import JointOptimizer
from .randomness import Purpose, derive_seed, seeded
from .shards import Shards
from .synchronization import average_sampler, share_scales
from ..training.loop import DHNSTrainingLoop

__all__ = ["DHNSLitModule"]

#: The key of what this module adds to Lightning's checkpoints
CHECKPOINT_KEY = "pykeen_dhns"
#: The arguments of PyKEEN's modules
MODULE_ARGUMENTS = frozenset(inspect.signature(LitModule.__init__).parameters) - {"self"}
#: The arguments of the training loop that make sense here, too. Those that are missing are Lightning's business, or
#: mean something else here.
LOOP_ARGUMENTS = frozenset(inspect.signature(DHNSTrainingLoop.__init__).parameters) - {
    "self",
    "kwargs",
    "learning_rate",
} | {"loss_weighter", "loss_weighter_kwargs"}


def _split(kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split arguments into those of PyKEEN's module, and those of our loop."""
    unknown = sorted(set(kwargs) - MODULE_ARGUMENTS - LOOP_ARGUMENTS)
    if unknown:
        raise TypeError(
            f"{unknown} are no arguments of {DHNSLitModule.__name__}. Allowed are those of PyKEEN's modules, "
            f"{sorted(MODULE_ARGUMENTS)}, and of the training loop, {sorted(LOOP_ARGUMENTS)}. How long and on what to "
            "train are arguments of Lightning's Trainer."
        )
    return (
        {key: value for key, value in kwargs.items() if key in MODULE_ARGUMENTS},
        {key: value for key, value in kwargs.items() if key not in MODULE_ARGUMENTS},
    )


class DHNSLitModule(SLCWALitModule):
    """Joint training of a model, and of a diffusion model that generates negatives for it, by Lightning's Trainer.

    It computes what :class:`pykeen_dhns.DHNSTrainingLoop` does. With several processes (DDP),

    - each trains on its own share of each batch, and each triple is in exactly one share, once an epoch;
    - gradients are averaged, the generator's like the model's, each share weighted by its size;
    - the scales of the embeddings are those of all shares;
    - what a negative sampler learns is averaged at the end of each epoch.

    All random numbers depend on nothing but the seed, the epoch, the step, and the process, such that a run which is
    resumed from one of Lightning's checkpoints, in the middle of an epoch, too, is the one that was interrupted.
    """

    @update_docstring_with_resolver_keys(ResolverKey("negative_sampler", "pykeen.sampling.negative_sampler_resolver"))
    def __init__(
        self,
        *,
        negative_sampler: HintOrType[NegativeSampler] = None,
        negative_sampler_kwargs: OptionalKwargs = None,
        generator_learning_rate: float | None = None,
        num_workers: int = 0,
        random_seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Initialize the module.

        :param negative_sampler: the sampler of negatives that are not generated, cf.
            :class:`pykeen_dhns.DHNSTrainingLoop`
        :param negative_sampler_kwargs: keyword-based arguments of the negative sampler
        :param generator_learning_rate: the learning rate of the diffusion model, in the training loop called
            ``learning_rate``, which here is that of the model
        :param num_workers: the number of processes that sample negatives, 0 for none but the one that trains
        :param random_seed: the seed of the order of triples, of negatives, and of noise. Defaults to PyTorch's, i.e.,
            to that of Lightning's ``seed_everything``, which the initialisation of the model depends on.
        :param kwargs: additional keyword-based arguments of PyKEEN's :class:`pykeen.contrib.lightning.LitModule`
            (``dataset``, ``model``, ``batch_size``, ``learning_rate``, ``optimizer``, …, and their ``_kwargs``), where
            ``batch_size`` is that of each process, and of :class:`pykeen_dhns.DHNSTrainingLoop` (``generator``,
            ``levels``, ``num_timesteps``, ``hardness_loss_kwargs``, …)

        :raises TypeError: if an argument is neither of these
        :raises ValueError: if an argument is out of its range
        """  # noqa: DOC103, DOC502
        module_kwargs, loop_kwargs = _split(kwargs)
        super().__init__(
            negative_sampler=negative_sampler, negative_sampler_kwargs=negative_sampler_kwargs, **module_kwargs
        )
        # never to be run: it knows what its arguments mean
        loop = DHNSTrainingLoop(
            model=self.model,
            triples_factory=self.dataset.training,
            mode=self.mode,
            negative_sampler=negative_sampler,
            negative_sampler_kwargs=negative_sampler_kwargs,
            learning_rate=generator_learning_rate,
            **loop_kwargs,
        )
        self.negative_sampler, self.negative_sampler_kwargs = loop.negative_sampler, loop.negative_sampler_kwargs
        self.loss_weighter, self.loss_weighter_kwargs = loop.loss_weighter, loop.loss_weighter_kwargs
        self.num_workers = num_workers
        # checkpoints can hold no numbers of NumPy, whose loading would run code
        self.seed = torch.initial_seed() if random_seed is None else int(random_seed)
        #: The number of processes that share each batch
        self.num_processes = 1
        self.objective = loop.objective
        # registered: what Lightning moves to devices, synchronises, and saves
        self.generator: nn.Module | None = self.objective.generator
        self.criterion = self.objective.criterion
        if self.objective.switches.generator == "noise":
            # computed, but without effect: DDP would wait for its gradients
            self.condition = self.objective.condition.requires_grad_(requires_grad=False)
        self._instances: BatchedSLCWAInstances | None = None
        self._sampler_state: dict[str, Any] | None = None

    # docstr-coverage: inherited
    def setup(self, stage: str) -> None:  # noqa: D102, ARG002
        self.num_processes = self.trainer.world_size
        # without a seed, each process has another one
        self.seed = self.trainer.strategy.broadcast(self.seed)
        share_scales(self.generator, self.trainer.strategy if self.num_processes > 1 else None)

    # docstr-coverage: inherited
    def teardown(self, stage: str) -> None:  # noqa: D102, ARG002
        share_scales(self.generator, None)

    # docstr-coverage: inherited
    def configure_optimizers(self) -> Optimizer:  # noqa: D102
        optimizer = optimizer_resolver.make(
            self.optimizer, self.optimizer_kwargs, params=self.model.get_grad_params(), lr=self.learning_rate
        )
        own = getattr(self.generator, "optimizer", None)
        return optimizer if own is None else JointOptimizer(optimizer, own)

    # docstr-coverage: inherited
    def configure_gradient_clipping(  # noqa: D102
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        # as in the training loop: the model's gradients only, since the generator's are of another scale
        self.clip_gradients(
            optimizer.optimizers[0] if isinstance(optimizer, JointOptimizer) else optimizer,
            gradient_clip_val=gradient_clip_val,
            gradient_clip_algorithm=gradient_clip_algorithm,
        )

    # docstr-coverage: inherited
    def on_before_zero_grad(self, optimizer: Optimizer) -> None:  # noqa: D102
        # Lightning calls this between the forward and the backward pass, where it is too early for constraints
        pass

    # docstr-coverage: inherited
    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:  # noqa: D102
        super().optimizer_step(*args, **kwargs)
        self.model.post_parameter_update()

    # docstr-coverage: inherited
    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:  # noqa: D102, ARG002
        # the objective moves what it needs, and can tell the sides of negatives apart without waiting for the device
        return batch

    @property
    def instances(self) -> BatchedSLCWAInstances:
        """Return the training triples with their sampler, which is built once, such that it goes on learning."""
        if self._instances is None:
            # the same in all processes
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

    # docstr-coverage: inherited
    def _dataloader(self, triples_factory: CoreTriplesFactory, shuffle: bool = False) -> DataLoader[Any]:
        instances = self.instances
        if not shuffle:
            instances = self._make_instances(triples_factory, instances.negative_sampler)
            training = self.dataset.training
            if training.create_inverse_triples and not triples_factory.create_inverse_triples:
                # of their relations, the model knows every other one
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

    # docstr-coverage: inherited
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

    # docstr-coverage: inherited
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:  # noqa: D102
        if self.trainer.accumulate_grad_batches > 1:
            # what representations that pass messages have cached was used by the backward pass before
            self.model.post_parameter_update()
        seed = derive_seed(self.seed, Purpose.TRAINING, self.current_epoch, batch_idx, self.global_rank)
        with seeded(seed, self.device):
            return self._step(batch, prefix="train")

    # docstr-coverage: inherited
    def validation_step(self, batch: Any, batch_idx: int, *args: Any, **kwargs: Any) -> Tensor:  # noqa: D102, ARG002
        with seeded(derive_seed(self.seed, Purpose.VALIDATION, batch_idx, self.global_rank), self.device):
            return self._step(batch, prefix="val")

    # docstr-coverage: inherited
    def on_train_start(self) -> None:  # noqa: D102
        self.objective.discard()

    # docstr-coverage: inherited
    def on_train_batch_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: D102, ARG002
        # not at the end of the epoch, before which a validation may save a checkpoint
        if self.num_processes > 1 and self.trainer.is_last_batch:
            average_sampler(self.instances.negative_sampler, self.trainer.strategy)

    # docstr-coverage: inherited
    @torch.no_grad()
    def on_train_epoch_end(self) -> None:  # noqa: D102
        metrics = self.objective.statistics.pop()
        metrics |= {f"share_{name}": float(share) for name, share in self.objective.bound.shares().items()}
        self.log_dict({f"dhns/{name}": value for name, value in metrics.items()}, sync_dist=self.num_processes > 1)

    # docstr-coverage: inherited
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # noqa: D102
        checkpoint[CHECKPOINT_KEY] = {
            "seed": self.seed,
            "sampler": self.instances.negative_sampler.state_dict(),
        }

    # docstr-coverage: inherited
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # noqa: D102
        state = checkpoint[CHECKPOINT_KEY]
        self.seed, self._sampler_state = state["seed"], state["sampler"]


if DHNSLitModule not in lit_module_resolver.lookup_dict.values():
    lit_module_resolver.register(DHNSLitModule)
