"""Test the command that trains."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pykeen.datasets import Nations
from pykeen.pipeline import pipeline, pipeline_from_path

from pykeen_dhns.cli.train import train
from pykeen_dhns.inspection import load_sources, save_result
from pykeen_dhns.utils.files import write_folder_atomically

from .running import fail, invoke, run, run_pykeen

#: What makes a run short
SHORT = ("--epochs", 1, "--batch-size", 512, "--silent", "--device", "cpu", "--random-seed", 0)
SMALL = ("--dataset", "nations", "--model", "TransE", "--model-kwargs", '{"embedding_dim": 4}', *SHORT)


def load(folder: Path) -> dict[str, Any]:
    """Load the arguments that a run was made with."""
    content: dict[str, Any] = json.loads((folder / "experiment.json").read_text(encoding="utf8"))
    return content


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_same_as_pipeline(folder: Path) -> None:
    """The command gives what PyKEEN's pipeline gives, and says so."""
    arguments: dict[str, Any] = dict(
        model_kwargs=dict(embedding_dim=4),
        loss_kwargs=dict(margin=3.0, hardness_weight=0.5),
        optimizer_kwargs=dict(lr=0.05),
        training_loop_kwargs=dict(num_timesteps=20),
        negative_sampler_kwargs=dict(num_negs_per_pos=4),
        training_kwargs=dict(num_epochs=2, batch_size=512),
    )
    names: dict[str, Any] = dict(
        dataset="nations",
        model="rotate",
        loss="dhns",
        optimizer="adam",
        training_loop="dhns",
        negative_sampler="dhns",
    )
    options: list[Any] = []
    for name, value in names.items():
        options += [f"--{name.replace('_', '-')}", value]
    for name, kwargs in arguments.items():
        options += [f"--{name.replace('_', '-')}", json.dumps(kwargs)]
    output = run("train", *options, "--device", "cpu", "--random-seed", 3, "--silent", "--output", "new/run")
    expected = pipeline(**names, **arguments, random_seed=3, device="cpu", use_tqdm=False)
    mrr = expected.get_metric("both.realistic.inverse_harmonic_mean_rank")
    assert re.search(rf"^\| mrr +\| +{mrr:.4g} \|$", output, flags=re.MULTILINE)
    results = json.loads((folder / "new/run/results.json").read_text(encoding="utf8"))
    assert results["losses"] == expected.losses
    (source,) = load_sources(folder / "new/run").values()
    state = source.model.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in expected.model.state_dict().items())
    assert source.levels[0].endswith(" of 20")


def test_sampler_is_kept(folder: Path) -> None:
    """In PyKEEN's own loop, the sampler is saved, with the callbacks that were asked for."""
    kwargs = dict(root="checkpoints", schedule="every", schedule_kwargs=dict(frequency=1))
    callbacks = json.dumps(dict(callbacks="checkpoint", callbacks_kwargs=kwargs))
    run("train", *SMALL, "--negative-sampler", "dhns", "--training-kwargs", callbacks, "--output", "output")
    assert load_sources(folder / "output").keys() == {"sampler"}
    assert list((folder / "checkpoints").iterdir())


def test_nothing_to_keep(folder: Path) -> None:
    """Other runs are saved as PyKEEN saves them."""
    run("train", *SMALL, "--output", "output")
    names = {path.name for path in (folder / "output").iterdir()}
    assert names == {"experiment.json", "metadata.json", "results.json", "trained_model.pkl", "training_triples"}
    # without an output, there is only the table
    assert "| mrr " in run("train", *SMALL)
    assert {path.name for path in folder.iterdir()} == {"output"}


def test_modalities(folder: Path) -> None:
    """Features come from files, by modality, and are added to those in the arguments."""
    for name in ("textual", "visual"):
        np.save(folder / f"{name}.npy", np.random.default_rng(0).normal(size=(14, 3)))
    kwargs = json.dumps(dict(interaction="distmult", embedding_dim=4, modalities=dict(textual="textual.npy")))
    arguments = ("--dataset", "nations", "--model", "multimodal", "--model-kwargs", kwargs, *SHORT)
    loop = ("--training-loop", "dhns", "--training-loop-kwargs", '{"multimodal": true}')
    run("train", *arguments, "--modality", "visual=visual.npy", *loop, "--output", "output")
    (source,) = load_sources(folder / "output").values()
    assert source.modalities == ("structural", "textual", "visual")
    expected = {"textual": "textual.npy", "visual": "visual.npy"}
    assert load(folder / "output")["pipeline"]["model_kwargs"]["modalities"] == expected


