"""Test the command that trains."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pykeen.datasets import Nations
from pykeen.pipeline import pipeline_from_path

from pykeen_dhns.inspection import load_source
from pykeen_dhns.utils.files import lock_folder

from .running import fail, invoke, run, run_pykeen

#: The arguments of a short run
SMALL: dict[str, Any] = dict(
    dataset="nations",
    model="TransE",
    model_kwargs=dict(embedding_dim=4),
    training_kwargs=dict(num_epochs=1, batch_size=512),
    random_seed=0,
    device="cpu",
    use_tqdm=False,
)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str = "experiment.json", **changes: Any) -> str:
    """Write the file of a short run, with changes, None for what is left out, and return its name."""
    arguments = {key: value for key, value in (SMALL | changes).items() if value is not None}
    Path(name).write_text(json.dumps(dict(pipeline=arguments)), encoding="utf8")
    return name


def read(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf8"))


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_same_as_pipeline(suffix: str, folder: Path) -> None:
    """A file as PyKEEN takes it gives what PyKEEN gives, and the metrics are printed."""
    arguments: dict[str, Any] = dict(
        model="rotate",
        loss="dhns",
        loss_kwargs=dict(margin=3.0, hardness_weight=0.5),
        training_loop="dhns",
        training_loop_kwargs=dict(num_timesteps=20),
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=4),
        lr_scheduler=None,
    )
    content = dict(metadata=dict(title="from a file"), pipeline=SMALL | arguments)
    path = folder / f"file{suffix}"
    path.write_text(json.dumps(content) if suffix == ".json" else yaml.safe_dump(content), encoding="utf8")
    printed = run("train", path, "--output", "new/run")
    assert read(folder / "new/run/experiment.json") == content
    expected = pipeline_from_path(path)
    assert re.search(rf"^\| mrr +\| +{expected.get_metric('mrr'):.4g} \|$", printed, flags=re.MULTILINE)
    assert read(folder / "new/run/results.json")["losses"] == expected.losses
    source = load_source(folder / "new/run")
    state = source.model.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in expected.model.state_dict().items())
    assert source.levels[0].endswith(" of 20")


def test_sampler_is_kept(folder: Path) -> None:
    """In PyKEEN's own loop, the sampler is saved, with the callbacks that were asked for."""
    kwargs = dict(root="checkpoints", schedule="every", schedule_kwargs=dict(frequency=1))
    training = SMALL["training_kwargs"] | dict(callbacks="checkpoint", callbacks_kwargs=kwargs)
    run("train", write(negative_sampler="dhns", training_kwargs=training), "--output", "output")
    assert load_source(folder / "output").title == "the sampler's generator"
    assert list((folder / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("changes", "is_generated"),
    [
        (dict(negative_sampler="dhns"), True),
        (dict(training_loop="dhns"), True),
        (dict(training_loop="dhns", training_loop_kwargs=dict(num_shared_negs=8)), False),
        (dict(negative_sampler="dhns", negative_sampler_kwargs=dict(hard_fraction=0)), False),
    ],
)
def test_hint(changes: dict[str, Any], is_generated: bool, folder: Path) -> None:
    """The command that shows the negatives is suggested where there is something to show."""
    result = invoke("train", write(**changes), "--output", "output")
    assert (folder / "output" / "generators.pt").exists() == is_generated
    assert ("pykeen-dhns inspect output" in result.stderr) == is_generated


def test_nothing_to_keep(folder: Path) -> None:
    """Other runs are saved as PyKEEN saves them."""
    (folder / "output").mkdir()
    (folder / "output" / "log.txt").touch()
    run("train", write(), "--output", "output")
    names = {path.name for path in (folder / "output").iterdir()}
    expected = {"experiment.json", "metadata.json", "results.json", "trained_model.pkl", "training_triples"}
    assert names == expected | {"log.txt"}


def test_own_triples(folder: Path) -> None:
    """Triples come from files, with inverse ones if they are asked for, and their labels are kept."""
    dataset = Nations()
    files = {name: f"{name}.tsv" for name in ("training", "testing", "validation")}
    for name, file in files.items():
        np.savetxt(folder / file, getattr(dataset, name).triples, fmt="%s", delimiter="\t")
    inverse = dict(create_inverse_triples=True)
    stopper: dict[str, Any] = dict(stopper="early", stopper_kwargs=dict(frequency=1))
    run("train", write(dataset=None, dataset_kwargs=inverse, training_loop="dhns", **files, **stopper), "--output", "o")
    source = load_source(folder / "o")
    assert len(source.triples) == dataset.training.num_triples
    assert set(source.entities) == set(dataset.training.entity_to_id)
    assert set(source.relations) == set(range(0, 2 * dataset.training.num_relations, 2))
    assert len(read(folder / "o" / "results.json")["stopper"]["results"]) == 1


def test_date(folder: Path) -> None:
    """A date, which JSON does not have, becomes a text."""
    content = dict(metadata=dict(date="2025-01-31"), pipeline=SMALL)
    text = yaml.safe_dump(content).replace("'2025-01-31'", "2025-01-31")
    (folder / "file.yaml").write_text(text, encoding="utf8")
    run("train", "file.yaml", "--output", "output")
    assert read(folder / "output" / "experiment.json") == content


def test_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If saving fails, the metrics are shown nevertheless."""

    def save(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pykeen_dhns.cli.experiment.save_result", save)
    result = invoke("train", write(), "--output", "output")
    assert result.exit_code == 1
    assert "| mrr " in result.stdout
    assert "No space left on device" in result.stderr
    assert [path.name for path in (folder / "output").iterdir()] == ["unfinished.json"]


def test_killed(folder: Path) -> None:
    """A run that was killed while it was saved is replaced by the next one, and a finished run is not."""
    run("train", write(training_loop="dhns"), "--output", "output")
    output = folder / "output"
    assert "output already has a run in it" in fail("train", write(), "--output", "output")
    (output / "experiment.json").rename(output / "unfinished.json")
    (output / "trained_model.pkl").write_bytes(b"")
    run("train", write(training_loop="dhns"), "--output", "output")
    assert load_source(output).levels
    assert not (output / "unfinished.json").exists()


def test_two_at_once(folder: Path) -> None:
    """A run does not write to the folder of another one."""
    output = folder / "output"
    output.mkdir()
    with lock_folder(output):
        assert "Another process is writing to output" in fail("train", write(), "--output", "output")
    run("train", write(), "--output", "output")


def test_output_is_probed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be written is noticed before the training."""
    monkeypatch.setattr("pykeen_dhns.cli.experiment.pipeline", None)
    (folder / "file.txt").touch()
    assert "Not a directory" in fail("train", write(), "--output", "file.txt/below")


@pytest.mark.filterwarnings("ignore:Please explicitly provide a metric result class:DeprecationWarning")
def test_experiment_can_be_repeated(folder: Path) -> None:
    """What a run saves of its arguments is what PyKEEN's command line needs to repeat it, seed included."""
    run("train", write(random_seed=None, negative_sampler="dhns"), "--output", "first")
    run("train", "first/experiment.json", "--output", "second")
    run_pykeen("experiments", "run", "first/experiment.json", "-d", "third", "--keep-seed")
    (third,) = folder.glob("third/*/replicates/*/results.json")
    losses = [read(path)["losses"] for path in (*folder.glob("*/results.json"), third)]
    assert len(losses) == 3
    assert losses[0] == losses[1] == losses[2]


def test_classification(folder: Path) -> None:  # noqa: ARG001
    """Other evaluators have their own metrics."""
    output = run("train", write(evaluator="classification"), "--output", "output")
    assert re.search(r"^\| both\.false_negative_rate +\| +0\.\d+ +\|$", output, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(dataset=None), "Must specify either dataset or both training/testing triples"),
        (dict(dataset=None, training="tabs.tsv"), "Must specify either dataset or both training/testing triples"),
        (dict(model=None), "must pass one of model or interaction"),
        (dict(los="nssa"), "pipeline got an unexpected keyword argument 'los'. Did you mean 'loss'?"),
        (dict(dataset=None, training="tabs.tsv", testing="no.tsv"), f"{os.sep}no.tsv. (FileNotFoundError"),
        (dict(loss="nope"), "Invalid Loss name: nope"),
        (dict(model_kwargs=dict(dim=3)), "unexpected keyword argument 'dim' (TypeError; --traceback shows where"),
        (dict(negative_sampler="dhns", negative_sampler_kwargs=dict(hard_fraction=2)), "hard_fraction=2 is invalid"),
        (dict(dataset=None, training="tabs.tsv", testing="commas.csv"), "commas.csv must have head, relation, and tai"),
        (
            dict(dataset=None, training="tabs.tsv", testing="tabs.tsv", stopper="early"),
            "stopper='early' needs validation triples: add 'validation: FILE'.",
        ),
        (
            dict(dataset=None, training="tabs.tsv", testing="tabs.tsv", use_testing_data=False),
            "use_testing_data=False needs validation triples",
        ),
        (dict(loss=5), "loss=5 is a int: it must be a name"),
        (dict(evaluator=["rankbased"]), "evaluator=['rankbased'] is a list: it must be a name"),
        (dict(random_seed=-1), "random_seed=-1 is invalid"),
        (dict(random_seed="0"), "random_seed='0' is a str"),
        (dict(model_kwargs="dim"), "model_kwargs='dim' is a str: it must be a mapping"),
        (dict(stopper="early", stopper_kwargs=dict(frequency=0)), "stopper_kwargs: frequency=0 is invalid"),
        (dict(stopper="early", stopper_kwargs=dict(patience="2")), "stopper_kwargs: patience='2' is a str"),
        # what the classes themselves refuse
        (dict(training_loop="dhns", training_loop_kwargs=dict(multimodal="false")), "it must be True or False."),
    ],
)
def test_mistakes(changes: dict[str, Any], message: str, folder: Path) -> None:
    """What is wrong is named, and what is allowed."""
    (folder / "tabs.tsv").write_text("a\tr\tb\n", encoding="utf8")
    (folder / "commas.csv").write_text("a,r,b\n", encoding="utf8")
    assert message in fail("train", write(**changes), "--output", "output")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("file.txt", "", "file.txt: the name must end with .json, .yaml, or .yml"),
        ("file.json", "{}", "file.json needs an entry 'pipeline'"),
        ("file.json", "[]", "file.json needs an entry 'pipeline'"),
        ("file.yaml", "{pipeline: {model: transe}, loss: nssa}", "file.yaml: loss must be below 'pipeline'"),
        ("file.json", '{"pipeline": "nations"}', "file.json needs an entry 'pipeline'"),
        ("file.json", "{", "file.json: "),
        ("file.yaml", "{", "file.yaml: "),
        ("file.yaml", "pipeline: &a {model: *a}", "file.yaml: Circular reference detected"),
    ],
)
def test_broken_files(name: str, text: str, message: str, folder: Path) -> None:
    """What is wrong with a file is named."""
    (folder / name).write_text(text, encoding="utf8")
    assert message in fail("train", name, "--output", "output")


