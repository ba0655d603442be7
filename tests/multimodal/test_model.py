"""Tests for the model with multimodal entities."""

import inspect
import json
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from docdata import get_docdata
from pykeen.datasets import Nations
from pykeen.hpo import hpo_pipeline
from pykeen.losses import MarginRankingLoss, SoftplusLoss
from pykeen.models import ERModel, Model, TransE, TransH, model_resolver
from pykeen.models.cli import build_cli_from_cls
from pykeen.nn.modules import ClampedInteraction, DistMultInteraction, TransEInteraction, interaction_resolver
from pykeen.nn.representation import Embedding
from pykeen.training import SLCWATrainingLoop
from pykeen.training.callbacks import TrainingCallback
from torch import Tensor

from pykeen_dhns.multimodal.feature_representation import FeatureRepresentation
from pykeen_dhns.multimodal.fusion import MeanFusion, fusion_resolver
from pykeen_dhns.multimodal.model import NAMED_MODELS, MultimodalModel
from pykeen_dhns.multimodal.representation import MultimodalRepresentation

from .small import run

#: What is necessary to make models small
SMALL: dict[str, dict[str, Any]] = dict(
    conve=dict(embedding_dim=12, output_channels=4, embedding_height=3, embedding_width=4),
    convkb=dict(num_filters=4),
    cp=dict(rank=2),
)
#: The names of all interactions
NAMES = {interaction_resolver.normalize_cls(interaction): model for interaction, model in NAMED_MODELS.items()}

interactions = pytest.mark.parametrize("interaction", sorted(NAMES))


def kwargs_for(name: str, **kwargs: Any) -> dict[str, Any]:
    """Get arguments for a small model."""
    triples_factory = Nations(create_inverse_triples=name == "conve").training
    return dict(triples_factory=triples_factory, random_seed=0, embedding_dim=8) | SMALL.get(name, {}) | kwargs


class Start(TrainingCallback):
    """Remember the parameters with which training starts, after the model was reset."""

    def __init__(self) -> None:
        """Initialize the callback."""
        super().__init__()
        self.parameters: dict[str, Tensor] = {}

    def pre_batch(self, **kwargs: Any) -> None:
        """Take a copy before the first batch."""
        del kwargs
        if not self.parameters:
            self.parameters = {name: parameter.detach().clone() for name, parameter in self.model.named_parameters()}


def train(model: Model, triples_factory: Any, **kwargs: Any) -> list[float]:
    """Train a model with PyKEEN's stock loop, always from the same seed."""
    torch.manual_seed(1)
    loop = SLCWATrainingLoop(model=model, triples_factory=triples_factory)
    losses = loop.train(triples_factory, num_epochs=2, batch_size=512, use_tqdm=False, **kwargs)
    assert losses is not None
    return losses


def test_registered() -> None:
    """PyKEEN knows it by name, once, and which paper to cite."""
    assert model_resolver.lookup("multimodal") is MultimodalModel
    assert get_docdata(MultimodalModel)["citation"]["link"]
    assert inspect.getdoc(MultimodalModel)


def test_named_models() -> None:
    """All named models of PyKEEN are here, except for those that have more to them than an interaction."""
    for model in NAMES.values():
        assert [name for name, x in vars(model).items() if inspect.isfunction(x) and hasattr(ERModel, name)] == [
            "__init__"
        ]
    candidates = {cls for cls in model_resolver.lookup_dict.values() if ERModel in cls.__bases__}
    missing = {cls.__name__ for cls in candidates.difference(NAMES.values())}
    assert missing == {"CompGCN", "KG2E", "MultimodalModel", "NodePiece", "RGCN"}


def check_same(actual: Model, expected: Model) -> None:
    """Check that two models have the same state, bit for bit."""
    state = expected.state_dict()
    assert list(actual.state_dict()) == list(state)
    for name, value in actual.state_dict().items():
        assert torch.equal(value, state[name]), name


@interactions
def test_without_modalities(interaction: str) -> None:
    """Without modalities, there is no difference to the named model: neither at first, nor after training."""
    kwargs = kwargs_for(interaction)
    expected, actual = NAMES[interaction](**kwargs), MultimodalModel(interaction=interaction, **kwargs)
    assert type(actual.interaction) is type(expected.interaction)
    assert type(actual.loss) is type(expected.loss)
    check_same(actual, expected)
    losses = [train(model, kwargs["triples_factory"]) for model in (actual, expected)]
    assert losses[0] == losses[1]
    check_same(actual, expected)
    triples = torch.tensor([[0, 1, 2], [3, 4, 5]])
    assert torch.equal(actual.predict_hrt(triples), expected.predict_hrt(triples))


