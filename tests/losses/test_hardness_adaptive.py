"""Tests for the hardness-adaptive loss."""

import copy
import io
import logging
import pickle
from typing import Any

import pytest
import torch
from pykeen.losses import (
    BCEWithLogitsLoss,
    NoSampleWeightSupportError,
    UnsupportedLabelSmoothingError,
    loss_resolver,
)

from pykeen_dhns import DiffHEG, HardnessAdaptiveLoss
from pykeen_dhns.diffusion import Levels
from pykeen_dhns.sampling.columns import ColumnLayout

from .scores import FRACTIONS, draw, expected_rows, make

#: Losses that support sample weights, and label smoothing
WEIGHTED = ["bcewithlogits", "mse", "softplus"]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_hardness_adaptive(reduction: str) -> None:
    """It is Equation 13, reduced over the batch."""
    positive, generated = draw(6, 1), draw(6, 4, 3)
    kwargs: dict[str, Any] = dict(margins=[1.0, 2.0, 4.0, 8.0], weights=[0.5, 1.0, 2.0, 0.0], positive_weight=0.5)
    for arguments in ({}, kwargs):
        rows = expected_rows(positive, generated, **arguments)
        actual = make(reduction=reduction, **arguments).hardness_adaptive(positive, generated)
        assert actual.item() == pytest.approx(getattr(rows, reduction)(), rel=1e-6)
        assert actual.shape == ()
        assert actual.dtype == torch.double


@pytest.mark.parametrize("margins", [None, [1, 2, 3, 4]])
def test_not_adaptive(margins: list[float] | None) -> None:
    """The margin can be the same for all levels, with other weights still."""
    positive, generated = draw(5, 1), draw(5, 4, 2)
    weights = [0.5, 1.0, 2.0, 0.0]
    actual = make(weights=weights, margins=margins).hardness_adaptive(positive, generated, adaptive=False)
    rows = expected_rows(positive, generated, None, [9.0] * 4, weights)
    assert actual.item() == pytest.approx(rows.mean(), rel=1e-6)


@pytest.mark.parametrize("num_timesteps", [20, 50, 70, 100])
def test_margins_do_not_depend_on_rounding(num_timesteps: int) -> None:
    """A level has the same margin in our loop, in the sampler's columns, and in PyKEEN's loop, for any time steps."""
    levels = DiffHEG(4, num_timesteps=num_timesteps).levels
    positive, generated = draw(6, 1), draw(6, 4, 2)
    expected = expected_rows(positive, generated, margins=[6.67, 7.15, 7.66, 8.40]).mean()
    loss = make(margin=9.0, adaptivity=0.1, hardness_weight=1.0, hard_fraction=1.0)
    columns = generated.flatten(start_dim=1)
    for actual in (
        loss.hardness_adaptive(positive, generated, levels=levels),
        loss.process_columns(positive, columns, ColumnLayout.create(8, 1.0, levels=levels)),
        loss.process_slcwa_scores(positive, columns),
    ):
        assert actual.item() == pytest.approx(expected, rel=1e-3)


def test_other_levels() -> None:
    """Levels can be given along with the scores. Their number has to be that of the scores."""
    positive, generated = draw(5, 1), draw(5, 2, 3)
    loss = make(margin=4, adaptivity=0.5)
    actual = loss.hardness_adaptive(positive, generated, levels=Levels((0.25, 1)))
    assert actual.item() == pytest.approx(expected_rows(positive, generated, None, [2.0, 4.0]).mean(), rel=1e-6)
    with pytest.raises(ValueError, match=r"\(5, 2, 3\), i.e., 2 levels, but there are 4"):
        make().hardness_adaptive(positive, generated)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(("num_negs", "fraction"), [(16, 0.25), (32, 0.25), (9, 0.5), (16, 0.125), (7, 0.125)])
