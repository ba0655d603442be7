"""Test files of comparisons."""

import json
from pathlib import Path
from typing import Any

import pytest

from pykeen_dhns.comparison import load_comparison
from pykeen_dhns.comparison.configuration import merge
from pykeen_dhns.comparison.reading import make_comparison

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


def test_arguments() -> None:
    """Arguments come from the pipeline, then the axes in their order, then rules that apply, then what is searched."""
    axes = {"dataset": AXES["dataset"], "sampler": {"basic": {"k": 1}, "dhns": {"k": 2, "l": {"m": 1}}}}
    rules = [
        {"when": {"sampler": "dhns", "dataset": ["b"]}, "pipeline": {"k": 3}},
        {"pipeline": {"everywhere": True}},
    ]
    search = [{"when": {"sampler": "dhns"}, "space": {"l.m": [5]}}]
    comparison = make(pipeline={"k": 0, **SHORT}, axes=axes, rules=rules, search=search)
    arguments = {str(cell): comparison.trials(cell)[0].arguments for cell in comparison.cells}
    assert arguments["a, basic"] == {"k": 1, **SHORT, "dataset": "nations", "everywhere": True}
    assert arguments["a, dhns"]["k"] == 2
    assert arguments["b, dhns"] == {"k": 3, "l": {"m": 5}, **SHORT, "dataset": "umls", "everywhere": True}


def test_find_baseline() -> None:
    """The baseline differs in those axes for which it has a value, and is its own baseline."""
    comparison = make(axes=AXES, exclude=[{"dataset": "b", "sampler": "basic"}])
    # in the order of the file, without what is excluded
    assert [str(cell) for cell in comparison.cells] == ["a, basic", "a, dhns", "b, dhns"]
    found = [comparison.find_baseline(cell, {"sampler": "basic"}) for cell in comparison.cells]
    assert list(map(str, found)) == ["a, basic", "a, basic", "None"]
    assert comparison.find_baseline(comparison.cells[0], {}) is None


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


def test_seeds() -> None:
    """The best trial is run with all seeds but that of the trials. Other seeds do not change which trials there are."""
    comparison, other = make(), make_comparison("tiny", CONTENT, seeds=[3, 0, 4])
    for cell in comparison.cells:
        trials = comparison.trials(cell)
        assert other.trials(cell) == trials
        finals = comparison.finals(trials[1])
        assert [run.seed for run in finals] == [1, 2]
        assert {run.seed for run in trials} == {0}
        assert [run.seed for run in other.finals(trials[1])] == [3, 4]
        assert {run.digest for run in other.finals(trials[1])}.isdisjoint(run.digest for run in finals)
    with pytest.raises(ValueError, match=r"seeds=\[3, 3\] must be different integers"):
        make_comparison("tiny", CONTENT, seeds=[3, 3])
    # where there is nothing to select, no seed is lost
    alone = make(trials=1)
    assert [run.seed for run in alone.finals(alone.trials(alone.cells[0])[0])] == [0, 1, 2]


def test_seed_of_the_selection() -> None:
    """There must be a seed besides the one by which settings are selected."""
    with pytest.raises(ValueError, match=r"seeds=\[0\] are not enough: settings are selected by seed 0, "):
        make(seeds=[0])
    with pytest.raises(ValueError, match=r"seeds=\[0\] are not enough"):
        make_comparison("tiny", CONTENT, seeds=[0])
    assert make(seeds=[0], trials=1).seeds == [0]