@interactions
def test_with_modalities(interaction: str, textual: str) -> None:
    """With modalities, parameters of the named model keep their shapes, and all of them are trained."""
    kwargs = kwargs_for(interaction)
    expected = dict(NAMES[interaction](**kwargs).named_parameters())
    model = MultimodalModel(interaction=interaction, modalities=dict(textual=textual), **kwargs)
    for name, parameter in expected.items():
        assert model.get_parameter(name).shape == parameter.shape
        assert model.get_parameter(name).dtype == parameter.dtype
    for representation in model.entity_representations:
        assert isinstance(representation, MultimodalRepresentation)
        assert representation.modality_names == ("structural", "textual")
        assert representation.mask().T.logical_not().nonzero().tolist() == [[1, 2], [1, 3]]
    assert all(isinstance(representation, Embedding) for representation in model.relation_representations)
    start = Start()
    assert torch.as_tensor(train(model, kwargs["triples_factory"], callbacks=start)).isfinite().all()
    for name, parameter in model.named_parameters():
        assert parameter.isfinite().all()
        # some biases of entities do not matter to a loss of differences, and neither does attention to a single number
        assert not torch.equal(parameter, start.parameters[name]) or parameter.numel() <= 14, name


def test_pipeline(textual: str) -> None:
    """All by name, with arguments that are JSON."""
    kwargs = dict(interaction="rotate", embedding_dim=8, modalities=dict(textual=textual), fusion="gate")
    result = run(model_kwargs=json.loads(json.dumps(kwargs)))
    assert result.losses[-1] < result.losses[0]
    assert 0 < result.get_metric("mrr") <= 1
    assert isinstance(result.model, MultimodalModel)


def test_defaults() -> None:
    """The bare name."""
    result = run()
    assert isinstance(result.model, MultimodalModel)
    assert result.model.entity_representations[0].shape == (200,)
    assert result.model.entity_representations[0](None).is_complex()


def test_inverse_triples(textual: str) -> None:
    """With inverse triples."""
    result = run(
        dataset_kwargs=dict(create_inverse_triples=True),
        model_kwargs=dict(interaction="complex", embedding_dim=8, modalities=dict(textual=textual)),
    )
    assert result.model.use_inverse_triples
    assert result.losses[-1] < result.losses[0]


