"""Tests for mixed precision."""

from typing import Any

import pytest
import torch
from pykeen.contrib.lightning import SLCWALitModule
from pytorch_lightning import Callback
from pytorch_lightning.plugins.precision import MixedPrecision

from pykeen_dhns import MultimodalModel
from pykeen_dhns.lightning import DHNSLitModule

from .small import NATIONS, fit, make_module
from ..helpers.generators import NoisyLinearGenerator

FEATURES = torch.randn(NATIONS.num_entities, 5, generator=torch.Generator().manual_seed(0))
FEATURES[2] = float("nan")
MODELS: dict[str, dict[str, Any]] = {
    # complex numbers, batch normalisation, and matrices as relations
    **{name: dict(model=name, model_kwargs=dict(embedding_dim=8)) for name in ("RotatE", "TuckER", "TransR")},
    # products of matrices, and distances by them, with what a softmax ignores
    **{
        f"{name}, shared": dict(
            model=name,
            model_kwargs=dict(embedding_dim=8, loss="nssa", random_seed=0),
            generator="diffheg",
            num_shared_negs=10,
            filtered=True,
            num_negs_per_pos=None,
        )
        for name in ("RotatE", "DistMult", "TransR")
    },
    "multimodal": dict(
        model=MultimodalModel,
        model_kwargs=dict(interaction="rotate", embedding_dim=8, modalities=dict(textual=FEATURES)),
    ),
}


def assert_finite(module: torch.nn.Module) -> None:
    """Check that there is no NaN in any parameter or buffer, apart from features that are missing."""
    for name, x in module.state_dict().items():
        if torch.is_tensor(x) and x.is_floating_point():
            assert x.isfinite().all(), name


def half_precision(**kwargs: Any) -> MixedPrecision:
    """Return what scales the loss to 16 bits, on the CPU."""
    if not hasattr(torch.amp, "GradScaler"):
        pytest.skip("PyTorch scales losses on the CPU since 2.3.")
    return MixedPrecision("16-mixed", "cpu", scaler=torch.amp.GradScaler("cpu", **kwargs))


@pytest.mark.parametrize("precision", ["bf16", "16"])
@pytest.mark.parametrize("model", MODELS)
def test_same_loss(model: str, precision: str) -> None:
    """With mixed precision, the losses are almost the same, and there is no NaN."""
    kwargs: list[dict[str, Any]] = [{}, dict(precision="bf16-mixed") if precision == "bf16" else {}]
    if precision == "16":
        kwargs[1] = dict(plugins=half_precision())
    metrics = []
    for arguments in kwargs:
        module = make_module(**MODELS[model])
        before = {name: p.detach().clone() for name, p in module.named_parameters()}
        trainer = fit(module, max_epochs=3, **arguments)
        assert_finite(module)
        assert all(not p.equal(before[name]) for name, p in module.named_parameters())
        metrics.append(trainer.callback_metrics)
    for name in ("train_loss", "dhns/loss_diffusion", "dhns/score_level_1"):
        torch.testing.assert_close(metrics[0][name], metrics[1][name], rtol=1e-2, atol=1e-3)
    # it really was another precision
    assert metrics[0]["dhns/loss_diffusion"] != metrics[1]["dhns/loss_diffusion"]


@pytest.mark.parametrize("generator", ["noise", "query", "none", NoisyLinearGenerator])
def test_generators(generator: Any) -> None:
    """Mixed precision works with any generator, also with one that learns nothing."""
    module = make_module(generator=generator, levels=[0.5, 0.1])
    before = [parameter.detach().clone() for parameter in module.parameters()]
    metrics = fit(module, plugins=half_precision()).callback_metrics
    assert metrics["train_loss"].isfinite()
    assert ("dhns/score_level_2" in metrics) == (generator != "none")
    assert ("dhns/loss_diffusion" in metrics) == (generator is NoisyLinearGenerator)
    assert_finite(module)
    assert not any(map(torch.equal, before, module.parameters()))


class _Watch(Callback):
    """Records after which steps model and generator have changed, and the scale of the loss."""

    def __init__(self) -> None:
        self.changes: list[tuple[bool, bool]] = []
        self.scales: list[float] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, *args: Any) -> None:
        self.before = [[p.clone() for p in part.parameters()] for part in (pl_module.model, pl_module.generator)]

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any) -> None:
        model, generator = (
            any(not a.equal(b) for a, b in zip(before, part.parameters(), strict=True))
            for before, part in zip(self.before, (pl_module.model, pl_module.generator), strict=True)
        )
        self.changes.append((model, generator))
        self.scales.append(trainer.precision_plugin.scaler.get_scale())


def test_overflow() -> None:
    """If a gradient overflows, neither model nor generator takes a step, until the scale fits."""
    watch = _Watch()
    # without constraints, which change a model in any case
    module = make_module(model="ComplEx")
    fit(module, max_epochs=8, callbacks=[watch], plugins=half_precision(init_scale=2.0**40, growth_interval=1000))
    assert watch.changes[0] == (False, False)
    assert watch.changes[-1] == (True, True)
    assert all(model == generator for model, generator in watch.changes)
    # one scale for both
    skipped = watch.changes.count((False, False))
    assert watch.scales[-1] == 2.0 ** (40 - skipped)
    assert_finite(module)


@pytest.mark.filterwarnings("ignore:Your `IterableDataset` has `__len__` defined:UserWarning")
def test_stock_module() -> None:
    """PyKEEN's own module trains with our sampler, in mixed precision, too."""
    for precision in ("32-true", "bf16-mixed"):
        torch.manual_seed(0)
        module = SLCWALitModule(
            dataset="nations",
            model="TransE",
            model_kwargs=dict(embedding_dim=8, loss="dhns", random_seed=0),
            negative_sampler="dhns",
            negative_sampler_kwargs=dict(num_negs_per_pos=8, hard_fraction=0.5),
            batch_size=256,
            learning_rate=0.01,
        )
        losses = [float(fit(module, 1, precision=precision).callback_metrics["train_loss"]) for _ in range(4)]
        assert losses[-1] < losses[0]
        assert_finite(module)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["16-mixed", "bf16-mixed", "32-true"])
@pytest.mark.parametrize("model", MODELS)
def test_gpu(model: str, precision: Any) -> None:
    """It trains on a GPU, without NaN, and to a lower loss."""
    arguments = {**MODELS[model], "learning_rate": 0.01}
    # without the model's own loss: on GPUs, PyTorch has no binary cross-entropy of probabilities in mixed precision
    arguments["model_kwargs"] = {**arguments["model_kwargs"], "loss": "nssa"}
    module: DHNSLitModule = make_module(**arguments)
    trainers = [fit(module, epochs, accelerator="gpu", precision=precision) for epochs in (1, 10)]
    assert trainers[1].callback_metrics["train_loss"] < trainers[0].callback_metrics["train_loss"]
    assert_finite(module)
