"""Tests for the representation of multimodal entities."""

import copy
import functools
import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pykeen.datasets import Nations
from pykeen.models import ERModel, Model, RotatE, model_resolver
from pykeen.nn import representation_resolver
from pykeen.nn.init import xavier_uniform_
from pykeen.nn.representation import Embedding, TransformedRepresentation
from pykeen.pipeline import pipeline
from pykeen.regularizers import LpRegularizer
from torch import Tensor, nn
from torch.nn import functional

from pykeen_dhns.multimodal.feature_representation import FeatureRepresentation, Projection
from pykeen_dhns.multimodal.fusion import MeanFusion, fusion_resolver
from pykeen_dhns.multimodal.representation import MultimodalRepresentation

from .test_fusion import shapes
from ..helpers import fresh

MAX_ID = 7
fusions = pytest.mark.parametrize("fusion", sorted(fusion_resolver.lookup_dict))


def make_features(max_id: int = MAX_ID, dim: int = 5, missing: tuple[int, ...] = (3,), seed: int = 0) -> Tensor:
    """Make features of an awkward scale, which some entities lack."""
    features = 10 * torch.randn(max_id, dim, generator=torch.Generator().manual_seed(seed)) + 100
    features[list(missing)] = torch.nan
    return features


def make(**kwargs: Any) -> MultimodalRepresentation:
    """Make a representation with two further modalities, of different dimensions, and initialize it."""
    modalities = dict(textual=make_features(), visual=make_features(dim=3, missing=(3, 4), seed=1))
    defaults: dict[str, Any] = dict(max_id=MAX_ID, shape=(4,), modalities=modalities)
    representation = MultimodalRepresentation(**(defaults | kwargs))
    representation.reset_parameters()
    return representation


def randomize(module: nn.Module) -> None:
    """Give all parameters random values, such that nothing is zero."""
    for parameter in module.parameters():
        nn.init.normal_(parameter)


def test_registered() -> None:
    """PyKEEN knows it by name, once."""
    assert representation_resolver.lookup("multimodal") is MultimodalRepresentation
    assert inspect.getdoc(MultimodalRepresentation)


@shapes
@pytest.mark.parametrize("unique", [None, False, True])
def test_without_modalities(shape: tuple[int, ...], dtype: torch.dtype, unique: bool | None) -> None:
    """Without modalities, it is an embedding, to the bit, with the same state dict."""
    kwargs: dict[str, Any] = dict(max_id=MAX_ID, shape=shape, dtype=dtype, unique=unique)
    torch.manual_seed(1)
    expected = Embedding(**kwargs)
    expected.reset_parameters()
    torch.manual_seed(1)
    actual = MultimodalRepresentation(**kwargs, fusion="gate")
    actual.reset_parameters()
    assert actual.unique == expected.unique
    assert actual.modality_names == ("structural",)
    assert [name for name, _ in actual.named_parameters()] == ["_embeddings.weight"]
    actual.load_state_dict(expected.state_dict())
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


