"""Tests for the hardness-adaptive loss."""

import copy
import gc
import inspect
import io
import logging
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from docdata import get_docdata
from numpy.typing import NDArray
from pykeen.losses import (
    BCEWithLogitsLoss,
    Loss,
    MarginRankingLoss,
    NoSampleWeightSupportError,
    NSSALoss,
    UnsupportedLabelSmoothingError,
    loss_resolver,
)
from pykeen.pipeline import PipelineResult, pipeline
from torch import Tensor

from pykeen_dhns.diffusion.levels import DEFAULT_LEVELS
from pykeen_dhns.losses.hardness_adaptive import HardnessAdaptiveLoss
from pykeen_dhns.sampling.columns import ColumnLayout
from pykeen_dhns.sampling.sampler import DHNSNegativeSampler

#: Losses that support sample weights, and label smoothing
WEIGHTED = ["bcewithlogits", "mse", "softplus"]


def make(**kwargs: Any) -> HardnessAdaptiveLoss:
    """Create a loss in double precision, with the positive in L_HA, as in the paper."""
    return HardnessAdaptiveLoss(**dict(positive_weight=1.0) | kwargs).double()


def draw(*shape: int) -> Tensor:
    """Draw scores around the margins."""
    return (3 * torch.randn(*shape, dtype=torch.double) - 6).requires_grad_()


def log_sigmoid(x: float) -> float:
    """Compute the logarithm of the sigmoid."""
    return -math.log1p(math.exp(-x))


def expected(
    positive: Tensor,
    generated: Tensor,
    mask: Tensor | None = None,
    margins: list[float] | None = None,
    weights: list[float] | None = None,
    positive_weight: float = 1.0,
) -> NDArray[np.float64]:
    """Compute Equation 13, row by row."""
    margins = [9 * t**0.1 for t in DEFAULT_LEVELS] if margins is None else margins
    weights = [1] * len(margins) if weights is None else weights
    keep = np.ones(generated.shape, dtype=bool) if mask is None else mask.numpy()
    rows = []
    for row, scores in enumerate(generated.detach().numpy()):
        terms = []
        for level, (margin, weight) in enumerate(zip(margins, weights, strict=True)):
            negatives = [log_sigmoid(-s - margin) for s in scores[level][keep[row, level]]]
            term = -positive_weight * log_sigmoid(margin + positive[row].item())
            terms.append(term - weight * float(np.mean(negatives)) if negatives else term)
        rows.append(np.mean(terms))
    return np.asarray(rows)


def default_of(cls: type, argument: str) -> Any:
    """Return the default of an argument."""
    return inspect.signature(cls).parameters[argument].default


@pytest.mark.parametrize("name", ["dhns", "HAL", "hal", "hardnessadaptive", "HardnessAdaptiveLoss", "dhns-loss"])
def test_names(name: str) -> None:
    """All names lead to it, in PyKEEN's resolver."""
    assert loss_resolver.lookup(name) is HardnessAdaptiveLoss
    assert loss_resolver.normalize_cls(HardnessAdaptiveLoss) == "hardnessadaptive"
    assert loss_resolver.lookup_dict["hardnessadaptive"] is HardnessAdaptiveLoss
    assert (get_docdata(HardnessAdaptiveLoss) or {})["name"] == "Hardness-adaptive"


def test_defaults() -> None:
    """The base is NSSA with the same margin, and what the sampler has to share is what it has by default."""
    loss = HardnessAdaptiveLoss(margin=5)
    assert isinstance(loss.base, NSSALoss)
    assert loss.base.margin == 5
    assert loss.level_margins().tolist() == pytest.approx([5 * t**0.1 for t in DEFAULT_LEVELS])
    assert loss.level_weights().tolist() == [1, 1, 1, 1]
    # the base loss has the positive already
    low, high, generated = torch.full((2, 1), -9.0), torch.full((2, 1), 9.0), torch.zeros(2, 4, 1)
    assert loss.hardness_adaptive(low, generated).equal(loss.hardness_adaptive(high, generated))
    sampler = default_of(DHNSNegativeSampler, "hard_fraction")
    assert default_of(HardnessAdaptiveLoss, "hard_fraction") == sampler == loss.hard_fraction


