"""Tests for the module of PyTorch Lightning, in one process."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from pykeen.contrib.lightning import SLCWALitModule, lit_module_resolver, lit_pipeline
from pykeen.training.callbacks import TrainingCallback
from pytorch_lightning import Callback
from torch import nn
from torch.utils.data import DataLoader

from pykeen_dhns import DHNSNegativeSampler, DHNSTrainingLoop, HardnessAdaptiveLoss, MultimodalModel
from pykeen_dhns.lightning import DHNSLitModule, JointOptimizer
from pykeen_dhns.lightning.instances import ShardedLoader
from pykeen_dhns.lightning.seeds import Purpose, derive_seed

from .small import NATIONS, SHARED, Record, fit, make_module, make_trainer
from ..helpers.generators import NoisyLinearGenerator
from ..helpers.padding import Padded, PaddingFilterer


def test_by_name() -> None:
    """The whole method, by names alone, also with PyKEEN's own pipeline for it."""
    module = lit_module_resolver.make("dhns", model="rotate", model_kwargs=dict(embedding_dim=4, loss="dhns"))
    assert type(module) is DHNSLitModule
    assert type(module.model.loss) is HardnessAdaptiveLoss
    assert isinstance(module.instances.negative_sampler, DHNSNegativeSampler)
    trainer_kwargs = dict(accelerator="cpu", fast_dev_run=2, logger=False, enable_progress_bar=False)
    lit_pipeline("dhns", training_loop_kwargs=dict(dataset="nations", batch_size=512), trainer_kwargs=trainer_kwargs)


class _Start(TrainingCallback):
    """Lets a training loop start where a module does, and gives each step the seed that it has there."""

    def __init__(self, module: DHNSLitModule) -> None:
        super().__init__()
        self.module = module
        self.steps = itertools.product(range(3), range(len(module.train_dataloader())))

    def pre_batch(self, **kwargs: Any) -> None:
        epoch, batch = next(self.steps)
        if (epoch, batch) == (0, 0):
            for own, other in modules(self.training_loop, self.module):
                own.load_state_dict(other.state_dict())
        torch.manual_seed(derive_seed(self.module.seed, Purpose.TRAINING, epoch, batch, 0))


def modules(loop: Any, module: DHNSLitModule) -> list[tuple[nn.Module, nn.Module]]:
    """Return what a loop and a module train: the model, and the generator, if there is one."""
    pairs: list[tuple[nn.Module, nn.Module]] = [(loop.model, module.model)]
    if module.generator is not None:
        pairs.append((loop.objective.generator, module.generator))
    return pairs


@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        ("RotatE", dict(generator="diffheg")),
        ("TransE", dict(generator="diffheg")),
        ("ComplEx", dict(generator="diffheg")),
        ("RotatE", dict(generator="noise")),
        ("TransE", dict(generator="query")),
        ("ComplEx", dict(generator="none")),
        ("TransE", dict(generator=NoisyLinearGenerator)),
        ("RotatE", SHARED),
        ("ComplEx", dict(num_shared_negs=10, generator="diffheg")),
    ],
)
def test_same_as_the_training_loop(model: str, arguments: dict[str, Any]) -> None:
    """The module does what the training loop does, bit for bit: constraints, regularisers and all."""
    kwargs: dict[str, Any] = dict(model=model, model_kwargs=dict(embedding_dim=6, random_seed=0))
    module, other = (make_module(**kwargs, **arguments, optimizer="adam") for _ in range(2))
    loader = other.train_dataloader()
    assert isinstance(loader, ShardedLoader)
    epochs = itertools.count()
    loader.current_epoch = lambda: next(epochs)

    class Loop(DHNSTrainingLoop):
        def _create_training_data_loader(self, *args: Any, **kwargs: Any) -> DataLoader[Any]:
            return loader

    loop = Loop(
        model=other.model,
        triples_factory=NATIONS.training,
        optimizer="adam",
        num_timesteps=20,
        automatic_memory_optimization=False,
        **arguments,
    )
    loop.train(NATIONS.training, num_epochs=3, batch_size=256, use_tqdm=False, callbacks=_Start(module))
    before = [p.clone() for p in module.model.parameters()]
    fit(module, max_epochs=3)
    for own, expected in modules(loop, module):
        for (name, a), b in zip(own.state_dict().items(), expected.state_dict().values(), strict=True):
            assert not torch.is_tensor(a) or a.equal(b), name
    assert not any(a.equal(b) for a, b in zip(before, module.model.parameters(), strict=True))