@fusions
@shapes
def test_shapes(fusion: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """All shapes, real and complex, come out right for all kinds of indices."""
    representation = make(shape=shape, dtype=dtype, fusion=fusion)
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
        for x in (representation.mask(indices), representation.shares(indices)):
            assert x.shape == (*batch_dims, len(names))
    mask = representation.mask()
    assert mask.dtype == torch.bool
    assert mask.T.logical_not().nonzero().tolist() == [[1, 3], [2, 3], [2, 4]]
    assert torch.equal(representation.mask(torch.tensor([[4], [3]])), mask[[4, 3]].unsqueeze(dim=1))
    torch.testing.assert_close(representation.shares().sum(dim=-1), torch.ones(MAX_ID, dtype=dtype).real)


@fusions
def test_missing_is_left_out(fusion: str) -> None:
    """An entity without a modality has the embedding that it had if nobody had this modality."""
    torch.manual_seed(1)
    both = make(fusion=fusion)
    randomize(both)
    textual = make(fusion=fusion, modalities=dict(textual=make_features()))
    state = {key: value for key, value in both.state_dict().items() if "visual" not in key and "gates.1" not in key}
    textual.load_state_dict(state)
    torch.testing.assert_close(both(None)[4], textual(None)[4])
    assert not torch.allclose(both(None)[5], textual(None)[5])
    if fusion != "gate":
        assert torch.equal(both(None)[3], both.structural()[3])
    torch.testing.assert_close(both(None)[3], both.structural()[3])


@fusions
def test_unique(fusion: str) -> None:
    """Computing repeated entities once changes neither embeddings nor gradients."""
    indices = torch.tensor([[0, 1, 1], [6, 3, 0]])
    results = []
    for unique in (True, False):
        torch.manual_seed(1)
        representation = make(fusion=fusion, unique=unique)
        x = representation(indices)
        x.square().sum().backward()
        results.append([x, *(p.grad for p in representation.parameters())])
    for actual, expected in zip(*results, strict=True):
        torch.testing.assert_close(actual, expected)
    assert make().unique
    assert not make(dropout=0.5).unique
    assert not make(unique=False).unique


@pytest.mark.parametrize(
    "model", ["RotatE", "ComplEx", "TransE", "DistMult", "PairRE", "QuatE", "RESCAL", "HolE", "TransR"]
)
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
    representation = make(initializer=functools.partial(nn.init.constant_, val=value))
    xs = representation.modalities()
    assert (xs["textual"].std() > 0) == (std > 0)
    assert xs["textual"].isfinite().all()


def test_standardization() -> None:
    """Features are centred over those entities that have them, and scaled as a whole."""
    features = make_features()
    features[:, 0] *= 10
    representation = FeatureRepresentation(features, max_id=MAX_ID)
    x = representation(None)
    present = representation.mask
    torch.testing.assert_close(x[present].mean(dim=0), torch.zeros(5), atol=1e-4, rtol=0)
    assert float(x[present].var(dim=0, correction=0).mean()) == pytest.approx(1)
    # relative differences are kept
    torch.testing.assert_close(
        x[0] - x[1], (features[0] - features[1]) * ((x[0] - x[2]) / (features[0] - features[2]))[1]
    )
    assert not x[~present].any()
    assert not list(representation.parameters())
    assert torch.equal(representation(torch.tensor([[2, 2]])), x[[2, 2]].unsqueeze(dim=0))


@pytest.mark.parametrize("features", [torch.full((MAX_ID, 3), 5.0), make_features(missing=tuple(range(1, MAX_ID)))])
def test_constant_features(features: Tensor) -> None:
    """Features that tell nothing become zero."""
    representation = FeatureRepresentation(features)
    assert not representation(None).any()
    make(modalities=dict(textual=features))(None).sum().backward()


@pytest.mark.parametrize("model", ["RotatE", "TransE", "TuckER"])
def test_training(model: str) -> None:
    """Training changes all parameters, keeps them finite, and leaves the features alone."""
    features = make_features(max_id=14)
    entities = MultimodalRepresentation.configured(modalities=dict(textual=features), fusion="attention")
    result = pipeline(
        dataset="nations",
        model=model,
        model_kwargs=dict(embedding_dim=8, entity_representations=entities),
        training_kwargs=dict(num_epochs=2, use_tqdm=False, batch_size=256),
        evaluation_kwargs=dict(use_tqdm=False, batch_size=64),
        random_seed=0,
        device="cpu",
    )
    assert torch.as_tensor(result.losses).isfinite().all()
    assert isinstance(result.model, ERModel)
    representation = result.model.entity_representations[0]
    assert type(representation) is MultimodalRepresentation
    expected = FeatureRepresentation(features)
    before = {key: value.clone() for key, value in representation.state_dict().items()}
    for _ in range(2):
        for name, buffer in expected.named_buffers():
            assert torch.equal(representation.get_buffer(f"projected.textual.base.{name}"), buffer)
        result.model.reset_parameters_()
    assert all(p.isfinite().all() for p in result.model.parameters())
    changed = {key for key, value in representation.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {key for key, _ in representation.named_parameters()}


def test_constraints() -> None:
    """Constraints apply to each modality: to the structural one when it is updated, which keeps its own values."""
    representation = make(constrainer=functional.normalize, dtype=torch.float64)
    randomize(representation)
    plain = make(dtype=torch.float64)
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
    representation = make(constrainer=lambda x: x.clamp_(max=0.5))
    randomize(representation)
    representation.reset_parameters()
    assert representation.structural().max() > 0.5
    assert all(x.max() == 0.5 for name, x in representation.modalities().items() if name != "structural")
    representation(None).sum().backward()
    representation.post_parameter_update()
    assert representation.structural().max() == 0.5


def test_complex_constraints() -> None:
    """Constraints of complex embeddings."""
    representation = make(constrainer="complex_normalize", dtype=torch.complex64)
    randomize(representation)
    representation.post_parameter_update()
    for x in representation.modalities().values():
        torch.testing.assert_close(x.abs(), torch.ones(MAX_ID, 4))


def test_normalizer() -> None:
    """The fusion is normalised, and modalities on request."""
    representation = make(normalizer=functional.normalize)
    ones = torch.ones(MAX_ID)
    torch.testing.assert_close(representation(None).norm(dim=-1), ones)
    for name, x in representation.modalities(normalize=True).items():
        torch.testing.assert_close(x, functional.normalize(representation.modalities()[name]))
    # there is nothing to normalise with
    plain = make()
    assert torch.equal(plain.modalities(normalize=True)["textual"], plain.modalities()["textual"])


def test_regularizer_and_dropout() -> None:
    """Reading modalities leaves no trace in the regulariser, and has no dropout."""
    representation = make(regularizer=LpRegularizer, dropout=0.9).train()
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
    representation = make(modalities=dict(learned=base)).train()
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
    representation = make(trainable=False)
    assert {name for name, p in representation.named_parameters() if not p.requires_grad} == {"_embeddings.weight"}
    representation(None).sum().backward()
    gradient = representation.get_parameter("projected.textual.transformation.weight").grad
    assert gradient is not None
    assert gradient.any()


def test_conversion() -> None:
    """Another type of numbers for the whole module, as by `model.to`."""
    representation = make(shape=(4,))
    expected = representation(None)
    actual = representation.double()(None)
    assert actual.dtype == torch.float64
    torch.testing.assert_close(actual, expected.double())
    assert representation.mask().dtype == torch.bool


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
@fusions
def test_device(fusion: str, dtype: torch.dtype) -> None:
    """All is on the device of the module. This one exists everywhere, and refuses to work with another one."""
    representation = make(dtype=dtype, fusion=fusion, unique=False).to("meta")
    for indices in (None, torch.tensor([0, 3]), torch.tensor([0, 3], device="meta")):
        for x in (representation(indices), representation.mask(indices), representation.shares(indices)):
            assert x.device.type == "meta"


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
@fusions
def test_mixed_precision(fusion: str, dtype: torch.dtype) -> None:
    """Automatic mixed precision."""
    representation = make(dtype=dtype, fusion=fusion)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = representation(None)
        shares = representation.shares()
    assert x.dtype == dtype
    torch.testing.assert_close(x, representation(None), atol=0.1, rtol=0.1)
    torch.testing.assert_close(shares.float().sum(dim=-1), torch.ones(MAX_ID), atol=0.01, rtol=0)
    x.abs().sum().backward()


def test_files(tmp_path: Path) -> None:
    """Features from a file, with a mask."""
    path = tmp_path.joinpath("textual.npy")
    np.save(path, make_features().numpy())
    mask = torch.ones(MAX_ID, dtype=torch.bool)
    mask[0] = False
    actual = make(modalities=dict(textual=dict(features=str(path), mask=mask)))
    assert actual.mask()[:, 1].logical_not().nonzero().flatten().tolist() == [0, 3]


@pytest.mark.parametrize("base_dtype", [torch.float32, torch.float64, torch.complex64])
@shapes
def test_representation_as_modality(shape: tuple[int, ...], dtype: torch.dtype, base_dtype: torch.dtype) -> None:
    """Any representation can be a modality, which is present everywhere, and can be trained."""
    base = Embedding(max_id=MAX_ID, shape=(2, 3), dtype=base_dtype)
    base.reset_parameters()
    representation = make(modalities=dict(learned=base, textual=make_features()), shape=shape, dtype=dtype)
    assert representation.mask()[:, 1].all()
    assert representation.projected["learned"].base is base
    x = representation(torch.tensor([[0, 3]]))
    assert x.shape == (1, 2, *shape)
    assert x.dtype == dtype
    x.abs().sum().backward()
    assert base._embeddings.weight.grad is not None


def test_text_representation() -> None:
    """PyKEEN's representation of labels, as an instance, by class, and by name."""
    kwargs = dict(labels=list("abcdefg"), encoder="character-embedding")
    text = representation_resolver.make("text", kwargs)
    for hint, modalities_kwargs in ((text, None), (type(text), dict(labels=kwargs)), ("text", dict(labels=kwargs))):
        representation = make(modalities=dict(labels=hint), modalities_kwargs=modalities_kwargs)
        assert type(representation.projected["labels"].base) is type(text)
        assert representation(None).shape == (MAX_ID, 4)


def test_shared_features() -> None:
    """Several representations can share features."""
    base = FeatureRepresentation(make_features())
    one, other = (make(modalities=dict(textual=base)) for _ in range(2))
    assert one.get_submodule("projected.textual.base") is other.get_submodule("projected.textual.base")
    assert torch.equal(one.mask(), other.mask())
    assert not one.mask().all()


def test_structure() -> None:
    """A projected modality is PyKEEN's transformed representation."""
    representation = make()
    textual = representation.projected["textual"]
    assert isinstance(textual, TransformedRepresentation)
    assert isinstance(textual.base, FeatureRepresentation)
    assert isinstance(textual.transformation, Projection)
    assert isinstance(make(fusion=MeanFusion(dim=4, num_modalities=3)).fusion, MeanFusion)
    gate = make(fusion="gate", fusion_kwargs=dict(dropout=0.5)).fusion
    assert any(isinstance(module, nn.Dropout) and module.p == 0.5 for module in gate.modules())  # type: ignore[union-attr]


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
        with pytest.raises(
            ValueError, match=r"^\['modality'\] are unknown, known arguments are: .*'constrainer', .*'uniq"
        ):
            MultimodalRepresentation.configured(modality=dict(textual="textual.npy"))
        with pytest.raises(ValueError, match=r"modalities\['structural'\] is reserved"):
            MultimodalRepresentation.configured(modalities=dict(structural="textual.npy"))


def make_model(**kwargs: Any) -> RotatE:
    """Make a model with multimodal entities."""
    triples_factory = Nations().training
    features = make_features(max_id=triples_factory.num_entities)
    return RotatE(
        triples_factory=triples_factory,
        embedding_dim=4,
        random_seed=0,
        entity_representations=MultimodalRepresentation.configured(modalities=dict(textual=features), **kwargs),
    )


def check_copy(actual: Model, expected: Model) -> None:
    """Check that two models are the same, but independent."""
    triples = torch.tensor([[0, 1, 2], [3, 4, 5]])
    assert torch.equal(actual.predict_hrt(triples), expected.predict_hrt(triples))
    for p, q in zip(actual.parameters(), expected.parameters(), strict=True):
        assert torch.equal(p, q)
        assert p.data_ptr() != q.data_ptr()


@fusions
def test_copy(fusion: str) -> None:
    """A model can be copied."""
    model = make_model(fusion=fusion)
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


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            dict(modalities=dict(structural="x.npy")),
            r"modalities\['structural'\] is reserved for the learned embedding",
        ),
        (dict(modalities={"": "x.npy"}), r"modalities\[''\] is no valid name: it must be a string that is not empty"),
        (dict(modalities={"a.b": "x.npy"}), r"modalities\['a.b'\] is no valid name"),
        (dict(modalities={3: "x.npy"}), r"modalities\[3\] is no valid name"),
        (dict(modalities=dict(keys="x.npy")), r"modalities\['keys'\] is no valid name.* torch.nn.ModuleDict"),
        (dict(modalities=dict(training="x.npy")), r"modalities\['training'\] is no valid name"),
        (dict(modalities="x.npy"), "modalities is a str: it must be a mapping"),
        (dict(modalities=dict(textual=torch.ones(3, 2))), r"modalities\['textual'\] has 3 rows, but there are 7 ent"),
        (dict(modalities=dict(textual=torch.ones(3))), r"modalities\['textual'\] has shape \(3,\)"),
        (
            dict(modalities=dict(textual=3e30 * torch.linspace(-1, 1, 14).view(7, 2))),
            r"modalities\['textual'\] has values up to 3e\+30",
        ),
        (dict(modalities=dict(text=Embedding(max_id=3, shape=2))), r"modalities\['text'\] .* max_id=3, .* are 7 entit"),
        (
            dict(modalities=dict(text=Embedding)),
            r"modalities\['text'\]=.*Embedding.* cannot be made with None: .*shape",
        ),
        (
            dict(modalities=dict(text="txet"), modalities_kwargs=dict(text=None)),
            r"modalities\['text'\]='txet' cannot be",
        ),
        (
            dict(modalities_kwargs=dict(audio={})),
            r"modalities_kwargs has \['audio'\], but modalities has \['textual'",
        ),
        (
            dict(modalities_kwargs=dict(visual={})),
            r"modalities\['visual'\] is a Tensor, but has modalities_kwargs: it must be the class or the name",
        ),
        (dict(modalities_kwargs=3), "modalities_kwargs is a int: it must be a mapping"),
        (
            dict(fusion=MeanFusion(dim=3, num_modalities=3)),
            r"fusion is a MeanFusion for dim=3 and num_modalities=3, but these must be 4 and 3",
        ),
    ],
    ids=lambda value: re.sub(r"\W", "", value)[:30] if isinstance(value, str) else "",
)
def test_errors(kwargs: dict[str, Any], message: str) -> None:
    """The message names the modality, what was given, and what is needed."""
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


@pytest.mark.parametrize("modalities", [None, dict(textual=make_features())])
def test_unknown_fusion(modalities: Any) -> None:
    """A typo is found with modalities, and without."""
    with pytest.raises((KeyError, ValueError), match="attenton"):
        make(modalities=modalities, fusion="attenton")


@pytest.mark.parametrize("fusion", ["attention", "mean"])
def test_published(published: Path, fusion: str) -> None:
    """Real features, which most entities lack."""
    representation = MultimodalRepresentation(
        max_id=15000,
        shape=(16,),
        dtype=torch.complex64,
        initializer=xavier_uniform_,
        modalities=dict(textual=str(published.joinpath("MKG-W", "textual.npy"))),
        fusion=fusion,
    )
    representation.reset_parameters()
    stds = real_std(representation)
    assert stds["textual"] == pytest.approx(stds["structural"], rel=0.2)
    mask = representation.mask()[:, 1]
    assert int(mask.sum()) == 3215
    x = representation(None)
    assert torch.equal(x[~mask], representation.structural()[~mask])
    x.abs().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in representation.parameters())
