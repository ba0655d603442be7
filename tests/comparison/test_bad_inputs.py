"""Bad input for comparisons, as their files have it."""

import pytest

from ..helpers.bad_inputs import NO_NUMBERS, BadInput, bad_values, check_refused
from ..helpers.comparisons import make

CASES = [
    *bad_values(make, "seeds", ValueError, 0, "0, 1", {"a": 1}, [], [0], [1, 1], [-1], [2**32]),
    *bad_values(make, "seeds", TypeError, ["0"], [True, 0], [0.0], [None]),
    *bad_values(make, "trials", ValueError, "1", 1.0, [1], 0, -1),
    *bad_values(make, "trials", TypeError, True),
    *bad_values(make, "axes", ValueError, None, "sampler", [], {}, {"a": {}}, {"a": ["b"]}, {"a": {"b": "c"}}),
    *bad_values(make, "pipeline", ValueError, None, "nations", ["nations"]),
    *bad_values(make, "title", ValueError, 1, ["a"]),
    *bad_values(make, "baseline", ValueError, "basic", ["basic"], {"model": "a"}, {"sampler": "a"}),
    *bad_values(make, "baseline", ValueError, {"sampler": ["basic"]}, {"sampler": None}),
    *bad_values(make, "rivals", ValueError, {"sampler": "basic"}, [{}], [{"sampler": "a"}]),
    *bad_values(make, "rivals", TypeError, ["basic"], [["sampler", "basic"]], [None]),
    *bad_values(make, "rules", ValueError, {"pipeline": {}}, [{}], [{"when": {}}], [{"pipeline": {}, "if": {}}]),
    *bad_values(make, "rules", TypeError, ["a"], [{"pipeline": "a"}], [{"pipeline": {}, "when": "dhns"}]),
    *bad_values(make, "search", ValueError, {"space": {}}, [{"space": {}, "when": {"sampler": "a"}}]),
    *bad_values(make, "search", TypeError, ["lr"], [{"space": ["lr"]}]),
    *bad_values(make, "exclude", ValueError, {"sampler": "basic"}, [{"sampler": "a"}], [{}]),
    *bad_values(make, "exclude", TypeError, ["basic"], [0]),
    *bad_values(make, "published", ValueError, ["basic"], {"a": {"mrr": 1.0}}),
    *bad_values(make, "published", TypeError, {"basic": 1.0}, *({"basic": {"mrr": value}} for value in NO_NUMBERS)),
]


def _make_pipeline(**arguments: object) -> None:
    make(pipeline=arguments)


ARGUMENTS = [
    *bad_values(_make_pipeline, "training_kwargs", TypeError, 3, "num_epochs=3", ["num_epochs"]),
    *bad_values(_make_pipeline, "training_kwargs", TypeError, {"num_epochs": "5"}, {"num_epochs": 5.0}),
    *bad_values(_make_pipeline, "training_kwargs", ValueError, {"num_epochs": 0}),
    *bad_values(_make_pipeline, "evaluation_kwargs", ValueError, {"foo": 3}),
    *bad_values(_make_pipeline, "device", ValueError, "gpuu", [1]),
    *bad_values(_make_pipeline, "stopper_kwargs", TypeError, 1, {"frequency": "1"}),
    *bad_values(_make_pipeline, "stopper_kwargs", ValueError, {"frequency": 0}, {"frequency": 6}, {"metric": "mrr"}),
    *bad_values(_make_pipeline, "evaluation_kwargs", TypeError, "batch_size=1"),
    *bad_values(_make_pipeline, "evaluation_kwargs", ValueError, {"batch_size": 1}),
    *bad_values(_make_pipeline, "random_seed", ValueError, 0),
]


@pytest.mark.parametrize("case", [*CASES, *ARGUMENTS], ids=repr)
def test_refused(case: BadInput) -> None:
    """Test that values of a wrong type and values out of range are refused, before anything is run."""
    check_refused(case)