def test_columns(num_negs: int, fraction: float, reduction: str) -> None:
    """Columns are those of the sampler: sampled ones for the base loss, generated ones by their level."""
    loss = make(hard_fraction=fraction, hardness_weight=0.3, reduction=reduction)
    positive, negative = draw(6, 1), draw(6, num_negs)
    layout = ColumnLayout.create(num_negs, fraction, Levels())
    # one row per level that has columns
    present = sorted(set(layout.generated))
    generated = torch.zeros(6, len(present), layout.num_chains, dtype=torch.double)
    mask = torch.zeros(generated.shape, dtype=torch.bool)
    columns = zip(layout.generated, layout.chains, strict=True)
    for column, (level, chain) in enumerate(columns, start=layout.num_sampled):
        generated[:, present.index(level), chain] = negative[:, column].detach()
        mask[:, present.index(level), chain] = True
    rows = expected_rows(positive, generated, mask, margins=[9 * FRACTIONS[level] ** 0.1 for level in present])
    kgc = loss.base.process_slcwa_scores(positive, negative[:, : layout.num_sampled])
    actual = loss.process_slcwa_scores(positive, negative)
    assert actual.item() == pytest.approx(kgc.item() + 0.3 * getattr(rows, reduction)(), rel=1e-6)
    assert actual.equal(loss.process_columns(positive, negative, layout))


def test_columns_of_other_levels() -> None:
    """The layout brings its own levels. Some of them may have no column."""
    positive, negative = draw(6, 1), draw(6, 4)
    loss = make(margin=4, adaptivity=0.5, hardness_weight=1)
    actual = loss.process_columns(positive, negative, ColumnLayout(4, Levels((0.25, 0.5, 1)), generated=(0, 2)))
    kgc = loss.base.process_slcwa_scores(positive, negative[:, :2])
    rows = expected_rows(positive, negative[:, 2:, None], None, [2.0, 4.0])
    assert actual.item() == pytest.approx(kgc.item() + rows.mean(), rel=1e-6)


def test_columns_of_another_layout() -> None:
    """The number of negatives has to be that of the layout."""
    with pytest.raises(ValueError, match="layout is for 5 negatives per positive, but there are 4"):
        make().process_columns(draw(2, 1), draw(2, 4), ColumnLayout(5))


@pytest.mark.parametrize("base", ["nssa", "bcewithlogits", "marginranking", "crossentropy", "infonce"])
@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_filtered(fraction: float, base: str) -> None:
    """Sparse scores are the same as dense ones with a mask, and what is masked has no gradient."""
    loss = make(hard_fraction=fraction, base=base)
    positive, negative = draw(6, 1), draw(6, 16)
    batch_filter = torch.rand(6, 16) < 0.7
    batch_filter[0, 8:] = False
    sparse = loss.process_slcwa_scores(positive, negative[batch_filter], batch_filter=batch_filter)
    num_generated = int(fraction * 16)
    wanted = 0.0
    if num_generated < 16:
        keep = batch_filter[:, : 16 - num_generated]
        scores = negative[:, : 16 - num_generated][keep]
        wanted += loss.base.process_slcwa_scores(positive, scores, batch_filter=keep).item()
    if num_generated:
        generated, keep = (x[:, -num_generated:].unflatten(-1, (4, -1)) for x in (negative, batch_filter))
        wanted += loss.hardness_weight * expected_rows(positive, generated, keep).mean()
    assert sparse.item() == pytest.approx(wanted)
    dense = loss.process_slcwa_scores(positive, negative, batch_filter=batch_filter)
    assert dense.item() == pytest.approx(wanted)
    gradient, dense_gradient = (torch.autograd.grad(x, negative)[0] for x in (sparse, dense))
    assert gradient.allclose(dense_gradient)
    assert not gradient[~batch_filter].any()


def test_no_sampled_columns() -> None:
    """Without them, only the weighted loss over generated negatives remains, which cannot smooth labels."""
    loss = make(hard_fraction=1, hardness_weight=0.5)
    positive, negative = draw(6, 1), draw(6, 8)
    rows = expected_rows(positive, negative.unflatten(-1, (4, 2)))
    assert loss.process_slcwa_scores(positive, negative).item() == pytest.approx(0.5 * rows.mean(), rel=1e-6)
    with pytest.raises(UnsupportedLabelSmoothingError):
        loss.process_slcwa_scores(positive, negative, label_smoothing=0.1, num_entities=9)
    # the default, with which the positive would be nowhere
    with pytest.raises(ValueError, match=r"All 8 negatives per positive are generated, and positive_weight=0\.0"):
        make(hard_fraction=1, positive_weight=0.0).process_slcwa_scores(positive, negative)


def test_says_what_is_generated(caplog: pytest.LogCaptureFixture) -> None:
    """The loss cannot see whether the sampler agrees. It says once what it takes for generated."""
    loss = make()
    with caplog.at_level(logging.INFO, logger="pykeen_dhns"):
        for _ in range(2):
            loss.process_slcwa_scores(draw(6, 1), draw(6, 16))
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert "The last 2 of 16 negatives per positive count as generated (hard_fraction=0.125" in record.getMessage()