def test_margins() -> None:
    """Harder negatives have smaller margins, noise has the margin itself, and zero adaptivity a fixed one."""
    margins = HardnessAdaptiveLoss(margin=4, adaptivity=0.5, levels=[1, 0.25, 0.0625]).level_margins()
    assert margins.tolist() == [1, 2, 4]
    assert HardnessAdaptiveLoss(margin=4, adaptivity=0).level_margins().tolist() == [4] * 4
    loss = HardnessAdaptiveLoss(margins=[1, 2, 2, 3], weights=[0, 1, 2, 3])
    assert loss.level_margins().tolist() == [1, 2, 2, 3]
    assert loss.level_weights().tolist() == [0, 1, 2, 3]


def test_other_levels() -> None:
    """The training loop may have other levels than the loss."""
    loss = HardnessAdaptiveLoss(margin=4, adaptivity=0.5)
    assert loss.level_margins([0.25, 1]).tolist() == [2, 4]
    assert loss.level_weights([0.25, 1]).tolist() == [1, 1]
    assert loss.level_margins(list(DEFAULT_LEVELS)).equal(loss.level_margins())
    explicit = HardnessAdaptiveLoss(margins=[1, 2, 3, 4], weights=[4, 3, 2, 1])
    assert explicit.level_margins([0.1, 0.2, 0.3, 0.4]).tolist() == [1, 2, 3, 4]
    assert explicit.level_weights([0.1, 0.2, 0.3, 0.4]).tolist() == [4, 3, 2, 1]
    with pytest.raises(ValueError, match=r"margins=.* has 4 values for 2 levels"):
        explicit.level_margins([0.25, 1])
    with pytest.raises(ValueError, match=r"weights=.* has 4 values for 2 levels"):
        explicit.level_weights([0.25, 1])
    with pytest.raises(ValueError, match="must be ascending"):
        loss.level_margins([1, 0.25])
    with pytest.raises(ValueError, match=r"must be in \(0, 1\]"):
        loss.level_margins([0.25, 2])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("num_negatives", [1, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_hardness_adaptive(masked: bool, num_negatives: int, reduction: str) -> None:
    """It is Equation 13."""
    positive, generated = draw(6, 1), draw(6, 4, num_negatives)
    mask = torch.rand(generated.shape) < 0.6 if masked else None
    kwargs: dict[str, Any] = dict(margins=[1.0, 2.0, 4.0, 8.0], weights=[0.5, 1.0, 2.0, 0.0], positive_weight=0.5)
    for arguments in ({}, kwargs):
        rows = expected(positive, generated, mask, **arguments)
        actual = make(reduction=reduction, **arguments).hardness_adaptive(positive, generated, mask)
        assert actual.item() == pytest.approx(getattr(rows, reduction)(), rel=1e-6)
        assert actual.shape == ()
        assert actual.dtype == torch.double


def test_not_adaptive() -> None:
    """The margin can be the same for all levels, with other weights still."""
    positive, generated = draw(5, 1), draw(5, 4, 2)
    weights = [0.5, 1.0, 2.0, 0.0]
    for loss in (make(weights=weights), make(weights=weights, margins=[1, 2, 3, 4])):
        actual = loss.hardness_adaptive(positive, generated, adaptive=False)
        assert actual.item() == pytest.approx(expected(positive, generated, None, [9.0] * 4, weights).mean(), rel=1e-6)


def test_levels_at_call() -> None:
    """The number of levels has to be that of the scores."""
    positive, generated = draw(5, 1), draw(5, 2, 3)
    actual = make(margin=4, adaptivity=0.5).hardness_adaptive(positive, generated, levels=[0.25, 1])
    assert actual.item() == pytest.approx(expected(positive, generated, None, [2.0, 4.0]).mean(), rel=1e-6)
    with pytest.raises(ValueError, match=r"\(5, 2, 3\), i.e., 2 levels, but there are 4"):
        make().hardness_adaptive(positive, generated)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30])
