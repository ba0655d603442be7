"""Tests for negatives that a batch shares, in the module of PyTorch Lightning."""

import pytest
import torch

from .small import NATIONS, fit, make_module, make_trainer


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("create_inverse_triples", [False, True])
def test_validation(create_inverse_triples: bool, filtered: bool) -> None:
    """The loss of the validation is that of all corruptions, or of those that are no training triples."""
    module = make_module(
        model="TransE",
        dataset_kwargs=dict(create_inverse_triples=create_inverse_triples),
        # the pool is the graph
        num_shared_negs=99,
        num_negs_per_pos=None,
        filtered=filtered,
    )
    assert module.instances.negative_sampler.corrupt_batch(NATIONS.training.mapped_triples).numel() == 0
    fit(module, max_epochs=1)
    (metrics,) = make_trainer(limit_val_batches=1.0).validate(module, verbose=False)
    training, validation = module.dataset.training, module.dataset.validation
    assert validation is not None
    triples = training._add_inverse_triples_if_necessary(training.mapped_triples)
    assert len(triples) == NATIONS.training.num_triples * (1 + create_inverse_triples)
    positives = validation.mapped_triples
    if create_inverse_triples:
        positives = training.relation_inverter.map(batch=positives)
    known = {tuple(triple) for triple in triples.tolist()} if filtered else set()
    # all heads, and all tails
    corruptions = positives.repeat(2, 1).unsqueeze(dim=1).repeat(1, NATIONS.num_entities, 1)
    rows = corruptions[:, 0].tolist()
    corruptions[: len(positives), :, 0] = corruptions[len(positives) :, :, 2] = torch.arange(NATIONS.num_entities)
    mask = torch.tensor(
        [
            [tuple(triple) not in known and triple != row for triple in triples]
            for row, triples in zip(rows, corruptions.tolist(), strict=True)
        ]
    )
    with torch.no_grad():
        expected = module.model.loss.process_slcwa_scores(
            module.model.score_hrt(positives).repeat(2, 1),
            module.model.score_hrt(corruptions[mask]).squeeze(dim=-1),
            batch_filter=mask,
        )
    assert metrics["val_loss"] == pytest.approx(expected.item(), rel=1e-4)
