"""Tests for batches that are split, and for generating for a share of them."""

from collections.abc import Callable
from typing import Any, Literal, cast

import pytest
import torch
from pykeen.losses import NSSALoss
from pykeen.models import ComplEx, RotatE, TransE
from pykeen.training.callbacks import TrainingCallback
from pykeen.triples.instances import SLCWABatch
from torch import Tensor, nn

from pykeen_dhns import DHNSTrainingLoop
from pykeen_dhns.training.model_adapter import AnyModel

from ..helpers.generators import LinearGenerator
from ..helpers.loops import FACTORY, make_batch, make_loop, train
from ..helpers.models import make_features, make_multimodal


class _Passes(TrainingCallback):
    """Counts forward passes."""

    count = 0

    def on_batch(self, epoch: int, batch: Any, batch_loss: float, **kwargs: Any) -> None:
        self.count += 1


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    "kwargs",
    [
        *(dict(generator=LinearGenerator, filtered=filtered) for filtered in (False, True)),
        # the pool is the graph
        dict(num_shared_negs=99, filtered=True, num_negs_per_pos=None),
    ],
    ids=str,
)
@pytest.mark.parametrize("model", [RotatE, TransE, ComplEx])
def test_sub_batches(model: Callable[..., AnyModel], kwargs: dict[str, Any], reduction: str) -> None:
    """Sub-batches change nothing but the order of sums, if the loop draws nothing."""
    loops, counts = [], []
    for sub_batch_size in (None, 100):
        loop = make_loop(
            model,
            # otherwise, PyKEEN ignores the given size, and chooses one
            automatic_memory_optimization=False,
            model_kwargs=dict(loss_kwargs=dict(reduction=reduction), regularizer=None),
            **kwargs,
        )
        torch.manual_seed(0)
        passes = _Passes()
        train(loop, num_epochs=1, batch_size=256, sub_batch_size=sub_batch_size, drop_last=True, callbacks=passes)
        loops.append(loop)
        counts.append(passes.count)
    num_batches = FACTORY.num_triples // 256
    assert counts == [num_batches, 3 * num_batches]
    torch.testing.assert_close(loops[0].losses_per_epochs, loops[1].losses_per_epochs, rtol=1e-4, atol=1e-5)
    for a, b in zip(*(loop.model.parameters() for loop in loops), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_sub_batches_of_the_generator(reduction: str) -> None:
    """Sub-batches do not change the generator's gradient, either."""
    gradients = []
    for size in (32, 10):
        loop = make_loop(generator=LinearGenerator, model_kwargs=dict(loss_kwargs=dict(reduction=reduction)))
        torch.manual_seed(0)
        for start in range(0, 32, size):
            loop._forward_pass(make_batch(), start, min(start + size, 32), 32, 0.0, None)
        gradients.append([parameter.grad for parameter in cast(nn.Module, loop.objective.generator).parameters()])
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_missing_modalities(reduction: Literal["mean", "sum"]) -> None:
    """Nor do they, or several processes, if a modality is missing in more rows of one part than of another."""
    torch.manual_seed(0)
    model = make_multimodal(textual=make_features(missing=tuple(range(3, 14))))
    model.loss = NSSALoss(reduction=reduction)
    loop = DHNSTrainingLoop(model=model, triples_factory=FACTORY, generator=LinearGenerator, multimodal=True)
    objective, generator = loop.objective, cast(nn.Module, loop.objective.generator)
    positives = FACTORY.mapped_triples
    order = positives[:, [0, 2]].ge(3).any(dim=1).long().argsort(stable=True)
    # 20 triples with the modality, then 28 without
    positives = positives[torch.cat([order[:20], order[-28:]])]
    batch = make_batch(positives=positives)
    counts = objective.adapter.count_learnable(positives)
    assert counts is not None
    assert counts.tolist() == [2] * 20 + [1] * 28

    def gradient(parts: list[SLCWABatch], size: int, **kwargs: Any) -> Tensor:
        generator.zero_grad()
        for part in parts:
            num_rows = len(part["positives"])
            for start in range(0, num_rows, size):
                loss = objective.loss(part, start, start + size, **kwargs)
                stop = min(start + size, num_rows)
                # what PyKEEN multiplies the loss by
                (loss * ((stop - start) / num_rows if reduction == "mean" else 1.0)).backward()
        return torch.cat([p.grad.flatten() for p in generator.parameters() if p.grad is not None])

    expected = gradient([batch], 48)
    torch.testing.assert_close(gradient([batch], 15), expected)
    objective.sum_over_processes = lambda _: counts.sum()
    shares = [make_batch(positives=positives[:30]), make_batch(positives=positives[30:])]
    total = gradient(shares, 48, num_processes=2, total_size=48)
    torch.testing.assert_close(total / 2, expected)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_generated_share_is_unbiased(reduction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Averaged over all choices of positives, the loss is that of generating for all of them."""
    losses: dict[float, Tensor] = {}
    for share in (1.0, 0.25):
        loop = make_loop(
            generated_share=share,
            hardness_loss_kwargs=dict(hardness_weight=1.0),
            model_kwargs=dict(loss_kwargs=dict(reduction=reduction)),
        )
        # generated embeddings depend on nothing but the row
        monkeypatch.setattr(loop.objective.generator, "generate", lambda x: 2 * x.expand(4, *x.shape))
        values = []
        for start in range(0, 32, 8):
            with monkeypatch.context() as context, torch.no_grad():
                # four disjoint quarters
                context.setattr(torch, "randperm", lambda n, start=start, **_: torch.arange(n).roll(-start))
                values.append(loop._process_batch(make_batch(), 0, 32))
        losses[share] = torch.stack(values)
    torch.testing.assert_close(losses[0.25].mean(), losses[1.0].mean())
    assert losses[0.25].std() > 0


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("model", [TransE, ComplEx])
def test_shares_of_a_batch(model: Any, reduction: str) -> None:
    """The mean over processes is the loss of the batch, also if their shares differ in size."""
    loop = make_loop(model, generator=LinearGenerator, model_kwargs=dict(loss_kwargs=dict(reduction=reduction)))
    assert (model is ComplEx) == any(r.regularizer is not None for r in loop.objective.adapter.entities)
    batch = make_batch(size=8)

    def compute(rows: slice, **kwargs: Any) -> Tensor:
        share: SLCWABatch = {"positives": batch["positives"][rows], "negatives": batch["negatives"][rows]}
        return loop.objective.loss(share, 0, len(share["positives"]), **kwargs).squeeze()

    whole, shares = compute(slice(0, 8)), (slice(0, 5), slice(5, 8))
    mean = torch.stack([compute(share, num_processes=2, total_size=8) for share in shares]).mean()
    torch.testing.assert_close(mean, whole)
    # without the sizes, it would not be
    assert not torch.isclose(torch.stack([compute(share) for share in shares]).mean(), whole)
