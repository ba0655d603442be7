"""Test files of comparisons."""

import json
from pathlib import Path
from typing import Any

import pytest

from pykeen_dhns.comparison import load_comparison
from pykeen_dhns.comparison.configuration import merge
from pykeen_dhns.comparison.reading import make_comparison, with_seeds

from ..helpers.comparisons import CONTENT, find_cell, make

ROOT = Path(__file__).parents[2]
AXES = {"dataset": {"a": {"dataset": "nations"}, "b": {"dataset": "umls"}}, "sampler": {"basic": {}, "dhns": {}}}
#: Of PyKEEN's default of 5 epochs, one is validated
SHORT: dict[str, Any] = {"stopper_kwargs": {"frequency": 5}}
GRID: dict[str, list[Any]] = {"x.y": [1, 2, 3], "z": ["p", "q"]}


def test_merge() -> None:
    """Later arguments win, None removes, and what is merged stays as it was."""
    first: dict[str, Any] = {"a": {"b": 1, "c": {"d": 2}}, "e": [1]}
    second: dict[str, Any] = {"a": {"c": {"f": 3}, "b": None}, "e": [2]}
    assert merge(first, second) == {"a": {"c": {"d": 2, "f": 3}}, "e": [2]}
    merge(first, second)["a"]["c"]["d"] = 0
    merge(first)["a"]["c"]["d"] = 0
    merge(first)["e"].append(0)
    assert first == {"a": {"b": 1, "c": {"d": 2}}, "e": [1]}
    # a mapping replaces what is none
    assert merge({"a": 1}, {"a": {"b": 2}}) == {"a": {"b": 2}}


def test_resolve() -> None:
    """Arguments come from the pipeline, then the axes in their order, then rules that apply, then what is searched."""
    axes = {"dataset": AXES["dataset"], "sampler": {"basic": {"k": 1}, "dhns": {"k": 2, "l": {"m": 1}}}}
    rules = [
        {"when": {"sampler": "dhns", "dataset": ["b"]}, "pipeline": {"k": 3}},
        {"pipeline": {"everywhere": True}},
    ]
    comparison = make(pipeline={"k": 0, **SHORT}, axes=axes, rules=rules, search=[])
    expected = {"k": 1, **SHORT, "dataset": "nations", "everywhere": True}
    assert comparison.resolve(find_cell(comparison, "a, basic")) == expected
    assert comparison.resolve(find_cell(comparison, "a, dhns"))["k"] == 2
    assert comparison.resolve(find_cell(comparison, "b, dhns"))["k"] == 3
    cell = find_cell(comparison, "b, dhns")
    assert comparison.resolve(cell, {"l.m": 5, "k": 7}) == {**comparison.resolve(cell), "l": {"m": 5}, "k": 7}


def test_choose_cells() -> None:
    """Cells are chosen by name."""
    comparison = make(axes=AXES)
    assert [str(cell) for cell in comparison.choose_cells("^a|dhns$")] == ["a, basic", "a, dhns", "b, dhns"]


def test_find_baseline() -> None:
    """The baseline differs in those axes for which it has a value, and is its own baseline."""
    comparison = make(axes=AXES, exclude=[{"dataset": "b", "sampler": "basic"}])
    found = [comparison.find_baseline(cell, {"sampler": "basic"}) for cell in comparison.cells]
    assert list(map(str, found)) == ["a, basic", "a, basic", "None"]
    assert comparison.find_baseline(comparison.cells[0], {}) is None


def test_exclude() -> None:
    """Cells are in the order of the file, without those that are excluded."""
    comparison = make(axes=AXES, exclude=[{"dataset": "b", "sampler": "dhns"}])
    assert [str(cell) for cell in comparison.cells] == ["a, basic", "a, dhns", "b, basic"]


@pytest.mark.parametrize("num_trials", [1, 2, 5, 6, 9])
def test_trials(num_trials: int) -> None:
    """Trials are different from each other, as many as asked for, the first of them the defaults."""
    comparison = make(axes=AXES, search=[{"space": GRID}], trials=num_trials)
    cell = comparison.cells[0]
    settings = [dict(trial.searched) for trial in comparison.trials(cell)]
    assert settings[0] == {"x.y": 1, "z": "p"}
    assert len(settings) == min(num_trials, 6)
    assert len({json.dumps(setting) for setting in settings}) == len(settings)
    assert all(setting["x.y"] in GRID["x.y"] and setting["z"] in GRID["z"] for setting in settings)
    assert all(trial.arguments == comparison.resolve(cell, trial.searched) for trial in comparison.trials(cell))
    assert all(trial.seed == 0 for trial in comparison.trials(cell))
    # again, and in another cell with the same space
    assert settings == [dict(trial.searched) for trial in comparison.trials(cell)]
    assert settings == [dict(trial.searched) for trial in comparison.trials(comparison.cells[-1])]