def test_own_triples(folder: Path) -> None:
    """Triples come from files, with inverse ones if they are asked for, and their labels are kept."""
    dataset = Nations()
    for name in ("training", "testing", "validation"):
        np.savetxt(folder / f"{name}.tsv", getattr(dataset, name).triples, fmt="%s", delimiter="\t")
    arguments = (*SMALL[2:], "--training", "training.tsv", "--testing", "testing.tsv", "--validation", "validation.tsv")
    inverse = ("--dataset-kwargs", '{"create_inverse_triples": true}')
    stopper = ("--stopper", "early", "--stopper-kwargs", '{"frequency": 1}')
    run("train", *arguments, *inverse, *stopper, "--training-loop", "dhns", "--output", "output")
    (source,) = load_sources(folder / "output").values()
    assert len(source.triples) == dataset.training.num_triples
    assert set(source.entities) == set(dataset.training.entity_to_id)
    assert set(source.relations) == set(range(0, 2 * dataset.training.num_relations, 2))
    results = json.loads((folder / "output" / "results.json").read_text(encoding="utf8"))
    assert len(results["stopper"]["results"]) == 1


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_file(suffix: str, folder: Path) -> None:
    """A file as PyKEEN takes it gives what PyKEEN gives; options win."""
    content: dict[str, Any] = dict(
        metadata=dict(title="from a file", comments="kept"),
        pipeline=dict(
            dataset="nations",
            model="TransE",
            model_kwargs=dict(embedding_dim=4, scoring_fct_norm=1),
            loss="nssa",
            loss_kwargs=dict(margin=3.0, adversarial_temperature=0.5),
            negative_sampler="dhns",
            negative_sampler_kwargs=dict(num_negs_per_pos=4, hard_fraction=0.5),
            training_kwargs=dict(num_epochs=2, batch_size=512),
            lr_scheduler=None,
            random_seed=5,
            device="cpu",
            use_tqdm=False,
        ),
    )
    path = folder / f"experiment{suffix}"
    path.write_text(json.dumps(content) if suffix == ".json" else yaml.safe_dump(content), encoding="utf8")
    run("train", path, "--output", "same")
    assert load(folder / "same") == content
    expected = pipeline_from_path(path)
    assert json.loads((folder / "same" / "results.json").read_text(encoding="utf8"))["losses"] == expected.losses

    options: list[Any] = ["--model", "transe", "--model-kwargs", '{"embedding_dim": 6}', "--loss", "marginranking"]
    options += ["--negative-sampler-kwargs", '{"num_negs_per_pos": 2}', "--epochs", 1, "--title", "changed"]
    run("train", path, *options, "--training-loop", "dhns", "--output", "changed")
    changed = load(folder / "changed")
    assert changed["metadata"] == dict(title="changed", comments="kept")
    expected_arguments = content["pipeline"] | dict(
        model="transe",
        model_kwargs=dict(embedding_dim=6, scoring_fct_norm=1),
        loss="marginranking",
        negative_sampler_kwargs=dict(num_negs_per_pos=2, hard_fraction=0.5),
        training_kwargs=dict(num_epochs=1, batch_size=512),
        training_loop="dhns",
    )
    # these were the arguments of another loss
    del expected_arguments["loss_kwargs"]
    assert changed["pipeline"] == expected_arguments


def test_date(folder: Path) -> None:
    """A date, which JSON does not have, becomes a text."""
    pipeline_arguments = "pipeline: {dataset: nations, model: TransE, training_kwargs: {num_epochs: 0}}"
    (folder / "file.yaml").write_text(f"metadata: {{date: 2025-01-31}}\n{pipeline_arguments}\n", encoding="utf8")
    run("train", "file.yaml", *SHORT, "--output", "output")
    assert load(folder / "output")["metadata"] == {"date": "2025-01-31"}