def test_keys() -> None:
    """What differs has different keys, what does not has the same; keys are file names."""
    comparison = make(axes={"sampler": {"a/b: c": {}, "dhns": {"negative_sampler": "dhns"}}}, baseline={})
    trials = [trial for cell in comparison.cells for trial in comparison.trials(cell)]
    runs = [run for trial in trials for run in (trial, *comparison.finals(trial))]
    keys = {run.key for run in runs}
    assert len(keys) == len(runs) == 12
    assert not any(set(key) & set("/:, ") for key in keys)
    longer = make(pipeline=merge(CONTENT["pipeline"], {"training_kwargs": {"num_epochs": 3}}))
    assert not {run.key for run in longer.trials(longer.cells[1])} & keys
    # names of files have a limit
    long = make(axes={"sampler": {"ä" * 400: {}}}, baseline={})
    assert len(long.trials(long.cells[0])[0].key.encode("utf8")) < 200
    # neither the title, nor the number of trials, is a part of a result
    other = make(axes=comparison.axes, baseline={}, title="Other", trials=1)
    assert other.trials(other.cells[0])[0].key in keys


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(axis={}), r"axis=\{\} is not allowed. A comparison may have: title \(str\), "),
        (dict(axes={}), "axes must name what to compare, e.g., {sampler: {basic"),
        (dict(axes={"sampler": ["basic"]}), "axes must name"),
        (dict(axes={"sampler": {"basic": "basic"}}), "axes must name"),
        (dict(pipeline={"random_seed": 0}), "basic: random_seed cannot be given: all runs are selected and"),
        (dict(axes={"sampler": {"basic": {"stopper_kwargs": {"metric": "hits@10"}}}}), "stopper_kwargs.metric cannot"),
        (dict(search=[{"space": {"evaluator": ["x"]}}]), "basic: evaluator cannot be given"),
        (
            dict(search=[{"space": {"stopper_kwargs.frequency": [1, 3]}}]),
            "basic: stopper_kwargs.frequency=3 is above training_kwargs.num_epochs=2: no epoch is validated",
        ),
        (dict(pipeline={}), "stopper_kwargs.frequency=10 is above training_kwargs.num_epochs=5: no epoch"),
        (dict(rules=[{"then": {}}]), "rules has {'then': {}}, but needs 'pipeline', and may have 'when', and nothing"),
        (dict(search=[{"lr": [0.1]}]), "search has .*, but needs 'space'"),
        (dict(rules=[{"when": {"model": "x"}, "pipeline": {}}]), "rules: there is no model='x'. Axes, .*: basic, dhns"),
        (dict(exclude=[{"sampler": ["basic", "x"]}]), "exclude: there is no sampler='x'"),
        (dict(baseline={"sampler": "x"}), "baseline: there is no sampler='x'"),
        (dict(rivals=[{"sampler": "dhns"}, {"sampler": "x"}]), "rivals: there is no sampler='x'"),
        (dict(exclude=[{"sampler": ["basic", "dhns"]}]), "exclude leaves no cell"),
        (dict(published={"x": {"mrr": 1.0}}), r"published has \['x'\]. Cells: basic; dhns."),
        (dict(published={"basic": {"MRR": 1.0}}), "published: basic has 'MRR'. Allowed are mrr, hits_at_1,"),
        (dict(pipeline={"training_kwargs": {"checkpoint_name": "a.pt"}}), "checkpoint_name cannot be given"),
        (dict(axes={"x": {"a": {}, "a, b": {}}, "y": {"b, c": {}, "c": {}}}, baseline={}), "have the name 'a, b, c'"),
    ],
)
def test_errors(changes: dict[str, Any], message: str) -> None:
    """Messages say where something is wrong, and what would be right."""
    with pytest.raises(ValueError, match=message):
        make(**changes)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", r"a.json: Expecting"),
        ("a.json", '{"axes": {"x": {"a": {}, "a": {}}}}', r"a.json: 'a' is there twice"),
        ("a.yaml", "axes: {x: {a: {}, a: {}}}", r"a.yaml: 'a' is there twice"),
        ("a.yaml", "axes: {x: {1: {}, '1': {}}}", r"a.yaml: '1' is there twice"),
        ("a.yaml", "axes: {x: {0: {}, 0.0: {}}}", r"a.yaml: 0.0 is there twice"),
        ("a.yaml", "axes: {x: {on: {}, yes: {}}}", r"a.yaml: True is there twice"),
        ("a.yaml", "axes: &a {x: *a}", r"a.yaml: Circular reference"),
        ("a.yaml", "notes: " + 10_000 * "[" + 10_000 * "]", r"a.yaml: .*recursion"),
        ("a.yaml", "notes: 2024-01-01", r"a.yaml: datetime.date\(2024, 1, 1\) is not allowed. Write it as a text"),
        ("a.txt", "axes: {x: {a: {}}}", r"a.txt: the name must end with .json, .yaml, or .yml"),
        ("...yaml", "axes: {x: {a: {}}}", r"\.\.\.yaml: '\.\.' cannot be the name of a folder"),
        ("a.yaml", "a: [", r"a.yaml: "),
        ("a.yaml", "text", r"a.yaml: 'text' is not allowed. A comparison is a mapping"),
        ("a.yaml", "trials: 1", r"a.yaml: axes must name"),
        ("a.yaml", "{axes: {x: {a: }}, search: [{space: {y: 1}}]}", r"a.yaml: .*list"),
    ],
)
def test_file_errors(name: str, text: str, message: str, tmp_path: Path) -> None:
    """Messages name the file."""
    path = tmp_path / name
    path.write_text(text, encoding="utf8")
    with pytest.raises(ValueError, match=message):
        load_comparison(path)


def test_repeated_anchors(tmp_path: Path) -> None:
    """Anchors that repeat each other do not take for ever."""
    path = tmp_path / "a.yaml"
    lines = [f"k{i}: &k{i} [{', '.join([f'*k{i - 1}'] * 10)}]" for i in range(1, 12)]
    path.write_text("\n".join(["k0: &k0 [1]", *lines]), encoding="utf8")
    with pytest.raises(ValueError, match=r"a.yaml: there are more than \d+ parts in it"):
        load_comparison(path)


def test_merged_anchors(tmp_path: Path) -> None:
    """What an anchor brings along can be replaced. Keys and values that are no texts become the same texts."""
    path = tmp_path / "a.yaml"
    axes = "axes: {x: {true: &a {y: 1, z: 2}, 1.5: {<<: *a, y: 3}}}\nexclude: [{x: [yes]}]"
    path.write_text(f"{axes}\npipeline: {json.dumps(SHORT)}", encoding="utf8")
    comparison = load_comparison(path)
    assert comparison.axes == {"x": {"true": {"y": 1, "z": 2}, "1.5": {"y": 3, "z": 2}}}
    assert list(map(str, comparison.cells)) == ["1.5"]


def test_load(tmp_path: Path) -> None:
    """JSON and YAML are the same, and the name is that of the file."""
    yaml, path = tmp_path / "tiny.yaml", tmp_path / "tiny.json"
    for each in (yaml, path):
        # JSON is YAML
        each.write_text(json.dumps(CONTENT), encoding="utf8")
    assert load_comparison(yaml) == load_comparison(path) == make()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-.5", -0.5),
        (".5e3", 500.0),
        ("+1.E-3", 0.001),
        ("1.0e-3", 0.001),
        ("1e-3x", "1e-3x"),
        ('"1e-3"', "1e-3"),
    ],
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