def test_masked_scores_do_not_matter(value: float) -> None:
    """Whatever is in masked places, the loss and all gradients are the same, and finite."""
    positive, generated = draw(6, 1), draw(6, 4, 2)
    mask = torch.rand(generated.shape) < 0.5
    mask[0] = False
    make().hardness_adaptive(positive, generated, mask).backward()
    other_positive = positive.detach().clone().requires_grad_()
    other = torch.where(mask, generated.detach(), value).requires_grad_()
    loss = make().hardness_adaptive(other_positive, other, mask)
    assert loss.equal(make().hardness_adaptive(positive, generated, mask))
    loss.backward()
    assert other.grad is not None
    assert other.grad.isfinite().all()
    assert not other.grad[~mask].any()
    assert other.grad.equal(generated.grad)  # type: ignore[arg-type]
    assert other_positive.grad.equal(positive.grad)  # type: ignore[union-attr, arg-type]


def test_masks_leave_out() -> None:
    """Masking a column is leaving it out."""
    positive, generated = draw(6, 1), draw(6, 4, 3)
    mask = torch.ones(generated.shape, dtype=torch.bool)
    assert make().hardness_adaptive(positive, generated, mask).item() == pytest.approx(
        make().hardness_adaptive(positive, generated).item()
    )
    mask[..., 1] = False
    assert make().hardness_adaptive(positive, generated, mask).item() == pytest.approx(
        make().hardness_adaptive(positive, generated[..., ::2]).item()
    )


def test_gradients() -> None:
    """Positives are pulled up, and negatives pushed down."""
    positive, generated, sampled = draw(6, 1), draw(6, 4, 3), draw(6, 9)
    loss = make()
    loss.combine(
        loss.base.process_slcwa_scores(positive, sampled), loss.hardness_adaptive(positive, generated)
    ).backward()
    for scores, sign in ((positive, -1), (generated, 1), (sampled, 1)):
        assert scores.grad is not None
        assert (scores.grad * sign > 0).all()
    assert torch.autograd.gradcheck(loss.hardness_adaptive, (positive, generated))


def test_combine() -> None:
    """It is Equation 15."""
    assert make(hardness_weight=0.5).combine(torch.tensor(3.0), torch.tensor(4.0)).item() == 5


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(("num_negs", "fraction"), [(16, 0.25), (32, 0.25), (9, 0.5), (16, 0.125), (7, 0.125)])
def test_stock_loop(num_negs: int, fraction: float, reduction: str) -> None:
    """Columns are those of the sampler: sampled ones for the base loss, generated ones by their level."""
    loss = make(hard_fraction=fraction, hardness_weight=0.3, reduction=reduction)
    positive, negative = draw(6, 1), draw(6, num_negs)
    layout = ColumnLayout.create(num_negs, fraction, num_levels=4)
    # one row per level that has columns
    levels = sorted(set(layout.levels))
    size = max(layout.levels.count(level) for level in levels)
    generated, mask = torch.zeros(6, len(levels), size).double(), torch.zeros(6, len(levels), size).bool()
    for column, (level, chain) in enumerate(zip(layout.levels, layout.chains, strict=True), start=layout.num_sampled):
        generated[:, levels.index(level), chain] = negative[:, column].detach()
        mask[:, levels.index(level), chain] = True
    rows = expected(positive, generated, mask, margins=[9 * DEFAULT_LEVELS[level] ** 0.1 for level in levels])
    kgc = loss.base.process_slcwa_scores(positive, negative[:, : layout.num_sampled])
    actual = loss.process_slcwa_scores(positive, negative)
    assert actual.item() == pytest.approx(kgc.item() + 0.3 * getattr(rows, reduction)(), rel=1e-6)
    assert actual.equal(loss.process_columns(positive, negative, layout.column_levels()))