def test_run_is_not_replaced(folder: Path) -> None:
    """A folder with a run is refused."""
    (folder / "full").mkdir()
    (folder / "full" / "results.json").touch()
    message = "full already has a run in it. Choose another folder, or delete it."
    assert message in fail("train", write(), "--output", "full")


def test_traceback(folder: Path) -> None:  # noqa: ARG001
    """Who asks for a traceback gets it."""
    result = invoke("train", write(model_kwargs=dict(dim=3)), "--output", "output", "--traceback")
    assert isinstance(result.exception, TypeError)


@pytest.mark.slow
def test_processes(folder: Path) -> None:
    """The installed commands work, and their help is there without PyKEEN."""
    script = Path(sys.executable).with_name("pykeen-dhns")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def call(*command: Any) -> str:
        result = subprocess.run(
            [*map(str, command)], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    assert "| mrr " in call(script, "train", write(training_loop="dhns"), "--output", "output")
    report = call(sys.executable, "-m", "pykeen_dhns", "inspect", "output")
    assert report.startswith("# What the training loop's generator makes for TransE\n")
    code = "import sys, click.testing, pykeen_dhns.cli as c; click.testing.CliRunner().invoke(c.main, ['train', '-h'])"
    assert call(sys.executable, "-c", f"{code}; print({{'torch', 'pykeen'}} & set(sys.modules))").strip() == "set()"