def test_more_trials_for_one() -> None:
    """A cell with more to search gets no more trials."""
    search = [{"space": GRID}, {"when": {"sampler": "dhns"}, "space": {"w": [1, 2]}}]
    comparison = make(axes=AXES, search=search, trials=6)
    assert [len(comparison.trials(cell)) for cell in comparison.cells] == [6, 6, 6, 6]
    assert all("w" not in trial.searched for trial in comparison.trials(find_cell(comparison, "a, basic")))
    assert {trial.searched["w"] for trial in comparison.trials(find_cell(comparison, "a, dhns"))} == {1, 2}
    assert not comparison.unequal_trials()
    more = make(axes=AXES, search=search, trials=8).unequal_trials()
    assert more.startswith("Not a fair comparison: a, basic has 6 trials, a, dhns has 8, which favours the latter.")


def test_finals() -> None:
    """The best trial is run with all seeds. Its own run is the first of them."""
    comparison = make()
    trial = comparison.trials(comparison.cells[0])[1]
    finals = comparison.finals(trial)
    assert [run.seed for run in finals] == [0, 1]
    assert finals[0].key == trial.key
    assert all(run.arguments == trial.arguments for run in finals)


def test_with_seeds() -> None:
    """Other seeds do not change which trials there are."""
    comparison = make()
    other = with_seeds(comparison, [3, 4])
    assert with_seeds(comparison, []) == comparison
    for cell in comparison.cells:
        trials = other.trials(cell)
        assert trials == comparison.trials(cell)
        assert [run.seed for run in other.finals(trials[1])] == [3, 4]
        assert {run.digest for run in other.finals(trials[1])}.isdisjoint(
            run.digest for run in comparison.finals(trials[1])
        )
    with pytest.raises(ValueError, match=r"seeds is \[3, 3\]: one occurs twice"):
        with_seeds(comparison, [3, 3])


def test_keys() -> None:
    """What differs has different keys, what does not has the same; keys are file names."""
    comparison = make(axes={"sampler": {"a/b: c": {}, "dhns": {"negative_sampler": "dhns"}}}, baseline={})
    runs = [run for cell in comparison.cells for trial in comparison.trials(cell) for run in comparison.finals(trial)]
    keys = {run.key for run in runs}
    assert len(keys) == len(runs) == 8
    assert not any(set(key) & set("/:, ") for key in keys)
    longer = make(pipeline=merge(CONTENT["pipeline"], {"training_kwargs": {"num_epochs": 3}}))
    assert not {run.key for run in longer.trials(longer.cells[1])} & keys
    # neither the title, nor the number of trials, is a part of a result
    other = make(axes=comparison.axes, baseline={}, title="Other", trials=1)
    assert other.trials(other.cells[0])[0].key in keys


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(axis={}), r"there is no \['axis'\]. Allowed: title, "),
        (dict(axes={}), "axes is missing or empty"),
        (dict(axes={"sampler": [1]}), r"axes.sampler is \[1\], it must be a mapping"),
        (dict(axes={"sampler": {"basic": "basic"}}), "axes.sampler.basic is 'basic', it must be a mapping"),
        (dict(pipeline=[]), r"pipeline is \[\], it must be a mapping"),
        (dict(pipeline={}), "basic: there is no dataset"),
        (dict(pipeline={"dataset": "nations", "random_seed": 0}), r"basic: random_seed cannot be given: the seeds are"),
        (dict(axes={"sampler": {"basic": {"evaluator": "x"}}}), "basic: evaluator cannot be given: all runs"),
        (dict(axes={"sampler": {"basic": {"evaluator_kwargs": {}}}}), "basic: evaluator_kwargs cannot be given: all"),
        (
            dict(pipeline={"dataset": "nations", "evaluation_kwargs": {"batch_size": 1}}),
            "basic: evaluation_kwargs.batch_size cannot be given: all runs",
        ),
        (dict(axes={"sampler": {"basic": {"stopper": "nop"}}}), "basic: stopper cannot be given: every run"),
        (
            dict(axes={"sampler": {"basic": {"stopper_kwargs": {"metric": "hits@10"}}}}),
            "basic: stopper_kwargs.metric cannot be given: everything is selected",
        ),
        (
            dict(axes={"sampler": {"basic": {"stopper_kwargs": {"frequency": 3}}}}),
            "basic: stopper_kwargs.frequency=3 is above training_kwargs.num_epochs=2: no epoch is validated",
        ),
        (
            dict(search=[{"space": {"training_kwargs.num_epochs": [2, 0]}}]),
            "basic: stopper_kwargs.frequency=1 is above training_kwargs.num_epochs=0: no epoch is validated",
        ),
        (
            dict(pipeline={"dataset": "nations"}),
            "basic: stopper_kwargs.frequency=10 is above training_kwargs.num_epochs=5: no epoch is validated",
        ),
        (dict(pipeline={"training": __file__}), "basic: there is no dataset. .*training, testing, validation"),
        (
            dict(pipeline={"dataset": "nations", "training": __file__}),
            "basic: there is a dataset, and training: it must be either",
        ),
        (
            dict(pipeline={"training": __file__, "testing": "no such", "validation": __file__}),
            "basic: testing='no such' is no file. Paths are relative",
        ),
        (dict(rules={"when": {}}), "rules is .*, it must be a list"),
        (dict(rules=[{"then": {}}]), r"rules\[0\] has \['then'\], allowed is: \['pipeline', 'when'\]"),
        (dict(rules=[{"when": {"model": "x"}}]), r"rules\[0\].when: there is no axis 'model', only sampler"),
        (dict(rules=[{"when": {"sampler": "x"}}]), r"rules\[0\].when: axes.sampler has no \['x'\], only basic, dhns"),
        (dict(search=[{"space": {"a": 1}}]), "search: a is 1, it must be a list"),
        (dict(search=[{"space": {"a": []}}]), r"search: a is \[\], it must be a list"),
        (dict(search=[{"space": {"random_seed": [1]}}]), "random_seed cannot be given"),
        (dict(exclude=[{"sampler": ["basic", "dhns"]}]), "exclude leaves no cell"),
        (dict(exclude=[{"model": "x"}]), r"exclude\[0\]: there is no axis 'model', only sampler"),
        (dict(seeds=[]), r"seeds is \[\], it must be a list of integers"),
        (dict(seeds=[0, True]), "seeds is .*, it must be a list of integers"),
        (dict(seeds=[-1]), "seeds is .*, it must be a list of integers"),
        (dict(seeds=[1, 1]), "one occurs twice"),
        (dict(trials=0), "trials is 0, it must be an integer of at least 1"),
        (dict(trials=1.0), "trials is 1.0, it must be an integer"),
        (dict(baseline={"sampler": "x"}), r"baseline: axes.sampler has no \['x'\]"),
        (dict(rivals={"sampler": "dhns"}), r"rivals is \{.*it must be a list"),
        (dict(rivals=[{"sampler": "dhns"}, {"sampler": "x"}]), r"rivals\[1\]: axes.sampler has no \['x'\]"),
        (dict(rivals=[{}]), r"rivals has an empty one. Name a value of an axis"),
        (dict(published={"x": {"mrr": 1.0}}), r"published has \['x'\], which is no cell, e.g., 'basic'"),
        (dict(published={"basic": {"mrr": "high"}}), r"published.basic has \{'mrr': 'high'\}, values must be numbers"),
        (dict(published={"basic": 1.0}), "published.basic is 1.0, it must be a mapping"),
    ],
)
def test_errors(changes: dict[str, Any], message: str) -> None:
    """Messages say where something is wrong, and what would be right."""
    with pytest.raises(ValueError, match=f"^the comparison: .*{message}"):
        make(**changes)


