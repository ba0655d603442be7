"""Tests for copying, saving and loading models with multimodal entities."""

import copy
from pathlib import Path

import torch
from pykeen.datasets import Nations
from pykeen.models import Model, RotatE
from torch import Tensor

from pykeen_dhns.multimodal.model import MultimodalModel
from pykeen_dhns.multimodal.representation import MultimodalRepresentation

from .small import make_features, run
from ..helpers import fresh


def make_model() -> RotatE:
    """Make a model with multimodal entities."""
    triples_factory = Nations().training
    features = make_features(max_id=triples_factory.num_entities)
    return RotatE(
        triples_factory=triples_factory,
        embedding_dim=4,
        random_seed=0,
        entity_representations=MultimodalRepresentation.configured(modalities=dict(textual=features)),
    )


def check_copy(actual: Model, expected: Model) -> None:
    """Check that two models are the same, but independent."""
    triples = torch.tensor([[0, 1, 2], [3, 4, 5]])
    assert torch.equal(actual.predict_hrt(triples), expected.predict_hrt(triples))
    for p, q in zip(actual.parameters(), expected.parameters(), strict=True):
        assert torch.equal(p, q)
        assert p.data_ptr() != q.data_ptr()


def test_copy() -> None:
    """A model can be copied."""
    model = make_model()
    check_copy(copy.deepcopy(model), model)


#: A process of its own, which does not import this package
LOAD = """
import sys
import torch
model = torch.load(sys.argv[1], weights_only=False)
representation = model.entity_representations[0]
print(type(representation).__module__, type(representation).__qualname__, representation.modality_names)
torch.save(model.predict_hrt(torch.tensor([[0, 1, 2], [3, 4, 5]])), sys.argv[2])
"""


def test_pickle(tmp_path: Path) -> None:
    """PyKEEN pickles whole models. They can be loaded elsewhere."""
    model = make_model()
    source, target = tmp_path.joinpath("model.pkl"), tmp_path.joinpath("scores.pt")
    torch.save(model, source)
    check_copy(torch.load(source, weights_only=False), model)
    result = fresh.run(LOAD, tmp_path, source, target)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split(" ", maxsplit=2)[:2] == [
        "pykeen_dhns.multimodal.representation",
        "MultimodalRepresentation",
    ]
    assert torch.equal(torch.load(target, weights_only=True), model.predict_hrt(torch.tensor([[0, 1, 2], [3, 4, 5]])))


def test_state_dict() -> None:
    """The state dict brings the features along, and loads into a model with other ones."""
    model, other = make_model(), make_model()
    features = other.entity_representations[0].get_buffer("projected.textual.base.features")
    features.zero_()
    other.load_state_dict(model.state_dict())
    check_copy(other, model)
    assert features.any()


def test_save(tmp_path: Path, textual: str) -> None:
    """Results can be saved, and the model can be loaded."""
    result = run(model_kwargs=dict(embedding_dim=8, modalities=dict(textual=textual)))
    result.save_to_directory(tmp_path)
    model = torch.load(tmp_path.joinpath("trained_model.pkl"), weights_only=False)
    assert type(model) is MultimodalModel
    triples = torch.tensor([[0, 1, 2], [3, 4, 5]])
    assert torch.equal(model.predict_hrt(triples), result.model.predict_hrt(triples))


def test_checkpoint(tmp_path: Path, textual: str) -> None:
    """Training that was interrupted goes on as if it had not been."""

    def go(num_epochs: int, name: str) -> dict[str, Tensor]:
        training_kwargs = dict(
            num_epochs=num_epochs,
            use_tqdm=False,
            checkpoint_name=name,
            checkpoint_directory=str(tmp_path),
            checkpoint_frequency=0,
        )
        model_kwargs = dict(embedding_dim=8, modalities=dict(textual=textual))
        return run(model_kwargs=model_kwargs, training_kwargs=training_kwargs).model.state_dict()

    go(2, "interrupted.pt")
    actual, expected = go(4, "interrupted.pt"), go(4, "whole.pt")
    assert all(torch.equal(value, expected[key]) for key, value in actual.items())