@pytest.mark.slow
def test_learns() -> None:
    """The losses of model and generator decrease, and what the loop reports is reported."""
    module = make_module(learning_rate=0.02, model=MultimodalModel, multimodal=True, **_multimodal())
    first = dict(fit(module, max_epochs=1).callback_metrics)
    last = fit(module, max_epochs=20, limit_val_batches=1.0).callback_metrics
    assert last["train_loss"] < 0.9 * first["train_loss"]
    assert last["dhns/loss_diffusion"] < first["dhns/loss_diffusion"]
    names = ("loss_kgc", "loss_hardness", "score_positive", "score_sampled", "score_level_1", "share_textual")
    assert {"val_loss", *(f"dhns/{name}" for name in names)} <= set(last)
    assert last["val_loss"].isfinite()


def _multimodal() -> dict[str, Any]:
    features = torch.randn(NATIONS.num_entities, 5)
    return dict(model_kwargs=dict(interaction="distmult", embedding_dim=6, modalities=dict(textual=features)))


def test_arguments() -> None:
    """Arguments of the loop are those of the loop, apart from the learning rate, which is the model's."""
    module = make_module(
        learning_rate=0.5,
        generator_learning_rate=0.25,
        levels=[0.5],
        negative_sampler_kwargs=dict(num_timesteps=10),
        num_timesteps=None,
        hardness_loss_kwargs=dict(hardness_weight=0.7),
        optimizer="sgd",
        optimizer_kwargs=dict(momentum=0.5),
    )
    optimizer = module.configure_optimizers()
    assert isinstance(optimizer, JointOptimizer)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]
    assert optimizer.param_groups[0]["momentum"] == 0.5
    assert module.objective.generator is not None
    assert module.objective.generator.levels.fractions == (0.5,)
    assert module.objective.config.num_timesteps == 10
    assert module.objective.criterion.hardness_weight == 0.7
    assert not isinstance(make_module(generator="none").configure_optimizers(), JointOptimizer)


def test_errors() -> None:
    """Errors name what is wrong, and what is allowed."""
    with pytest.raises(TypeError, match=r"\['num_epochs'\] are no arguments of DHNSLitModule.*'batch_size'.*'levels'"):
        make_module(num_epochs=5)


@pytest.mark.parametrize(
    ("num_negs_per_pos", "hard_fraction", "expected"),
    # in the first case, the generated column is mostly sampled
    [(3, 0.125, ()), (4, 0.5, (0, 1))],
)
def test_columns_of_the_sampler(num_negs_per_pos: int, hard_fraction: float, expected: tuple[int, ...]) -> None:
    """The loss gets the sampler's columns and levels, as in the training loop, whatever its own are."""
    module = make_module(
        model_kwargs=dict(embedding_dim=6, loss="dhns", random_seed=0),
        num_negs_per_pos=num_negs_per_pos,
        hard_fraction=hard_fraction,
        levels=[0.8, 0.3],
    )
    assert module.instances.negative_sampler.num_negs_per_pos == num_negs_per_pos
    layout = module.objective.layout
    assert layout is not None
    assert layout.levels.fractions == (0.3, 0.8)
    assert layout.loss_levels == expected
    fit(module, max_epochs=1)


