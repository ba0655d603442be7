"""Tests for the loss of a batch."""

from typing import Any

import pytest
import torch
from pykeen.models import TransE
from pykeen.trackers import PythonResultTracker
from torch import Tensor, nn

from pykeen_dhns import DHNSTrainingLoop, DiffHEG, HardnessAdaptiveLoss, MultimodalRepresentation
from pykeen_dhns.diffusion import Levels

from ..helpers.loops import FACTORY, make_batch, make_loop, train
from ..helpers.models import make_features, make_multimodal


def make_multimodal_loop(missing: tuple[int, ...] = (), **kwargs: Any) -> DHNSTrainingLoop:
    """Create a loop with a multimodal model."""
    torch.manual_seed(0)
    model = make_multimodal(textual=make_features(missing), visual=make_features())
    model.loss = HardnessAdaptiveLoss(margin=3.0, positive_weight=1.0, hardness_weight=0.5)
    return DHNSTrainingLoop(
        model=model, triples_factory=FACTORY, optimizer="adam", num_negs_per_pos=4, multimodal=True, **kwargs
    )


@pytest.mark.parametrize("generator", ["diffheg", "noise", "none"])
@pytest.mark.parametrize("loss", ["nssa", "marginranking", "dhns"])
def test_everything_follows_the_model(loss: str, generator: str) -> None:
    """Generator and loss are on the model's device, also the margins of a loss that is not the model's own."""
    model = TransE(triples_factory=FACTORY, embedding_dim=6, loss=loss)
    objective = DHNSTrainingLoop(model=model, triples_factory=FACTORY, generator=generator).objective
    # stands in for a GPU
    model.to(device="meta")
    objective.to_model()
    modules = [objective.criterion] if objective.generator is None else [objective.criterion, objective.generator]
    tensors = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    assert tensors
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert objective.criterion.level_margins(Levels((0.5,)))[0].is_meta