@pytest.mark.parametrize("content", [None, [], "text"])
def test_no_mapping(content: Any) -> None:
    """A file must hold a mapping."""
    with pytest.raises(ValueError, match="it must be a mapping with some of: title"):
        make_comparison("name", content)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "", r"a.toml: the suffix is '.toml'"),
        ("a.json", "{", r"a.json: Expecting"),
        ("a.yaml", "a: [", r"a.yaml: "),
        ("a.yaml", "trials: 0", r"a.yaml: .*axes is missing"),
    ],
)
def test_file_errors(name: str, text: str, message: str, tmp_path: Path) -> None:
    """Messages name the file."""
    path = tmp_path / name
    path.write_text(text, encoding="utf8")
    with pytest.raises(ValueError, match=message):
        load_comparison(path)


def test_load(tmp_path: Path) -> None:
    """JSON and YAML are the same, and the name is that of the file."""
    yaml, path = tmp_path / "tiny.yaml", tmp_path / "tiny.json"
    for each in (yaml, path):
        # JSON is YAML
        each.write_text(json.dumps(CONTENT), encoding="utf8")
    assert load_comparison(yaml) == load_comparison(path) == make()


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 0.001), ("+1.E-3", 0.001), ("1.0e-3", 0.001), ("1e-3x", "1e-3x"), ('"1e-3"', "1e-3")]
)
def test_numbers(text: str, value: object, tmp_path: Path) -> None:
    """Numbers of YAML may have exponents, also without a point. YAML 1.1 would read some of them as text."""
    path = tmp_path / "a.yaml"
    content = {"pipeline": {"dataset": "nations", **SHORT}, "axes": {"x": {"a": {"y": "NUMBER"}}}}
    path.write_text(json.dumps(content).replace('"NUMBER"', text), encoding="utf8")
    assert load_comparison(path).axes["x"]["a"]["y"] == value


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "configs").iterdir()), ids=lambda path: str(path.name))
def test_configs(path: Path) -> None:
    """All files can be loaded, and their trials are different from each other, with equal budgets."""
    comparison = load_comparison(path)
    expected = comparison.num_trials if comparison.search else 1
    for cell in comparison.cells:
        trials = comparison.trials(cell)
        assert len({trial.key for trial in trials}) == len(trials) == expected