@pytest.mark.parametrize("base", ["nssa", "bcewithlogits", "marginranking", "crossentropy", "infonce"])
@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_filtered(fraction: float, base: str) -> None:
    """Sparse scores are the same as dense ones with a mask."""
    loss = make(hard_fraction=fraction, base=base)
    positive, negative = draw(6, 1), draw(6, 16)
    batch_filter = torch.rand(6, 16) < 0.7
    batch_filter[0, 8:] = False
    actual = loss.process_slcwa_scores(positive, negative[batch_filter], batch_filter=batch_filter)
    num_generated = int(fraction * 16)
    k = 16 - num_generated
    wanted = torch.zeros((), dtype=torch.double)
    if k:
        keep = batch_filter[:, :k]
        wanted = loss.base.process_slcwa_scores(positive, negative[:, :k][keep], batch_filter=keep)
    if num_generated:
        hard, keep = (x[:, k:].unflatten(-1, (4, -1)) for x in (negative, batch_filter))
        wanted = loss.combine(wanted, loss.hardness_adaptive(positive, hard, keep))
    assert actual.item() == pytest.approx(wanted.item())
    dense = loss.process_slcwa_scores(positive, negative, batch_filter=batch_filter)
    assert dense.item() == pytest.approx(actual.item())
    gradient, dense_gradient = (torch.autograd.grad(x, negative)[0] for x in (actual, dense))
    assert gradient.allclose(dense_gradient)
    assert not gradient[~batch_filter].any()


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


def test_no_sampled_columns() -> None:
    """Without them, only the weighted loss over generated negatives remains, which cannot smooth labels."""
    loss = make(hard_fraction=1, hardness_weight=0.5)
    positive, negative = draw(6, 1), draw(6, 8)
    rows = expected(positive, negative.unflatten(-1, (4, 2)))
    assert loss.process_slcwa_scores(positive, negative).item() == pytest.approx(0.5 * rows.mean(), rel=1e-6)
    with pytest.raises(UnsupportedLabelSmoothingError):
        loss.process_slcwa_scores(positive, negative, label_smoothing=0.1, num_entities=9)
    # the default, with which the positive would be nowhere
    with pytest.raises(ValueError, match=r"All 8 negatives per positive are generated, and positive_weight=0\.0"):
        make(hard_fraction=1, positive_weight=0.0).process_slcwa_scores(positive, negative)


def test_only_column(caplog: pytest.LogCaptureFixture) -> None:
    """The only column goes to the base loss, which has the positive, unless all of it is generated."""
    loss, positive, negative = make(hard_fraction=0.75), draw(6, 1), draw(6, 1)
    assert loss.process_slcwa_scores(positive, negative).equal(loss.base.process_slcwa_scores(positive, negative))
    (record,) = caplog.records
    assert record.getMessage().endswith("Use at least 2 negatives.")


def test_mostly_sampled_column(caplog: pytest.LogCaptureFixture) -> None:
    """A column that is all there is, and mostly sampled, goes to the base loss, with a warning."""
    loss, sampler = make(), make_sampler(num_negs_per_pos=4)
    positive, negative = draw(6, 1), draw(6, 1)
    for _ in range(2):
        actual = loss.process_slcwa_scores(positive, negative)
    assert actual.equal(loss.base.process_slcwa_scores(positive, negative))
    (record,) = caplog.records
    assert record.getMessage().endswith("Use at least 4 negatives.")
    loss.process_slcwa_scores(positive, draw(6, 3))
    assert len(caplog.records) == 1
    assert not loss.process_slcwa_scores(positive, draw(6, 4)).equal(
        loss.base.process_slcwa_scores(positive, draw(6, 4))
    )
    assert len(caplog.records) == 1, sampler


def make_sampler(**kwargs: Any) -> DHNSNegativeSampler:
    """Create a sampler for next to no triples."""
    return DHNSNegativeSampler(mapped_triples=torch.tensor([[0, 0, 1], [1, 0, 2]]), embedding_dim=4, **kwargs)


