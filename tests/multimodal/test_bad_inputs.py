"""Bad input for multimodal representations and models."""

import pytest
import torch
from pykeen.datasets import Nations
from pykeen.nn.representation import Embedding

from pykeen_dhns.multimodal.feature_representation import FeatureRepresentation, Projection
from pykeen_dhns.multimodal.fusion import AttentionFusion, GateFusion, MeanFusion, SumFusion
from pykeen_dhns.multimodal.model import MultimodalModel
from pykeen_dhns.multimodal.representation import MultimodalRepresentation

from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused, with_defaults

FACTORY = Nations().training
ONES = torch.eye(14)
NO_MAPPINGS = (3, "textual", ["textual"], True)
NO_BOOLS = ("false", "no", 0)

model = with_defaults(MultimodalModel, triples_factory=FACTORY, embedding_dim=4, modalities=dict(textual=ONES))
representation = with_defaults(MultimodalRepresentation, max_id=14, shape=(4,), modalities=dict(textual=ONES))
structural = with_defaults(MultimodalRepresentation, max_id=14, shape=(4,))
features = with_defaults(FeatureRepresentation, features=ONES)
projection = with_defaults(Projection, example=ONES[:1], shape=(4,))
gate = with_defaults(GateFusion, dim=4, num_modalities=2)

CASES = [
    *(
        case
        for cls in (AttentionFusion, GateFusion, MeanFusion, SumFusion)
        for name in ("dim", "num_modalities")
        for error, values in ((TypeError, (*NO_NUMBERS, 1.5)), (ValueError, (0, -1, 2**40)))
        for case in bad_values(with_defaults(cls, dim=4, num_modalities=2), name, error, *values)
    ),
    *bad_values(structural, "max_id", TypeError, "14", 14.0, True, [14], ()),
    *bad_values(structural, "shape", TypeError, "a", 1.5, (4, "a")),
    *bad_values(structural, "shape", ValueError, -1, (4, -1), 2**40),
    *bad_values(structural, "max_id", ValueError, 0, -1, 2**40),
    *bad_values(gate, "dropout", TypeError, *NO_NUMBERS),
    *bad_values(gate, "dropout", ValueError, -0.1, 1.1, float("nan")),
    *(
        case
        for call in (model, representation)
        for case in (
            *bad_values(call, "modalities", TypeError, *NO_MAPPINGS, ONES),
            *bad_values(
                call, "modalities", ValueError, {"": ONES}, {3: ONES}, {"x" * 10_000 + ".": ONES}, dict(t=None)
            ),
            *bad_values(call, "modalities_kwargs", TypeError, *NO_MAPPINGS, dict(textual=3)),
            *bad_values(call, "modalities_kwargs", ValueError, dict(visual={}), {3: {}}),
            *bad_values(call, "fusion_kwargs", TypeError, *NO_MAPPINGS),
        )
    ),
    *(
        case
        for call in (model, representation, structural)
        for case in (
            *bad_values(call, "fusion", TypeError, 3, int, Embedding, ["sum"]),
            *bad_values(call, "fusion", ValueError, "", "nothing"),
        )
    ),
    *bad_values(representation, "dropout", TypeError, "0.5", [0.5], True),
    *bad_values(representation, "dropout", ValueError, -0.1, 1.1, float("nan")),
    *bad_values(representation, "unique", TypeError, *NO_BOOLS),
    *bad_values(model, "triples_factory", TypeError, None, 3, "nations"),
    *bad_values(model, "interaction", ValueError, "", "nothing", 3, int, ["rotate" * 10_000]),
    *bad_values(model, "interaction_kwargs", TypeError, *NO_MAPPINGS),
    *bad_values(model, "loss", TypeError, 3, ["nssa"], int, True),
    *bad_values(model, "loss", ValueError, "", "nothing"),
    *bad_values(model, "random_seed", TypeError, "0", 1.5, [1], True),
    *bad_values(model, "random_seed", ValueError, -1, 2**32),
    *bad_values(model, "embedding_dim", TypeError, "4", 4.0, [4], True),
    *bad_values(model, "embedding_dim", ValueError, 0, -1, 2**40),
    *bad_values(features, "features", ValueError, None, ONES[0], ONES * float("inf"), "features.csv"),
    *bad_values(features, "max_id", TypeError, "14", 14.0, True),
    *bad_values(features, "max_id", ValueError, 0, -1, 2**40),
    *bad_values(features, "name", TypeError, None, 3),
    *bad_values(projection, "example", TypeError, None, [[1.0]]),
    *bad_values(projection, "shape", TypeError, None, 4, "4", b"4", (4.0,), (True,)),
    *bad_values(projection, "shape", ValueError, (0,), (4, -1), (2**40,)),
    *bad_values(projection, "is_complex", TypeError, *NO_BOOLS, None),
    *bad_values(projection, "dtype", TypeError, "float32", float),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_refused(case: BadInput) -> None:
    """Test that bad values are refused by the argument's name."""
    check_refused(case)


def test_long_arguments() -> None:
    """Test that a message is short, whatever is given, and has the cause."""
    kwargs = dict(labels=["a long text" * 10] * 14, encoder="character-embedding", wrong=1)
    with pytest.raises(ValueError, match=r"^modalities\['text'\]='text' cannot be made.*argument 'wrong'$") as info:
        representation(modalities=dict(text="text"), modalities_kwargs=dict(text=kwargs))
    assert len(str(info.value)) < 400