@pytest.mark.parametrize("exists", [False, True])
def test_output_is_complete(exists: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is there before everything is. What else is in the folder stays."""
    output = folder / "new" / "output"
    if exists:
        output.mkdir(parents=True)
        (output / "log.txt").touch()
    seen: list[Path] = []

    def spy(*args: Any, **kwargs: Any) -> None:
        save_result(*args, **kwargs)
        seen.extend(path for path in folder.rglob("*.pkl"))
        assert not (output / "results.json").exists()

    monkeypatch.setattr("pykeen_dhns.cli.experiment.save_result", spy)
    run("train", *SMALL, "--training-loop", "dhns", "--output", output)
    names = {"experiment.json", "generators.pt", "metadata.json", "results.json", "trained_model.pkl"}
    names |= {"training_triples", *({"log.txt"} if exists else ())}
    assert {path.name for path in output.iterdir()} == names
    assert [path.name for path in seen] == ["trained_model.pkl"]
    assert set(folder.iterdir()) == {folder / "new"}
    assert set(output.parent.iterdir()) == {output}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("file write failed")])
def test_full_disk(error: Exception, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If saving fails, the metrics are shown nevertheless, and no half of a run stays."""

    def save(_: Any, directory: Path, **__: Any) -> None:
        (directory / "results.json").touch()
        raise error

    monkeypatch.setattr("pykeen_dhns.cli.experiment.save_result", save)
    result = invoke("train", *SMALL, "--output", "output")
    assert result.exit_code == 1
    assert "| mrr " in result.stdout
    message = f"The run could not be saved to output, and nothing of it is there: {error}"
    assert message in " ".join(result.stderr.split())
    assert list(folder.iterdir()) == []


def test_closed_pipe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is saved although nobody reads what is printed."""

    def fail_to_print(*_: Any, **__: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("click.echo", fail_to_print)
    with pytest.raises(BrokenPipeError):
        train.callback(  # type: ignore[misc]
            config=None,
            modalities=(),
            epochs=1,
            batch_size=512,
            title=None,
            output=folder / "output",
            silent=True,
            traceback=True,
            dataset="nations",
            model="TransE",
        )
    assert (folder / "output" / "results.json").is_file()


@pytest.mark.parametrize("output", ["file.txt/below", "locked"])
def test_output_is_probed(output: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be written, or that another process is about to write, is noticed before the training."""
    monkeypatch.setattr("pykeen_dhns.cli.experiment.pipeline", None)
    (folder / "file.txt").touch()
    with write_folder_atomically(folder / "locked", last=""):
        message = fail("train", *SMALL, "--output", output)
    assert "Not a directory" in message or "Another process is writing to locked. Choose another folder." in message


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_kill(folder: Path) -> None:
    """What a killed run leaves is no run, and the next one removes it."""
    code = (
        "import os, signal; from pykeen_dhns.cli import experiment, main; "
        "experiment.save_result = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL); main()"
    )
    command = [sys.executable, "-c", code, "train", *map(str, SMALL), "--output", "output"]
    process = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert not (folder / "output").exists()
    assert "There is no" in fail("inspect", ".output.tmp")
    run("train", *SMALL, "--output", "output")
    assert [path.name for path in folder.iterdir()] == ["output"]


@pytest.mark.filterwarnings("ignore:Please explicitly provide a metric result class:DeprecationWarning")
def test_experiment_can_be_repeated(folder: Path) -> None:
    """What a run saves of its arguments is what PyKEEN's command line needs to repeat it, seed included."""
    without_seed = [x for x in SMALL if x not in {"--random-seed", 0}]
    run("train", *without_seed, "--negative-sampler", "dhns", "--output", "first")
    run("train", "first/experiment.json", "--output", "second")
    run_pykeen("experiments", "run", "first/experiment.json", "-d", "third", "--keep-seed")
    (third,) = folder.glob("third/*/replicates/*/results.json")
    losses = [json.loads(path.read_text(encoding="utf8"))["losses"] for path in (*folder.glob("*/results.json"), third)]
    assert len(losses) == 3
    assert losses[0] == losses[1] == losses[2]


def test_classification() -> None:
    """Other evaluators have their own metrics."""
    output = run("train", *SMALL, "--evaluator", "classification")
    assert re.search(r"^\| both\.false_negative_rate +\| +0\.\d+ +\|$", output, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--loss", "nsssa"), "'--loss': Invalid Loss name: nsssa"),
        (("--negative-sampler", "dnhs"), "Valid choices are: ['basic', 'bernoulli', 'dhns', 'fastbernoulli', "),
        (("--dataset", "neither-name-nor-file"), "'--dataset': Invalid Dataset name: neither-name-nor-file"),
        (("--loss-kwargs", "{margin: 3}"), "'{margin: 3}' is no JSON"),
        (("--loss-kwargs", "[3]"), "'[3]' is a list, it must be an object"),
        (("--modality", "textual"), "'textual' must be NAME=FILE"),
        (("--modality", "textual=nowhere.npy"), "There is no file 'nowhere.npy' with the features of 'textual'."),
        (("--modality", "a=file.txt", "--modality", "a=file.txt"), "A name is given twice by --modality."),
        (("--random-seed", 2**32), "'--random-seed'"),
        (("--modality", "textual=file.txt"), "unexpected keyword argument 'modalities'"),
        (("--training", "file.txt"), "Can not specify both dataset and training/testing triples"),
        (("--training-loop", "lcwa", "--negative-sampler", "dhns"), "Can not specify negative sampler with LCWA"),
        (("--model-kwargs", '{"dim": 3}'), "unexpected keyword argument 'dim' (TypeError; --traceback shows where"),
        (
            ("--negative-sampler", "dhns", "--negative-sampler-kwargs", '{"hard_fraction": 2}'),
            "hard_fraction=2 is invalid",
        ),
        (("--model", "fixedmodel", "--training-loop", "dhns"), "dhns training loop cannot generate embeddings"),
        (("--output", "full"), "full already has a run in it: results.json. Choose another folder, or delete it."),
        (
            ("--device", "gpus"),
            "at start of device string: gpus (RuntimeError; --traceback shows where this happened.)",
        ),
        (("--dataset", "file.txt"), "'--dataset': Invalid Dataset name: file.txt"),
        (("--stopper", "early", "--stopper-kwargs", '{"frequency": 0}'), "stopper_kwargs: frequency=0 is invalid"),
        (("--stopper", "early", "--stopper-kwargs", '{"patience": "2"}'), "stopper_kwargs: patience='2' is a str"),
        # what the classes themselves refuse
        (("--training-loop", "dhns", "--training-loop-kwargs", '{"multimodal": "false"}'), "it must be True or False."),
    ],
)
def test_mistakes(arguments: tuple[str, ...], message: str, folder: Path) -> None:
    """What is wrong is named, and what is allowed."""
    (folder / "file.txt").write_text("a\tb\tc\n", encoding="utf8")
    (folder / "full").mkdir()
    (folder / "full" / "results.json").touch()
    assert message in fail("train", *SMALL, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Must specify either dataset or both training/testing triples"),
        (("--training", "tabs.tsv"), "There are training triples, but no testing triples, which are needed, too: give"),
        (("--validation", "tabs.tsv"), "There are validation triples, but no training triples, which are needed, too"),
        (("--dataset", "nations"), "must pass one of model or interaction"),
        (("file.txt",), "Unknown configuration file format: .txt"),
        (("empty.json",), "empty.json needs an entry 'pipeline'"),
        (("broken.json",), "broken.json: "),
        (("broken.yaml",), "broken.yaml: "),
        (("unknown.json",), "unexpected keyword argument 'los'"),
        (("name.json",), "Invalid Loss name: nope"),
        (("list.json",), "list.json needs an entry 'pipeline'"),
        (("text.json",), "text.json needs an entry 'pipeline'"),
        (("key.yaml",), "unexpected keyword argument 'true'"),
        (("testing.json",), "use_testing_data=False needs validation triples: give a file by --validation."),
        (("cyclic.yaml",), "cyclic.yaml: Circular reference detected"),
        (("nested.yaml",), "nested.yaml: It has more than 1,000,000 letters, with all anchors replaced."),
        (
            ("--training", "tabs.tsv", "--testing", "commas.csv", "--model", "TransE"),
            "commas.csv must have head, relati",
        ),
        (("--training", "tabs.tsv", "--testing", "tabs.tsv", "--stopper", "early"), "needs validation triples: give a"),
    ],
)
def test_incomplete(arguments: tuple[str, ...], message: str, folder: Path) -> None:
    """What is missing, or wrong in a file, is named."""
    files = {
        "file.txt": "",
        "empty.json": "{}",
        "broken.json": "{",
        "broken.yaml": "{",
        "unknown.json": '{"pipeline": {"los": "nssa"}}',
        "name.json": '{"pipeline": {"dataset": "nations", "model": "TransE", "loss": "nope"}}',
        "list.json": "[]",
        "text.json": '{"pipeline": "nations"}',
        "key.yaml": "pipeline: {true: 1}",
        "testing.json": '{"pipeline": {"training": "tabs.tsv", "testing": "tabs.tsv", "use_testing_data": false}}',
        "cyclic.yaml": "pipeline: &a {model: *a}",
        "nested.yaml": "x0: &x0 1\n"
        + "\n".join(f"x{i + 1}: &x{i + 1} [{', '.join(9 * [f'*x{i}'])}]" for i in range(8)),
        "tabs.tsv": "a\tr\tb\n",
        "commas.csv": "a,r,b\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf8")
    assert message in fail("train", *arguments)


def test_traceback() -> None:
    """Who asks for a traceback gets it."""
    result = invoke("train", *SMALL, "--model-kwargs", '{"dim": 3}', "--traceback")
    assert isinstance(result.exception, TypeError)


@pytest.mark.slow
def test_processes(tmp_path: Path) -> None:
    """The installed commands work, and their help is there without PyKEEN."""
    script = Path(sys.executable).with_name("pykeen-dhns")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def call(*command: Any) -> str:
        result = subprocess.run(
            [*map(str, command)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    assert "| mrr " in call(script, "train", *SMALL, "--training-loop", "dhns", "--output", "output")
    report = call(sys.executable, "-m", "pykeen_dhns", "inspect", "output")
    assert report.startswith("# What the training loop's generator makes for TransE\n")
    code = "import sys, click.testing, pykeen_dhns.cli as c; click.testing.CliRunner().invoke(c.main, ['train', '-h'])"
    assert call(sys.executable, "-c", f"{code}; print({{'torch', 'pykeen'}} & set(sys.modules))").strip() == "set()"