@pytest.mark.parametrize("kwargs", [dict(hard_fraction=0.5), dict(hard_fraction=0), dict(levels=[0.1, 0.2, 0.3, 0.4])])
def test_sampler_with_another_layout(kwargs: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """If no sampler generates what the loss takes for generated, it says so, once, and what to do."""
    # a number of negatives that no sampler of another test has
    samplers = [make_sampler(num_negs_per_pos=61, **kwargs)]
    loss, positive, negative = make(), draw(6, 1), draw(6, 61)
    for _ in range(2):
        loss.process_slcwa_scores(positive, negative)
    (record,) = caplog.records
    assert "the last 8 are taken for generated" in record.getMessage()
    assert "training_loop='dhns'" in record.getMessage()
    samplers.append(make_sampler(num_negs_per_pos=61))
    make().process_slcwa_scores(positive, negative)
    make(hard_fraction=0).process_slcwa_scores(positive, negative)
    assert len(caplog.records) == 1
    # as long as there is one
    samplers.clear()
    gc.collect()
    make().process_slcwa_scores(positive, negative)
    assert len(caplog.records) == 2


@pytest.mark.parametrize("column_levels", [[-1, 0, -1, 1], [-1, -1, 0, 4], [-1, -1, -2, 0], [-1, 0, 1], [[-1], [0]]])
def test_column_levels(column_levels: list[Any]) -> None:
    """Columns have to be laid out as the sampler does."""
    with pytest.raises(ValueError, match="column_levels"):
        make().process_columns(draw(2, 1), draw(2, 4), torch.as_tensor(column_levels))


def test_columns_of_other_levels() -> None:
    """Levels can be given along with the columns."""
    positive, negative = draw(6, 1), draw(6, 4)
    loss = make(margin=4, adaptivity=0.5, hardness_weight=1)
    actual = loss.process_columns(positive, negative, torch.as_tensor([-1, -1, 0, 1]), levels=[0.25, 1])
    kgc = loss.base.process_slcwa_scores(positive, negative[:, :2])
    rows = expected(positive, negative[:, 2:, None], None, [2.0, 4.0])
    assert actual.item() == pytest.approx(kgc.item() + rows.mean(), rel=1e-6)


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


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_sample_weights_by_hand(reduction: str) -> None:
    """Weights are factors, normalised for the mean as in PyKEEN."""
    loss = make(hard_fraction=1, hardness_weight=1, reduction=reduction, margins=[2.0] * 4)
    positive, negative = draw(6, 1), draw(6, 4)
    pos_weights, neg_weights = torch.rand(6, 1).double(), torch.rand(6, 4).double()
    actual = loss.process_slcwa_scores(positive, negative, pos_weights=pos_weights, neg_weights=neg_weights)
    a = -(2 + positive).sigmoid().log() * pos_weights
    b = -(-negative - 2).sigmoid().log() * neg_weights
    wanted = a.sum() + b.sum() / 4 if reduction == "sum" else a.sum() / pos_weights.sum() + b.sum() / neg_weights.sum()
    assert actual.item() == pytest.approx(wanted.item())


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


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        (dict(margin=-1), "margin=-1"),
        (dict(margin=math.nan), "margin=nan"),
        (dict(margin=math.inf), "margin=inf"),
        (dict(adaptivity=-0.1), "adaptivity=-0.1"),
        (dict(positive_weight=-0.1), "positive_weight=-0.1"),
        (dict(hardness_weight=-0.1), "hardness_weight=-0.1"),
        (dict(hard_fraction=1.5), "hard_fraction=1.5"),
        (dict(levels=[]), "levels"),
        (dict(levels=[0.1, 1.1]), "levels"),
        (dict(margins=[1, 2, 3, 2]), "non-decreasing"),
        (dict(margins=[1, 2, 3, math.inf]), "finite"),
        (dict(margins=[math.nan, 2, 3, 4]), "finite"),
        (dict(margins=[1, 2]), r"margins=\(1.0, 2.0\) has 2 values for 4 levels"),
        (dict(weights=[1, 2, 3, -1]), "non-negative"),
        (dict(weights=[1, 2, 3, math.nan]), "finite"),
        (dict(weights=[1, 2], levels=[0.1, 0.2, 0.3]), "weights=.* has 2 values for 3 levels"),
        (dict(reduction="none"), "reduction='none'"),
        (dict(base=NSSALoss(reduction="sum")), "differs from the base loss's 'sum'"),
        (dict(base="nssa", base_kwargs=dict(reduction="sum")), "differs from the base loss's 'sum'"),
        (dict(base=NSSALoss(), reduction="sum"), "differs from the base loss's 'mean'"),
        (dict(base=NSSALoss(), base_kwargs=dict(margin=3)), "have no effect"),
        (dict(base="dhns"), "is this loss itself"),
        (dict(base=HardnessAdaptiveLoss), "is this loss itself"),
        (dict(base=HardnessAdaptiveLoss()), "is this loss itself"),
    ],
)
def test_errors(kwargs: dict[str, Any], match: str) -> None:
    """Each argument out of its range is refused, by name."""
    with pytest.raises(ValueError, match=match):
        HardnessAdaptiveLoss(**kwargs)