@pytest.mark.parametrize("kwargs", [dict(negative_sampler=Padded), dict(base_sampler=Padded, hard_fraction=0.5)])
def test_padding(kwargs: dict[str, Any]) -> None:
    """A sampler may pad with what is no entity, if a filter leaves it out."""
    module = make_module(**kwargs, filtered=True, filterer=PaddingFilterer)
    assert fit(module, max_epochs=1, limit_val_batches=1.0).callback_metrics["val_loss"].isfinite()


def test_constraints_hold() -> None:
    """After training, and whenever a validation looks, embeddings are as they are constrained to be."""
    norms: list[torch.Tensor] = []

    class Look(Callback):
        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            norms.append(pl_module.model.entity_representations[0](None).norm(dim=-1))

    fit(make_module(model="TransE", learning_rate=0.1), callbacks=[Look()], limit_val_batches=1.0)
    assert len(norms) == 2
    for norm in norms:
        torch.testing.assert_close(norm, torch.ones_like(norm))


def test_gradient_clipping() -> None:
    """Lightning clips the model's gradients, but not the generator's."""

    class Norms(Callback):
        def __init__(self) -> None:
            self.norms: list[list[float]] = []

        def on_before_zero_grad(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
            gradients = [
                [p.grad.flatten() for p in part.parameters() if p.grad is not None]
                for part in (pl_module.model, pl_module.generator)
            ]
            if all(gradients):
                self.norms.append([torch.cat(x).norm().item() for x in gradients])

    free, clipped = Norms(), Norms()
    fit(make_module(), callbacks=[free])
    limit = min(min(norms) for norms in free.norms) / 2
    fit(make_module(), callbacks=[clipped], gradient_clip_val=limit)
    assert clipped.norms
    for model, generator in clipped.norms:
        assert model <= 1.001 * limit
        assert generator > 1.001 * limit


@pytest.mark.parametrize("model", ["CompGCN", "TuckER"])
def test_accumulated_gradients(model: str) -> None:
    """Gradients of several batches can be added up, also of models that pass messages, or normalise batches."""
    record = Record()
    module = make_module(
        model=model, dataset_kwargs=dict(create_inverse_triples=True), batch_size=300, generated_share=0.1
    )
    fit(module, max_epochs=1, accumulate_grad_batches=2, callbacks=[record])
    steps = torch.stack(record.models)
    # with inverse triples, there are 11 batches, and the last one counts, too
    assert [not a.equal(b) for a, b in itertools.pairwise(steps)] == [*[True, False] * 4, True, True]
    assert steps.isfinite().all()


def test_batch_normalization() -> None:
    """No batch is too small for batch normalisation: a single triple that is left over joins the batch before."""
    record = Record()
    fit(make_module(model="TuckER", batch_size=(NATIONS.training.num_triples - 1) // 3), 1, callbacks=[record])
    sizes = [len(positives) for positives in record.positives[0]]
    assert min(sizes) > 1
    assert sum(sizes) == NATIONS.training.num_triples


def test_validation_is_repeatable() -> None:
    """A validation has the same negatives each time, and changes nothing, with a sampler that learns, too."""
    module = make_module(hard_fraction=0.5)
    fit(module)
    before = {key: x.clone() for key, x in module.state_dict().items() if torch.is_tensor(x)}
    sampler = [p.clone() for p in module.instances.negative_sampler.parameters()]
    trainer = make_trainer(limit_val_batches=1.0)
    results = [trainer.validate(module, verbose=False) for _ in range(2)]
    assert results[0] == results[1]
    assert all(x.equal(before[key]) for key, x in module.state_dict().items() if torch.is_tensor(x))
    assert all(a.equal(b) for a, b in zip(sampler, module.instances.negative_sampler.parameters(), strict=True))


def test_validation_with_inverse_triples() -> None:
    """The relations of validation triples are those that the model knows, which has inverse ones in between."""
    module = make_module(dataset_kwargs=dict(create_inverse_triples=True))
    assert module.dataset.validation is not None
    loader: Any = module.val_dataloader()
    batches = list(loader)
    expected = module.dataset.validation.mapped_triples * torch.as_tensor([1, 2, 1])
    assert torch.cat([batch["positives"] for batch in batches]).equal(expected)
    assert all((batch["negatives"][..., 1] % 2 == 0).all() for batch in batches)


def test_same_seed_same_result() -> None:
    """A seed fixes a run, bit for bit, whatever was drawn before it, and another one gives another."""
    records = [Record() for _ in range(3)]
    for seed, record in zip((0, 0, 1), records, strict=True):
        module = make_module(random_seed=seed, hard_fraction=0.5)
        torch.manual_seed(len(record.steps) + seed)
        fit(module, callbacks=[record])
    assert torch.stack(records[0].steps).equal(torch.stack(records[1].steps))
    assert not torch.stack(records[0].steps).equal(torch.stack(records[2].steps))


def test_second_fit_goes_on() -> None:
    """With another trainer, training goes on, and so does the sampler."""
    module = make_module(hard_fraction=0.5)
    first, second = Record(), Record()
    fit(module, max_epochs=1, callbacks=[first])
    sampler, parameters = module.instances.negative_sampler, first.models[-1]
    fit(module, max_epochs=1, callbacks=[second])
    assert module.instances.negative_sampler is sampler
    # from where it was: a step of Adam is about as long as the learning rate, whereas the epoch had seven of them
    assert (second.models[0] - parameters).abs().max() < 2e-3
    assert (first.models[0] - parameters).abs().max() > 4e-3


@pytest.mark.filterwarnings("ignore:Your `IterableDataset` has `__len__` defined:UserWarning")
@pytest.mark.parametrize("loss", ["nssa", "dhns"])
def test_stock_module(loss: str) -> None:
    """PyKEEN's own module learns with our sampler, which learns, too."""
    torch.manual_seed(0)
    module = SLCWALitModule(
        dataset="nations",
        model="RotatE",
        model_kwargs=dict(embedding_dim=8, loss=loss, random_seed=0),
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=8),
        batch_size=256,
        learning_rate=0.02,
    )
    samplers = []

    class Look(Callback):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            samplers.append(trainer.train_dataloader.dataset.negative_sampler)

    losses = [float(fit(module, 1, callbacks=[Look()]).callback_metrics["train_loss"]) for _ in range(5)]
    assert losses[-1] < losses[0]
    assert all(isinstance(sampler, DHNSNegativeSampler) for sampler in samplers)
    assert all(sampler.entity_generator.generator.target_scale.weight.min() > 0 for sampler in samplers)


#: Without Lightning
MISSING = """
import sys
sys.modules["pytorch_lightning"] = None
import pykeen.pipeline
import pykeen_dhns.training.loop
try:
    import pykeen.contrib.lightning
except ImportError as error:
    assert "pykeen" not in str(error), error
import pykeen_dhns.lightning
"""
#: With Lightning, which is only imported if PyKEEN's integration of it is
LATE = """
import sys
import types
import pykeen.pipeline
assert "pytorch_lightning" not in sys.modules
import pykeen.contrib.lightning
import pykeen.contrib
assert pykeen.contrib.lightning.lit_module_resolver.lookup("dhns").__module__ == "pykeen_dhns.lightning.module"
assert type(pykeen.contrib) is type(pykeen) is types.ModuleType
"""


def run(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a new process."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_registration(tmp_path: Path) -> None:
    """Lightning is imported if PyKEEN's integration of it is, which then knows the name; the error names the extra."""
    late = run(LATE, tmp_path)
    assert late.returncode == 0, late.stderr
    assert not late.stderr
    missing = run(MISSING, tmp_path)
    assert missing.returncode == 1
    assert "pip install 'pykeen-dhns[lightning]'" in missing.stderr.splitlines()[-1]
    assert "could not import" not in missing.stderr
