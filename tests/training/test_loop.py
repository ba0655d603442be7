"""Tests for the training loop."""

import warnings
from typing import Any

import pytest
import torch
from pykeen.models import DistMult, TransE
from pykeen.trackers import PythonResultTracker
from pykeen.training.callbacks import TrainingCallback
from torch.optim import Optimizer

from pykeen_dhns import DHNSNegativeSampler

from ..helpers.loops import FACTORY, assert_same, make_loop, train


def test_same_seed_same_result() -> None:
    """A seed fixes a whole run, bit for bit, and another one gives another."""
    first, second, third = (make_loop(seed=seed) for seed in (0, 0, 1))
    for loop, seed in ((first, 0), (second, 0), (third, 1)):
        torch.manual_seed(seed)
        train(loop)
    assert_same(first, second)
    assert third.losses_per_epochs != first.losses_per_epochs


def test_no_warnings() -> None:
    """Training on a CPU warns of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(make_loop())


def test_continue_training() -> None:
    """Training in two parts is the same, bit for bit, as in one."""
    first, second = make_loop(hard_fraction=0.5), make_loop(hard_fraction=0.5)
    torch.manual_seed(0)
    train(first, num_epochs=4)
    torch.manual_seed(0)
    train(second, num_epochs=2)
    train(second, num_epochs=4, continue_training=True)
    assert_same(first, second)


def count_steps(optimizer: Optimizer | None) -> int:
    """Return how many steps an optimiser has taken."""
    assert optimizer is not None
    (steps,) = {int(values["step"]) for values in optimizer.state.values()}
    return steps


def test_continue_with_other_triples() -> None:
    """Training can go on with other triples. All that was learned is kept, and the sampler is for the new triples."""
    parts = FACTORY.split(0.5, random_state=0)
    loop = make_loop(hard_fraction=0.5)
    for i, part in enumerate(parts):
        loop.train(part, num_epochs=i + 1, batch_size=256, use_tqdm=False, continue_training=i > 0)
    num_batches = sum(-(-part.num_triples // 256) for part in parts)
    sampler = loop.sampler
    assert isinstance(sampler, DHNSNegativeSampler)
    assert sampler.known.contains(parts[1].mapped_triples).all()
    assert not sampler.known.contains(parts[0].mapped_triples).any()
    for optimizer in (loop.optimizer, loop.objective.generator_optimizer, sampler.entity_generator.generator.optimizer):
        assert count_steps(optimizer) == num_batches


@pytest.mark.parametrize("num_shared_negs", [0, 10])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("model", [TransE, DistMult])
def test_other_precision(model: Any, dtype: torch.dtype, num_shared_negs: int) -> None:
    """Generator and loss follow the precision of the model. The generator's is at least single."""
    loop = make_loop(model, num_shared_negs=num_shared_negs, generator="diffheg")
    loop.model.to(dtype)
    assert torch.as_tensor(train(loop)).isfinite().all()
    assert loop.objective.generator is not None
    expected = torch.promote_types(dtype, torch.float)
    assert {p.dtype for p in loop.objective.generator.parameters()} == {expected}


def test_known_triples_are_indexed_once() -> None:
    """The sampler of each training and the negatives of a batch share the index of the training triples."""
    loop = make_loop(hard_fraction=0.5, num_negs_per_pos=4, num_shared_negs=10, filtered=True)
    indices = []
    for _ in range(2):
        train(loop, num_epochs=1)
        assert isinstance(loop.sampler, DHNSNegativeSampler)
        indices.append(loop.sampler.known.answers)
    assert loop.objective.shared is not None
    assert loop.objective.shared.known is not None
    assert indices[0] is indices[1] is loop.objective.shared.known.answers


def test_restart() -> None:
    """A second training starts with a new model, generator, and sampler, and is the same as a first one."""
    again, first = make_loop(hard_fraction=0.5), make_loop(hard_fraction=0.5)
    train(again, num_epochs=3)
    again._epoch, again.losses_per_epochs = 0, []
    for loop in (again, first):
        torch.manual_seed(0)
        train(loop)
    assert_same(again, first)


class _GradientNorms(TrainingCallback):
    """Records the norm and the largest entry of the gradients that the optimiser gets."""

    def __init__(self) -> None:
        super().__init__()
        self.norms: list[float] = []
        self.entries: list[float] = []

    def post_batch(self, epoch: int, batch: Any, **kwargs: Any) -> None:
        gradients = torch.cat([p.grad.flatten() for p in self.model.get_grad_params() if p.grad is not None])
        self.norms.append(gradients.norm().item())
        self.entries.append(gradients.abs().max().item())


def test_gradient_clipping() -> None:
    """Gradients are clipped before the optimiser gets them, by norm and by value."""
    unclipped = _GradientNorms()
    train(make_loop(), callbacks=unclipped)
    limit = min(unclipped.norms) / 2
    by_norm = _GradientNorms()
    train(make_loop(), callbacks=by_norm, gradient_clipping_max_norm=limit)
    assert max(by_norm.norms) <= 1.001 * limit
    limit = min(unclipped.entries) / 2
    by_value = _GradientNorms()
    train(make_loop(), callbacks=by_value, gradient_clipping_max_abs_value=limit)
    assert max(by_value.entries) <= 1.001 * limit


@pytest.mark.filterwarnings("ignore:The epoch parameter in:UserWarning")
def test_learning_rate_scheduler() -> None:
    """PyKEEN's schedulers work."""
    loop = make_loop(lr_scheduler="ExponentialLR", lr_scheduler_kwargs=dict(gamma=0.5))
    train(loop, num_epochs=3)
    assert loop.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * 0.5**3)


def test_reported_losses() -> None:
    """The reported parts of the loss add up to the loss."""
    tracker = PythonResultTracker()
    loop = make_loop(result_tracker=tracker)
    losses = train(loop, drop_last=True)
    weight = loop.objective.criterion.hardness_weight
    for epoch, loss in enumerate(losses, start=1):
        metrics = tracker.metrics[epoch]
        assert loss == pytest.approx(metrics["dhns.loss_kgc"] + weight * metrics["dhns.loss_hardness"])


@pytest.mark.gpu
def test_cuda() -> None:
    """It trains on a GPU."""
    if not torch.cuda.is_available():
        pytest.skip("There is no GPU.")
    loop = make_loop()
    loop.model.to("cuda")
    losses = train(loop, num_epochs=3)
    assert losses[-1] < losses[0]
    assert loop.objective.generator is not None
    assert all(p.is_cuda for p in loop.objective.generator.parameters())