@pytest.mark.parametrize(
    ("base", "kwargs", "margin"),
    [
        (None, None, 5),
        ("nssa", None, 5),
        (NSSALoss, dict(adversarial_temperature=0.5), 5),
        (NSSALoss, dict(margin=2.0), 2),
        (NSSALoss(margin=3, reduction="sum"), None, 3),
        (MarginRankingLoss, None, 1),
        ("marginranking", dict(margin=2), 2),
    ],
)
def test_base(base: str | type[Loss] | Loss | None, kwargs: dict[str, Any] | None, margin: float) -> None:
    """Only NSSA gets the margin, each gets the reduction, unless told otherwise."""
    loss = HardnessAdaptiveLoss(margin=5, base=base, base_kwargs=kwargs, reduction="sum")
    assert loss.base.margin == margin
    assert loss.base.reduction == "sum"


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
    generated = negative.unflatten(-1, (4, 4))
    wanted = make().hardness_adaptive(positive, generated, levels=[0.1, 0.2, 0.3, 0.4])
    actual = loss.hardness_adaptive(positive.cuda(), generated.cuda(), levels=[0.1, 0.2, 0.3, 0.4])
    assert actual.item() == pytest.approx(wanted.item(), rel=1e-5)


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


def train(**kwargs: Any) -> PipelineResult:
    """Run the pipeline for a moment, all by name."""
    defaults: dict[str, Any] = dict(
        dataset="nations",
        model="RotatE",
        model_kwargs=dict(embedding_dim=8),
        loss="dhns",
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=16),
        training_kwargs=dict(num_epochs=2, batch_size=256, use_tqdm=False),
        evaluation_kwargs=dict(use_tqdm=False, batch_size=128),
        random_seed=0,
        device="cpu",
    )
    return pipeline(**(defaults | kwargs))


@pytest.mark.parametrize(
    "kwargs",
    [
        dict[str, Any](),
        dict(negative_sampler_kwargs=dict(num_negs_per_pos=16, filtered=True)),
        dict(loss_kwargs=dict(reduction="sum")),
        dict(negative_sampler_kwargs=dict(num_negs_per_pos=5, hard_fraction=0.5), loss_kwargs=dict(hard_fraction=0.5)),
        dict(
            loss_kwargs=dict(base="bcewithlogits"),
            training_kwargs=dict(num_epochs=2, use_tqdm=False, label_smoothing=0.1),
        ),
    ],
)
def test_pipeline(kwargs: dict[str, Any]) -> None:
    """It trains in PyKEEN's own loop."""
    result = train(**kwargs)
    assert isinstance(result.model.loss, HardnessAdaptiveLoss)
    assert all(math.isfinite(loss) for loss in result.losses)
    assert result.losses[-1] < result.losses[0]
