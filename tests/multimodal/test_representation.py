"""Tests for the representation of multimodal entities."""

import functools
import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.models import ERModel, model_resolver
from pykeen.nn import representation_resolver
from pykeen.nn.representation import Embedding
from pykeen.regularizers import LpRegularizer
from torch import nn
from torch.nn import functional

from pykeen_dhns.multimodal.fusion import MeanFusion, fusion_resolver
from pykeen_dhns.multimodal.representation import MultimodalRepresentation

from .small import MAX_ID, make_features, make_representation, randomize

fusions = pytest.mark.parametrize("fusion", sorted(fusion_resolver.lookup_dict))
shapes = pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((), torch.float32),
        ((4,), torch.float32),
        ((4, 2), torch.float64),
        ((4,), torch.complex64),
        ((2, 3), torch.complex128),
    ],
)


def test_registered() -> None:
    """PyKEEN knows it by name, once."""
    assert representation_resolver.lookup("multimodal") is MultimodalRepresentation
    assert inspect.getdoc(MultimodalRepresentation)


@shapes
def test_without_modalities(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Without modalities, it is an embedding, bit for bit, with the same state dict."""
    kwargs: dict[str, Any] = dict(max_id=MAX_ID, shape=shape, dtype=dtype)
    torch.manual_seed(1)
    expected = Embedding(**kwargs)
    expected.reset_parameters()
    torch.manual_seed(1)
    actual = MultimodalRepresentation(**kwargs, fusion="gate")
    actual.reset_parameters()
    assert actual.unique == expected.unique
    assert actual.modality_names == ("structural",)
    assert [name for name, _ in actual.named_parameters()] == ["_embeddings.weight"]
    for indices in (None, torch.tensor([[0, 1], [1, 6]])):
        assert torch.equal(actual(indices), expected(indices))
        assert torch.equal(actual.modalities(indices)["structural"], expected(indices))
        assert torch.equal(actual.shares(indices), torch.ones(*expected(indices).shape[: -len(shape) or None], 1))
        assert actual.mask(indices).all()


def test_arguments_of_embedding() -> None:
    """All arguments of PyKEEN's embedding are passed on."""
    with pytest.warns(DeprecationWarning, match="max_id"):
        representation = MultimodalRepresentation(
            num_embeddings=MAX_ID, embedding_dim=3, modalities=dict(t=make_features())
        )
    assert representation.max_id == MAX_ID
    assert representation(None).shape == (MAX_ID, 3)
    pretrained = MultimodalRepresentation.from_pretrained(torch.arange(6.0).view(3, 2), modalities=dict(t=torch.eye(3)))
    pretrained.reset_parameters()
    assert torch.equal(pretrained.structural(), torch.arange(6.0).view(3, 2))
    assert not pretrained._embeddings.weight.requires_grad
    assert pretrained(None).requires_grad


@shapes
def test_shapes(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """All shapes, real and complex, come out right for all kinds of indices."""
    representation = make_representation(shape=shape, dtype=dtype)
    names = ("structural", "textual", "visual")
    assert representation.modality_names == names
    for indices in (None, torch.tensor([5, 5, 3]), torch.tensor([[0, 1], [3, 4]]), torch.empty(0, dtype=torch.long)):
        batch_dims = (MAX_ID,) if indices is None else tuple(indices.shape)
        modalities = representation.modalities(indices)
        assert tuple(modalities) == names
        for x in (representation(indices), *modalities.values()):
            assert x.shape == (*batch_dims, *shape)
            assert x.dtype == dtype
        assert torch.equal(modalities["structural"], representation.structural(indices))
        assert representation.shares(indices).shape == (*batch_dims, len(names))
    mask = representation.mask()
    assert mask.T.logical_not().nonzero().tolist() == [[1, 3], [2, 3], [2, 4]]
    assert torch.equal(representation.mask(torch.tensor([[4], [3]])), mask[[4, 3]].unsqueeze(dim=1))


@fusions
def test_missing_is_left_out(fusion: str) -> None:
    """An entity without further modalities has its structural embedding, and teaches their projections nothing."""
    representation = make_representation(fusion=fusion)
    randomize(representation)
    x = representation(torch.tensor([3]))
    assert torch.equal(x, representation.structural(torch.tensor([3])))
    x.square().sum().backward()
    gradients = [p.grad for p in representation.get_submodule("projected").parameters()]
    assert len(gradients) == 4
    assert not any(gradient.any() for gradient in gradients if gradient is not None)


def test_unique() -> None:
    """Computing repeated entities once changes neither embeddings nor gradients."""
    indices = torch.tensor([[0, 1, 1], [6, 3, 0]])
    results = []
    for unique in (True, False):
        torch.manual_seed(1)
        representation = make_representation(unique=unique)
        x = representation(indices)
        x.square().sum().backward()
        results.append([x, *(p.grad for p in representation.parameters())])
    for actual, expected in zip(*results, strict=True):
        torch.testing.assert_close(actual, expected)
    assert make_representation().unique
    assert not make_representation(dropout=0.5).unique
    assert not make_representation(unique=False).unique


@pytest.mark.parametrize("model", ["RotatE", "TransE", "RESCAL"])
def test_scale(model: str) -> None:
    """After the initialisation of a model, all modalities are of the scale of the structural one."""
    triples_factory = Nations().training
    features = make_features(max_id=triples_factory.num_entities, dim=40)
    entities = MultimodalRepresentation.configured(modalities=dict(textual=features, visual=0.001 * features[:, :20]))
    built = model_resolver.make(
        model, triples_factory=triples_factory, embedding_dim=50, entity_representations=entities, random_seed=0
    )
    assert isinstance(built, ERModel)
    representation = built.entity_representations[0]
    assert isinstance(representation, MultimodalRepresentation)
    for _ in range(2):
        stds = real_std(representation)
        for name in ("textual", "visual"):
            assert stds[name] == pytest.approx(stds["structural"], rel=0.2)
        # of its own, too, where there is no model which resets the parts first
        torch.manual_seed(2)
        randomize(representation)
        representation.reset_parameters()
        representation.post_parameter_update()


@torch.no_grad()
def real_std(representation: MultimodalRepresentation) -> dict[str, float]:
    """Get the standard deviation of each modality, where it is present."""
    present = representation.mask().unbind(dim=-1)
    xs = representation.modalities()
    reals = {name: torch.view_as_real(x) if x.is_complex() else x for name, x in xs.items()}
    return {name: float(x[mask].std()) for (name, x), mask in zip(reals.items(), present, strict=True)}


@pytest.mark.parametrize(("value", "std"), [(0.0, 0.0), (2.0, 0.0), (torch.nan, 1.0)])
def test_scale_of_constants(value: float, std: float) -> None:
    """A structural embedding without spread, or one that is broken, leaves the rest finite."""
    representation = make_representation(initializer=functools.partial(nn.init.constant_, val=value))
    xs = representation.modalities()
    assert (xs["textual"].std() > 0) == (std > 0)
    assert xs["textual"].isfinite().all()


def test_constraints() -> None:
    """Constraints apply to each modality: to the structural one when it is updated, which keeps its own values."""
    representation = make_representation(constrainer=functional.normalize, dtype=torch.float64)
    randomize(representation)
    plain = make_representation(dtype=torch.float64)
    plain.load_state_dict(representation.state_dict())
    expected = {name: functional.normalize(x) for name, x in plain.modalities().items()}
    assert torch.equal(representation.structural(), plain.structural())
    representation.post_parameter_update()
    assert list(expected) == ["structural", "textual", "visual"]
    for _ in range(2):
        torch.testing.assert_close(representation.modalities(), expected)
        representation.post_parameter_update()
    assert representation.fusion is not None
    fused = representation.fusion(list(expected.values()), representation.mask())
    torch.testing.assert_close(representation(None), fused)
    assert representation._embeddings.weight.requires_grad
    representation(None).square().sum().backward()
    gradients = [parameter.grad for parameter in representation.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


def test_constraints_in_place() -> None:
    """Constraints that change what they are given."""
    representation = make_representation(constrainer=lambda x: x.clamp_(max=0.5))
    randomize(representation)
    representation.reset_parameters()
    assert representation.structural().max() > 0.5
    assert all(x.max() == 0.5 for name, x in representation.modalities().items() if name != "structural")
    representation(None).sum().backward()
    representation.post_parameter_update()
    assert representation.structural().max() == 0.5


def test_complex_constraints() -> None:
    """Constraints of complex embeddings."""
    representation = make_representation(constrainer="complex_normalize", dtype=torch.complex64)
    randomize(representation)
    representation.post_parameter_update()
    for x in representation.modalities().values():
        torch.testing.assert_close(x.abs(), torch.ones(MAX_ID, 4))


def test_normalizer() -> None:
    """The fusion is normalised, and modalities on request."""
    representation = make_representation(normalizer=functional.normalize)
    ones = torch.ones(MAX_ID)
    torch.testing.assert_close(representation(None).norm(dim=-1), ones)
    for name, x in representation.modalities(normalize=True).items():
        torch.testing.assert_close(x, functional.normalize(representation.modalities()[name]))
    # there is nothing to normalise with
    plain = make_representation()
    assert torch.equal(plain.modalities(normalize=True)["textual"], plain.modalities()["textual"])


def test_regularizer_and_dropout() -> None:
    """Reading modalities leaves no trace in the regulariser, and has no dropout."""
    representation = make_representation(regularizer=LpRegularizer, dropout=0.9).train()
    regularizer = representation.regularizer
    assert isinstance(regularizer, LpRegularizer)
    xs = [representation.modalities()["textual"] for _ in range(2)]
    representation.shares()
    representation.mask()
    assert torch.equal(*xs)
    updates = [regularizer.updated]
    x = representation(None)
    assert [*updates, regularizer.updated] == [False, True]
    assert (x == 0).sum() > x.numel() / 2


def test_regularizer_of_modality() -> None:
    """Nor does reading leave a trace in the regulariser of a modality that is a representation itself."""
    base = Embedding(max_id=MAX_ID, shape=(3,), regularizer=LpRegularizer)
    base.reset_parameters()
    representation = make_representation(modalities=dict(learned=base)).train()
    regularizer = base.regularizer
    assert isinstance(regularizer, LpRegularizer)
    regularizer.reset()
    terms = []
    for read in (representation.modalities, representation.shares, representation, representation.modalities):
        read()
        terms.append(regularizer.regularization_term.item())
    assert terms[:2] == [0, 0]
    assert terms[2] == terms[3] > 0


def test_trainable() -> None:
    """Whether the structural embedding is trainable does not matter for the rest."""
    representation = make_representation(trainable=False)
    assert {name for name, p in representation.named_parameters() if not p.requires_grad} == {"_embeddings.weight"}
    representation(None).sum().backward()
    gradient = representation.get_parameter("projected.textual.transformation.weight").grad
    assert gradient is not None
    assert gradient.any()


def test_conversion() -> None:
    """Another type of numbers for the whole module, as by `model.to`."""
    representation = make_representation(shape=(4,))
    expected = representation(None)
    actual = representation.double()(None)
    assert actual.dtype == torch.float64
    torch.testing.assert_close(actual, expected.double())
    assert representation.mask().dtype == torch.bool


@fusions
def test_device(fusion: str) -> None:
    """All is on the device of the module. This one exists everywhere, and refuses to work with another one."""
    representation = make_representation(dtype=torch.complex64, fusion=fusion, unique=False).to("meta")
    for indices in (None, torch.tensor([0, 3]), torch.tensor([0, 3], device="meta")):
        for x in (representation(indices), representation.mask(indices), representation.shares(indices)):
            assert x.device.type == "meta"


@fusions
def test_mixed_precision(fusion: str) -> None:
    """Automatic mixed precision keeps the type of embeddings."""
    representation = make_representation(dtype=torch.complex64, fusion=fusion)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = representation(None)
        shares = representation.shares()
    assert x.dtype == torch.complex64
    torch.testing.assert_close(x, representation(None), atol=0.1, rtol=0.1)
    torch.testing.assert_close(shares.float().sum(dim=-1), torch.ones(MAX_ID), atol=0.01, rtol=0)
    x.abs().sum().backward()


class TestConfigured:
    """Tests for classes with other defaults."""

    def test_defaults(self) -> None:
        """Defaults are bound, and explicit arguments win."""
        cls = MultimodalRepresentation.configured(modalities=dict(textual=make_features()), fusion="sum", shape=(3,))
        assert issubclass(cls, MultimodalRepresentation)
        assert cls(max_id=MAX_ID).modality_names == ("structural", "textual")
        assert cls(MAX_ID).shape == (3,)
        assert cls(MAX_ID, shape=(5,)).shape == (5,)
        assert cls(MAX_ID, modalities=None).modality_names == ("structural",)
        again = cls.configured(fusion="mean")(MAX_ID)
        assert again.modality_names == ("structural", "textual")
        assert type(again.fusion) is MeanFusion
        assert type(again) is MultimodalRepresentation

    def test_subclass(self) -> None:
        """What a subclass makes is of the subclass."""

        class Mine(MultimodalRepresentation):
            """Another one."""

        assert type(Mine.configured(shape=(3,))(MAX_ID)) is Mine

    def test_nothing_is_loaded(self) -> None:
        """A file is needed only when something is made."""
        cls = MultimodalRepresentation.configured(modalities=dict(textual="missing.npy"))
        with pytest.raises(FileNotFoundError, match=r"modalities\['textual'\]='missing.npy'"):
            cls(max_id=MAX_ID, shape=(4,))

    def test_unknown_argument(self) -> None:
        """An error at once, not only when something is made."""
        with pytest.raises(TypeError, match=r"argument 'modality'. Did you mean 'modalities'\?$"):
            MultimodalRepresentation.configured(modality=dict(textual="textual.npy"))


def test_published(published: Path) -> None:
    """Real features, which most entities lack."""
    path = published.joinpath("MKG-W", "textual.npy")
    representation = make_representation(max_id=15000, dtype=torch.complex64, modalities=dict(textual=str(path)))
    stds = real_std(representation)
    assert stds["textual"] == pytest.approx(stds["structural"], rel=0.2)
    mask = representation.mask()[:, 1]
    assert int(mask.sum()) == 3215
    x = representation(None)
    assert torch.equal(x[~mask], representation.structural()[~mask])