def test_named_model(textual: str) -> None:
    """PyKEEN's own models, with multimodal entities. Training and resetting leave the features alone."""
    entities = MultimodalRepresentation.configured(modalities=dict(textual=textual))
    model = run(model="RotatE", model_kwargs=dict(embedding_dim=8, entity_representations=entities)).model
    assert isinstance(model, ERModel)
    representation = model.entity_representations[0]
    assert type(representation) is MultimodalRepresentation
    before = {key: value.clone() for key, value in representation.state_dict().items()}
    model.reset_parameters_()
    changed = {key for key, value in representation.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {key for key, _ in representation.named_parameters()}
    features = FeatureRepresentation(textual).features
    assert torch.equal(representation.get_buffer("projected.textual.base.features"), features)


@pytest.mark.parametrize("kwargs", [dict(training_loop="lcwa"), dict(training_loop="slcwa", negative_sampler="dhns")])
def test_ways_to_train(kwargs: dict[str, Any], textual: str) -> None:
    """Other loops and samplers learn, too."""
    result = run(
        model_kwargs=dict(embedding_dim=8, modalities=dict(textual=textual)), optimizer_kwargs=dict(lr=0.05), **kwargs
    )
    assert result.losses[-1] < result.losses[0]


@pytest.mark.parametrize("multimodal", [False, True])
def test_numbers_in_place_of_vectors(multimodal: bool, textual: str) -> None:
    """Our loop, with entities that have a bias, which is a single number, of several modalities, too."""
    model_kwargs = dict(interaction="mure", embedding_dim=8, modalities=dict(textual=textual))
    result = run(model_kwargs=model_kwargs, training_loop="dhns", training_loop_kwargs=dict(multimodal=multimodal))
    assert result.losses[-1] < result.losses[0]


def test_command_line() -> None:
    """PyKEEN's command line makes options of what it knows how to."""
    command = build_cli_from_cls(MultimodalModel)
    assert {"embedding_dim", "random_seed"} <= {parameter.name for parameter in command.params}
    arguments = ["--dataset", "nations", "--number-epochs", "1", "--embedding-dim", "8", "--silent"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.exception


def test_hpo(textual: str) -> None:
    """Hyper-parameter optimization knows what to try."""
    result = hpo_pipeline(
        dataset="nations",
        model="multimodal",
        model_kwargs=dict(interaction="distmult", modalities=dict(textual=textual)),
        training_kwargs=dict(num_epochs=1, use_tqdm=False, batch_size=512),
        training_kwargs_ranges={},
        evaluation_kwargs=dict(use_tqdm=False, batch_size=64),
        n_trials=2,
        device="cpu",
    )
    assert {"model.embedding_dim", "model.fusion"} <= result.study.best_params.keys()
    assert result.study.best_params["model.fusion"] in fusion_resolver.lookup_dict


def test_shared_features(textual: str) -> None:
    """Features are held once, however many embeddings an interaction has."""
    model = MultimodalModel(interaction="boxe", modalities=dict(textual=textual), **kwargs_for("boxe"))
    one, other = (r.get_buffer("projected.textual.base.features") for r in model.entity_representations)
    assert one is other


def test_loss() -> None:
    """Without a loss, it is the default one of the named model, except in PyKEEN's pipeline, as with any model."""
    assert type(MultimodalModel(interaction="complex", **kwargs_for("complex")).loss) is SoftplusLoss
    for model, model_kwargs in (("ComplEx", {}), ("multimodal", dict(interaction="complex"))):
        assert type(run(model=model, model_kwargs=model_kwargs).model.loss) is MarginRankingLoss


class TestInteraction:
    """Tests for interactions other than a named model's own."""

    def test_parameters(self) -> None:
        """Parameters that are given replace those of the named model, which keeps the others."""
        kwargs = kwargs_for("transe", scoring_fct_norm=2)
        model = MultimodalModel(interaction="transe", interaction_kwargs=dict(power_norm=True), **kwargs)
        interaction = model.interaction
        assert isinstance(interaction, TransEInteraction)
        assert (interaction.p, interaction.power_norm) == (2, True)

    @pytest.mark.parametrize(
        ("interaction", "interaction_kwargs"),
        [
            ("ermlp", dict(hidden_dim=3)),  # has parameters
            ("ntn", dict(activation="relu")),  # is an instance in PyKEEN's model
        ],
    )
    def test_all_kinds(self, interaction: str, interaction_kwargs: dict[str, Any]) -> None:
        """Parameters of all kinds of interactions."""
        kwargs = kwargs_for(interaction)
        model = MultimodalModel(interaction=interaction, interaction_kwargs=interaction_kwargs, **kwargs)
        losses = train(model, kwargs["triples_factory"])
        assert losses[-1] < losses[0]

    def test_wrapped(self) -> None:
        """SimplE wraps its interaction. Parameters are for the wrapper."""
        kwargs = kwargs_for("simple")
        model = MultimodalModel(interaction="simple", interaction_kwargs=dict(clamp_score=20.0), **kwargs)
        assert isinstance(model.interaction, ClampedInteraction)
        assert model.interaction.clamp_score is not None

    def test_same_seed(self) -> None:
        """Parameters that make no difference make none."""
        kwargs = kwargs_for("tucker")
        expected = MultimodalModel(interaction="tucker", **kwargs)
        actual = MultimodalModel(interaction="tucker", interaction_kwargs=dict(head_dropout=0.3), **kwargs)
        check_same(actual, expected)

    def test_class_and_instance(self) -> None:
        """A class, and an instance."""
        assert isinstance(
            MultimodalModel(interaction=DistMultInteraction, **kwargs_for("")).interaction, DistMultInteraction
        )
        instance = TransEInteraction(p=2)
        assert MultimodalModel(interaction=instance, **kwargs_for("")).interaction is instance


def test_other_arguments(textual: str) -> None:
    """Arguments of the named model and of the fusion are passed on."""
    model = MultimodalModel(
        interaction="distmult",
        modalities=dict(textual=textual),
        fusion=MeanFusion,
        entity_constrainer=None,
        entity_representations_kwargs=dict(dropout=0.5),
        **kwargs_for("distmult"),
    )
    representation = model.entity_representations[0]
    assert isinstance(representation, MultimodalRepresentation)
    assert isinstance(representation.fusion, MeanFusion)
    assert representation.constrainer is None
    assert representation.dropout is not None
    model = MultimodalModel(
        modalities=dict(text="text"),
        modalities_kwargs=dict(text=dict(labels=list("abcdefghijklmn"), encoder="character-embedding")),
        fusion="gate",
        fusion_kwargs=dict(dropout=0.25),
        **kwargs_for("rotate"),
    )
    assert torch.as_tensor(train(model, kwargs_for("rotate")["triples_factory"])).isfinite().all()


def test_weight_regularizer(textual: str) -> None:
    """TransH's regulariser for the weights of entities is for their embeddings, not for what is new here."""
    model = MultimodalModel(interaction="transh", modalities=dict(textual=textual), **kwargs_for("transh"))
    tracked = model.weight_regularizers[0].tracked_parameters
    assert [p.shape for p in tracked] == [(14, 8)]
    assert tracked[0] is model.get_parameter("entity_representations.0._embeddings.weight")
    assert len(TransH(**kwargs_for("transh")).weight_regularizers) == len(model.weight_regularizers)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            dict(interaction="rotat"),
            "interaction='rotat' is unknown here, known ones are: autosf, .*rotate.*configured",
        ),
        (dict(interaction="kg2e"), "interaction='kg2e' is unknown here"),
        (dict(interaction=3), "interaction=3 is unknown here"),
        (dict(interaction=TransE), "interaction=.*TransE.* is unknown here"),
        (
            dict(interaction=TransEInteraction(p=1), interaction_kwargs=dict(p=2)),
            r"interaction_kwargs={'p': 2} cannot change an instance",
        ),
        (dict(entity_representations="multimodal"), "entity_representations is chosen by this model: use modalities"),
    ],
)
def test_errors(kwargs: dict[str, Any], message: str) -> None:
    """The messages say what was given, and what is possible."""
    with pytest.raises(ValueError, match=message):
        MultimodalModel(**kwargs_for("rotate", **kwargs))