def test_loss_by_hand() -> None:
    """The loss is that of sampled negatives, plus that of generated ones (Eq. 12 to 15)."""
    loop = make_multimodal_loop()
    objective, model = loop.objective, loop.objective.adapter.model
    batch = make_batch(size=8, num_negs_per_pos=3)
    positives, negatives = batch["positives"], batch["negatives"]
    torch.manual_seed(1)
    loss = loop._process_batch(batch, 0, 8)

    torch.manual_seed(1)
    assert isinstance(objective.generator, DiffHEG)
    embeddings = objective.adapter.read(positives, objective.query)
    objective.generator.loss(embeddings.targets, embeddings.conditions)
    samples = torch.view_as_complex(objective.generator.generate(embeddings.conditions).unflatten(-1, (6, 2)))
    h, r, t = model._get_representations(h=positives[:, 0], r=positives[:, 1], t=positives[:, 2], mode=None)
    positive = -(h * r - t).abs().square().sum(dim=-1).sqrt()
    hardness = torch.zeros(())
    for level, fraction in zip(samples, (0.05, 0.1, 0.2, 0.5), strict=True):
        margin = 3.0 * fraction**0.1
        joint = torch.stack(
            [
                sum(-(x * r - t).abs().square().sum(dim=-1).sqrt() for x in level[:3]) / 3,
                sum(-(h * r - x).abs().square().sum(dim=-1).sqrt() for x in level[3:]) / 3,
            ]
        )
        term = -(margin + positive).sigmoid().log() - (-joint - margin).sigmoid().log().mean(dim=0)
        hardness = hardness + term.mean() / 4
    negative = model.score_hrt(negatives.flatten(end_dim=1)).view(8, 3)
    kgc = objective.criterion.base.process_slcwa_scores(positive.unsqueeze(dim=-1), negative)
    torch.testing.assert_close(loss, kgc + 0.5 * hardness, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("levels", [[0.1, 0.2, 0.3, 0.4, 0.5], [0.8], None])
def test_levels_of_the_sampler(levels: list[float] | None) -> None:
    """Entities that the sampler generates have the margins of its levels, not of those that the loss has."""
    loop = make_loop(
        model_kwargs=dict(loss="dhns"), hard_fraction=0.5, num_negs_per_pos=10, levels=levels, generator="none"
    )
    train(loop, num_epochs=1)
    positives = FACTORY.mapped_triples[:32]
    loop.sampler.eval()  # type: ignore[union-attr]
    negatives = loop.sampler.corrupt_batch(positives)  # type: ignore[union-attr]
    loss = loop._process_batch({"positives": positives, "negatives": negatives}, 0, 32)

    scores = [loop.model.score_hrt(x.view(-1, 3)).view(32, -1) for x in (positives, negatives)]
    fractions = [0.05, 0.1, 0.2, 0.5] if levels is None else levels
    criterion = loop.objective.criterion
    expected = criterion.base.process_slcwa_scores(scores[0], scores[1][:, :5].contiguous())
    # five columns, spread evenly
    margins = 9.0 * torch.as_tensor([fractions[int((i + 0.5) * len(fractions) / 5)] for i in range(5)]) ** 0.1
    terms = nn.functional.softplus(scores[1][:, 5:] + margins)
    for level in margins.unique():
        expected = expected + 0.1 * terms[:, margins == level].mean() / len(fractions)
    torch.testing.assert_close(loss.squeeze(), expected, rtol=1e-4, atol=1e-5)


def test_annealed_sampler() -> None:
    """All negatives of a sampler that generates fewer and fewer of them go to the base loss."""
    loop = make_loop(
        model_kwargs=dict(loss="dhns"),
        hard_fraction=0.5,
        negative_sampler_kwargs=dict(anneal_epochs=2, num_negs_per_pos=4),
        generator="none",
    )
    train(loop, num_epochs=1)
    batch = make_batch(num_negs_per_pos=4)
    positive, negative = (
        loop.model.score_hrt(x.view(-1, 3)).view(32, -1) for x in (batch["positives"], batch["negatives"])
    )
    expected = loop.objective.criterion.base.process_slcwa_scores(positive, negative)
    torch.testing.assert_close(loop._process_batch(batch, 0, 32).squeeze(), expected)


def test_margins_of_the_loss_without_generated_columns() -> None:
    """Explicit margins of the loss need not fit the levels if nothing is generated."""
    losses = [
        train(make_loop(model_kwargs=dict(loss="dhns", loss_kwargs=kwargs), generator="none"), num_epochs=1)
        for kwargs in ({}, dict(margins=[1.0, 2.0], levels=[0.1, 0.2]))
    ]
    assert losses[0] == losses[1]


def gradient_of_loss(loop: DHNSTrainingLoop) -> list[Tensor]:
    """Compute the gradient of a batch with respect to the model."""
    loop.model.train()
    loop.objective.to_model()
    loop.model.zero_grad()
    torch.manual_seed(0)
    loop._process_batch(make_batch(), 0, 32).backward()
    return [p.grad.clone() for p in loop.model.parameters() if p.grad is not None]


def test_no_gradient_of_the_diffusion_loss() -> None:
    """No gradient of the diffusion loss reaches the model, unless it is asked for. The generator gets its own."""
    with_generator, without, weighted = (
        make_loop(hardness_loss_kwargs=dict(hardness_weight=0.0), **kwargs)
        for kwargs in (dict(), dict(generator="none"), dict(diffusion_weight=0.5))
    )
    expected = gradient_of_loss(without)
    for ours, theirs in zip(gradient_of_loss(with_generator), expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert not all(ours.allclose(theirs) for ours, theirs in zip(gradient_of_loss(weighted), expected, strict=True))
    for loop in (with_generator, weighted):
        assert loop.objective.generator is not None
        assert all(p.grad is not None and p.grad.any() for p in loop.objective.generator.parameters())


def test_generated_negatives_train_the_model() -> None:
    """The loss of generated negatives has a gradient for the model, and none for the generator."""
    loop = make_loop(hardness_loss_kwargs=dict(hardness_weight=1.0))
    other = make_loop(hardness_loss_kwargs=dict(hardness_weight=0.0))
    ours, theirs = gradient_of_loss(loop), gradient_of_loss(other)
    assert not all(a.allclose(b) for a, b in zip(ours, theirs, strict=True))
    assert loop.objective.generator is not None
    assert other.objective.generator is not None
    for a, b in zip(loop.objective.generator.parameters(), other.objective.generator.parameters(), strict=True):
        assert a.grad is not None
        torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize("adaptive_training", [False, True])
@pytest.mark.parametrize("loss", ["bcewithlogits", "mse", "softplus"])
def test_weights_of_filtered_negatives(loss: str, adaptive_training: bool) -> None:
    """Weights belong to the negatives that a filter has left: those of the others do not matter."""
    losses = []
    for weight in (1.0, 5.0):
        loop = make_loop(model_kwargs=dict(loss=loss), adaptive_training=adaptive_training)
        batch = make_batch()
        batch["masks"] = torch.arange(32 * 4).view(32, 4) % 3 != 0
        batch["pos_weights"] = torch.linspace(0.5, 2.0, 32).view(32, 1)
        batch["neg_weights"] = torch.linspace(0.1, 1.0, 32 * 4).view(32, 4).masked_fill(~batch["masks"], weight)
        torch.manual_seed(0)
        losses.append(loop._process_batch(batch, 0, 32))
        if not adaptive_training:
            continue
        positive, negative = (loop.model.score_hrt(x.reshape(-1, 3)) for x in (batch["positives"], batch["negatives"]))
        negative = negative.view(32, 4)
        expected = loop.model.loss.process_slcwa_scores(
            positive,
            negative[batch["masks"]],
            pos_weights=batch["pos_weights"],
            neg_weights=batch["neg_weights"][batch["masks"]],
        )
        torch.testing.assert_close(loop.objective.statistics.pop()["loss_kgc"], expected.item())
    torch.testing.assert_close(*losses)


def test_missing_modalities_do_not_count() -> None:
    """Values in place of missing features change neither the loss nor any gradient."""
    gradients = []
    for value in (0.0, 1e3):
        loop = make_multimodal_loop(missing=(1, 4))
        representation = loop.objective.adapter.entities[0]
        assert isinstance(representation, MultimodalRepresentation)
        (features,) = (b for name, b in representation.named_buffers() if "textual" in name and b.shape == (14, 5))
        features[[1, 4]] = value
        loop.objective.to_model()
        batch = make_batch(size=200)
        assert batch["positives"][:, 0].eq(1).any()
        torch.manual_seed(0)
        loss = loop._process_batch(batch, 0, 200)
        loss.backward()
        assert loop.objective.generator is not None
        parameters = [*loop.model.parameters(), *loop.objective.generator.parameters()]
        gradients.append([loss.detach(), *(p.grad for p in parameters if p.grad is not None)])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.slow
def test_multimodal_loop_learns() -> None:
    """The losses of generator and model decrease, also if modalities are missing."""
    tracker = PythonResultTracker()
    loop = make_multimodal_loop(missing=(2, 3, 5), result_tracker=tracker)
    losses = loop.train(FACTORY, num_epochs=20, batch_size=128, use_tqdm=False)
    assert losses is not None
    assert tracker.metrics[20]["dhns.loss_diffusion"] < tracker.metrics[1]["dhns.loss_diffusion"]
    assert losses[-1] < 0.9 * losses[0]
    assert torch.isfinite(torch.as_tensor(losses)).all()
