"""The command ``pykeen-dhns train``."""

from pathlib import Path
from typing import Any

import click

from .errors import show_errors
from .options import component_options, parse_json, parse_modality

__all__ = ["train"]


@click.command(short_help="Train a model, with options for all that PyKEEN's pipeline takes.")
@click.argument("config", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--training", type=click.Path(exists=True, dir_okay=False), help="A file of training triples.")
@click.option("--testing", type=click.Path(exists=True, dir_okay=False), help="A file of test triples.")
@click.option("--validation", type=click.Path(exists=True, dir_okay=False), help="A file of validation triples.")
@click.option(
    "--modality",
    "modalities",
    multiple=True,
    metavar="NAME=FILE",
    type=parse_modality,
    help="Features of entities: the name of a modality, and a file. Repeat for others. For --model multimodal.",
)
@component_options
@click.option("--epochs", type=click.IntRange(min=1), help="The number of epochs.")
@click.option("--batch-size", type=click.IntRange(min=1), help="The number of triples in a batch.")
@click.option("--training-kwargs", metavar="JSON", type=parse_json, help="Other arguments of the training.")
@click.option("--evaluation-kwargs", metavar="JSON", type=parse_json, help="Arguments of the evaluation.")
@click.option("--random-seed", type=click.IntRange(0, 2**32 - 1), help="The seed. Drawn at random, if not given.")
@click.option("--device", help="The device, e.g., cpu, or cuda:1.")
@click.option("--title", help="The title of the run.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="A new folder for the model and its results."
)
@click.option("--silent", is_flag=True, help="Without progress bars.")
@show_errors
def train(
    *,
    config: Path | None,
    modalities: tuple[tuple[str, str], ...],
    epochs: int | None,
    batch_size: int | None,
    title: str | None,
    output: Path | None,
    silent: bool,
    **options: Any,
) -> None:
    """Train a model through PyKEEN's pipeline, and evaluate it.

    Every name is one that PyKEEN knows (`pykeen ls` lists them), and every default is PyKEEN's. Arguments are JSON
    objects, in single quotes.

    CONFIG is a JSON or YAML file as `pykeen experiments run` takes. Options win over what is in it; an option that
    names another component than the file also drops the file's arguments of this component.

    \b
    pykeen-dhns train --dataset nations --model RotatE --training-loop dhns --loss nssa --loss-kwargs '{"margin": 9}' \\
        --negative-sampler-kwargs '{"num_negs_per_pos": 16}' --epochs 50 --output nations
    """  # noqa: D301
    from .experiment import change_arguments, load_experiment, run_experiment

    if len(dict(modalities)) < len(modalities):
        raise click.UsageError("A name is given twice by --modality. Each modality has one file.")
    metadata, arguments = load_experiment(config) if config is not None else ({}, {})
    if title is not None:
        metadata["title"] = title
    training = {key: value for key, value in (("num_epochs", epochs), ("batch_size", batch_size)) if value is not None}
    short_forms = {
        "training_kwargs": training or None,
        "model_kwargs": {"modalities": dict(modalities)} if modalities else None,
        "use_tqdm": False if silent else None,
    }
    arguments = change_arguments(change_arguments(arguments, options), short_forms)
    run_experiment(arguments, metadata=metadata, output=output, report=click.echo)
    if output is not None:
        click.echo(f"\nSaved to {output}. To look at the negatives: pykeen-dhns inspect {output}", err=True)
