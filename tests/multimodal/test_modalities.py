"""Tests for the arguments that say which modalities there are."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.nn import representation_resolver
from pykeen.nn.representation import Embedding

from pykeen_dhns.multimodal.feature_representation import FeatureRepresentation
from pykeen_dhns.multimodal.fusion import MeanFusion

from .small import MAX_ID, make_features, make_representation


def test_files(tmp_path: Path) -> None:
    """Features from a file, with a mask."""
    path = tmp_path.joinpath("textual.npy")
    np.save(path, make_features().numpy())
    mask = torch.ones(MAX_ID, dtype=torch.bool)
    mask[0] = False
    actual = make_representation(modalities=dict(textual=dict(features=str(path), mask=mask)))
    assert actual.mask()[:, 1].logical_not().nonzero().flatten().tolist() == [0, 3]


@pytest.mark.parametrize("base_dtype", [torch.float32, torch.float64, torch.complex64])
def test_representation_as_modality(base_dtype: torch.dtype) -> None:
    """Any representation can be a modality, which is present everywhere, and can be trained."""
    base = Embedding(max_id=MAX_ID, shape=(2, 3), dtype=base_dtype)
    base.reset_parameters()
    representation = make_representation(modalities=dict(learned=base, textual=make_features()), dtype=torch.complex64)
    assert representation.mask()[:, 1].all()
    assert representation.projected["learned"].base is base
    x = representation(torch.tensor([[0, 3]]))
    assert x.shape == (1, 2, 4)
    assert x.dtype == torch.complex64
    x.abs().sum().backward()
    assert base._embeddings.weight.grad is not None


def test_text_representation() -> None:
    """PyKEEN's representation of labels, as an instance, by class, and by name."""
    kwargs = dict(labels=list("abcdefg"), encoder="character-embedding")
    text = representation_resolver.make("text", kwargs)
    for hint, modalities_kwargs in ((text, None), (type(text), dict(labels=kwargs)), ("text", dict(labels=kwargs))):
        representation = make_representation(modalities=dict(labels=hint), modalities_kwargs=modalities_kwargs)
        assert type(representation.projected["labels"].base) is type(text)
        assert representation(None).shape == (MAX_ID, 4)


def test_shared_features() -> None:
    """Several representations can share features."""
    base = FeatureRepresentation(make_features())
    one, other = (make_representation(modalities=dict(textual=base)) for _ in range(2))
    assert one.get_submodule("projected.textual.base") is other.get_submodule("projected.textual.base")
    assert torch.equal(one.mask(), other.mask())
    assert not one.mask().all()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(modalities=dict(structural="x.npy")), r"modalities\['structural'\] is no valid name: .* is reserved for"),
        (dict(modalities={"": "x.npy"}), r"modalities\[''\] is no valid name: it must be a string that is not empty"),
        (dict(modalities={"a.b": "x.npy"}), r"modalities\['a.b'\] is no valid name"),
        (dict(modalities={3: "x.npy"}), r"modalities\[3\] is no valid name"),
        (dict(modalities=dict(keys="x.npy")), r"modalities\['keys'\] is no valid name.* torch.nn.ModuleDict"),
        (dict(modalities=dict(textual=torch.ones(3, 2))), r"modalities\['textual'\] has 3 rows, but there are 7 ent"),
        (dict(modalities=dict(textual=torch.ones(3))), r"modalities\['textual'\] has shape \(3,\)"),
        (
            dict(modalities=dict(textual=3e30 * torch.linspace(-1, 1, 14).view(7, 2))),
            r"modalities\['textual'\] has values up to 3e\+30",
        ),
        (dict(modalities=dict(text=Embedding(max_id=3, shape=2))), r"(?s)modalities\['text'\]=.* max_id=7 .*max_id=3"),
        (
            dict(modalities=dict(text=Embedding)),
            r"modalities\['text'\]=.*Embedding.* cannot be made with modalities_kwargs=None: .*shape",
        ),
        (
            dict(modalities=dict(text="txet"), modalities_kwargs=dict(text=None)),
            r"modalities\['text'\]='txet' cannot be",
        ),
        (
            dict(modalities_kwargs=dict(audio={})),
            r"modalities_kwargs has 'audio', but modalities has \['textual'",
        ),
        (
            dict(modalities_kwargs=dict(visual={})),
            r"modalities\['visual'\] is a Tensor, but has modalities_kwargs: it must be the class or the name",
        ),
        (
            dict(fusion=MeanFusion(dim=3, num_modalities=3)),
            "fusion is for dim=3 and num_modalities=3, but needed is one for {'dim': 4, 'num_modalities': 3}",
        ),
    ],
    ids=lambda value: re.sub(r"\W", "", value)[:30] if isinstance(value, str) else "",
)
def test_errors(kwargs: dict[str, Any], message: str) -> None:
    """The message names the modality, what was given, and what is needed."""
    with pytest.raises(ValueError, match=message):
        make_representation(**kwargs)


@pytest.mark.parametrize("modalities", [None, dict(textual=make_features())])
def test_unknown_fusion(modalities: Any) -> None:
    """A typo is found with modalities, and without."""
    with pytest.raises((KeyError, ValueError), match="attenton"):
        make_representation(modalities=modalities, fusion="attenton")