@pytest.mark.parametrize(
    ("hard_fraction", "num_negs", "enough"), [(0.4, 1, 2), (0.75, 2, 3), (0.95, 10, 11), (0.125, 3, 4), (0.002, 4, 250)]
)
def test_mostly_sampled_column(
    hard_fraction: float, num_negs: int, enough: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A column that is mostly sampled, or the only one, goes to the base loss, with a warning, once."""
    loss, positive, negative = make(hard_fraction=hard_fraction), draw(6, 1), draw(6, num_negs)
    for _ in range(2):
        actual = loss.process_slcwa_scores(positive, negative)
    assert actual.equal(loss.base.process_slcwa_scores(positive, negative))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith(f"Use at least {enough} negatives.")
    # with as many, there is none
    caplog.clear()
    make(hard_fraction=hard_fraction).process_slcwa_scores(positive, draw(6, enough))
    assert not caplog.records


def test_nearly_nothing_generated(caplog: pytest.LogCaptureFixture) -> None:
    """The warning does not search for the number of negatives that would be enough."""
    make(hard_fraction=1e-320).process_slcwa_scores(draw(6, 1), draw(6, 4))
    assert caplog.messages[0].endswith(f"Use at least {2**20} negatives.")


def test_everything_is_filtered() -> None:
    """Not a single negative is left."""
    loss = make(hard_fraction=0.25)
    positive, negative = draw(6, 1), draw(6, 16)
    batch_filter = torch.zeros(6, 16, dtype=torch.bool)
    actual = loss.process_slcwa_scores(positive, negative[batch_filter], batch_filter=batch_filter)
    actual.backward()
    assert actual.isfinite()
    assert positive.grad is not None
    assert (positive.grad < 0).all()


@pytest.mark.parametrize("base", sorted(set(loss_resolver.lookup_dict) - {"hardnessadaptive"}))
def test_no_generated_columns(base: str) -> None:
    """Without them, it is the base loss."""
    positive, negative = draw(6, 1), draw(6, 16)
    inner = loss_resolver.make(base)
    try:
        wanted = inner.process_slcwa_scores(positive, negative)
    except NotImplementedError:
        pytest.skip(f"PyKEEN cannot train with {base} by negative sampling")
    assert make(hard_fraction=0, base=base).process_slcwa_scores(positive, negative).item() == pytest.approx(
        wanted.item(), rel=1e-6
    )


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("base", WEIGHTED)
def test_sample_weights(base: str, reduction: str, filtered: bool) -> None:
    """Equal weights change nothing, and a weight of zero leaves out."""
    loss = make(base=base, reduction=reduction, hard_fraction=0.5, hardness_weight=1)
    positive, negative = draw(6, 1), draw(6, 16)
    batch_filter = torch.rand(6, 16) < 0.8 if filtered else torch.ones(6, 16).bool()
    batch_filter[0, 8:] = not filtered
    kwargs: dict[str, Any] = dict(batch_filter=batch_filter) if filtered else {}
    scores = negative[batch_filter] if filtered else negative
    plain = loss.process_slcwa_scores(positive, scores, **kwargs)
    pos_weights, neg_weights = torch.ones(6, 1).double(), torch.ones(6, 16).double()
    same = loss.process_slcwa_scores(positive, scores, pos_weights=pos_weights, neg_weights=neg_weights, **kwargs)
    assert same.item() == pytest.approx(plain.item())
    flat = loss.process_slcwa_scores(positive, scores, pos_weights=pos_weights[:, 0], **kwargs)
    assert flat.item() == pytest.approx(plain.item())

    pos_weights[1:3], neg_weights[1:3], neg_weights[:, 13] = 0, 0, 0
    weighted = loss.process_slcwa_scores(positive, scores, pos_weights=pos_weights, neg_weights=neg_weights, **kwargs)
    gradient, positive_gradient = torch.autograd.grad(weighted, (negative, positive))
    assert (gradient.bool() == (neg_weights.bool() & batch_filter)).all()
    assert (positive_gradient.bool() == pos_weights.bool()).all()


def test_what_the_base_refuses() -> None:
    """Sample weights and label smoothing are up to the base loss."""
    positive, negative = draw(6, 1), draw(6, 16)
    with pytest.raises(NoSampleWeightSupportError):
        make().process_slcwa_scores(positive, negative, pos_weights=torch.ones(6, 1))
    with pytest.raises(UnsupportedLabelSmoothingError):
        make().process_slcwa_scores(positive, negative, label_smoothing=0.1, num_entities=9)
    loss = make(base="bcewithlogits")
    smooth = loss.process_slcwa_scores(positive, negative, label_smoothing=0.1, num_entities=9)
    difference = smooth - loss.process_slcwa_scores(positive, negative)
    base_difference = loss.base.process_slcwa_scores(
        positive, negative[:, :14].contiguous(), label_smoothing=0.1, num_entities=9
    ) - loss.base.process_slcwa_scores(positive, negative[:, :14].contiguous())
    assert difference.item() == pytest.approx(base_difference.item())


def test_lcwa(caplog: pytest.LogCaptureFixture) -> None:
    """Without generated negatives, it is the base loss, and says so once."""
    loss = make()
    predictions, labels = draw(4, 9), torch.zeros(4, 9, dtype=torch.double)
    labels[:, 2] = 1
    for _ in range(2):
        actual = loss.process_lcwa_scores(predictions, labels)
    assert actual.equal(loss.base.process_lcwa_scores(predictions, labels))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "only its base loss, NSSALoss" in record.getMessage()


def test_inference_mode() -> None:
    """That a loss is evaluated does not hinder training afterwards."""
    loss = make(hard_fraction=0.4)
    positive, negative = draw(6, 1), draw(6, 11)
    with torch.inference_mode():
        evaluated = loss.process_slcwa_scores(positive, negative)
    trained = loss.process_slcwa_scores(positive, negative)
    trained.backward()
    assert trained.item() == evaluated.item()


def test_state() -> None:
    """All of it follows from the arguments: nothing is in the state, and copies are the same."""
    loss = make(margins=[1, 2, 3, 4], weights=[4, 3, 2, 1], base="softmarginranking", hard_fraction=0.5)
    assert not loss.state_dict()
    assert set(make(base=BCEWithLogitsLoss(pos_weight=2.0)).state_dict()) == {"base.pos_weight"}
    positive, negative = draw(6, 1), draw(6, 16)
    wanted = loss.process_slcwa_scores(positive, negative)
    buffer = io.BytesIO()
    torch.save(loss, buffer)
    buffer.seek(0)
    for other in (
        copy.deepcopy(loss),
        pickle.loads(pickle.dumps(loss)),  # noqa: S301
        torch.load(buffer, weights_only=False),
    ):
        assert other.process_slcwa_scores(positive, negative).equal(wanted)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_dtypes(dtype: torch.dtype) -> None:
    """Gradients have the scores' own precision, and the loss no less than the buffers."""
    positive, negative = draw(6, 1), draw(6, 16)
    low, lower = (x.detach().to(dtype).requires_grad_() for x in (positive, negative))
    actual = HardnessAdaptiveLoss(hard_fraction=1, positive_weight=1.0).process_slcwa_scores(low, lower)
    actual.backward()
    assert low.grad is not None
    assert low.grad.dtype == dtype
    assert actual.dtype == torch.promote_types(dtype, torch.float32)
    wanted = make(hard_fraction=1).process_slcwa_scores(positive, negative)
    assert actual.item() == pytest.approx(wanted.item(), rel=1e-2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda() -> None:
    """The device does not matter."""
    loss = HardnessAdaptiveLoss(hard_fraction=0.5, positive_weight=1.0).cuda()
    positive, negative = draw(6, 1), draw(6, 16)
    batch_filter = torch.rand(6, 16) < 0.7
    wanted = make(hard_fraction=0.5).process_slcwa_scores(positive, negative[batch_filter], batch_filter=batch_filter)
    on_device = batch_filter.cuda()
    actual = loss.process_slcwa_scores(positive.cuda(), negative.cuda()[on_device], batch_filter=on_device)
    assert actual.item() == pytest.approx(wanted.item(), rel=1e-5)
    generated, levels = negative.unflatten(-1, (4, 4)), Levels((0.1, 0.2, 0.3, 0.4))
    wanted = make().hardness_adaptive(positive, generated, levels=levels)
    actual = loss.hardness_adaptive(positive.cuda(), generated.cuda(), levels=levels)
    assert actual.item() == pytest.approx(wanted.item(), rel=1e-5)
