"""What the benchmarks share: graphs, options, timing, results, and tables."""

import argparse
import json
import multiprocessing
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from pykeen.datasets import Dataset, dataset_resolver, get_dataset

import pykeen_dhns

RESULTS = Path(__file__).parent / "results"
#: Folders that hold DB15K, MKG-W and MKG-Y in their published layout
DATA = Path(os.environ.get("PYKEEN_DHNS_DATA", Path(__file__).parents[2] / "shared" / "data"))


def load_graph(name: str) -> Dataset:
    """Load a graph: one of PyKEEN's, or one whose folder is below ``PYKEEN_DHNS_DATA``.

    :param name: the name of a dataset in PyKEEN, or of a folder

    :returns: the dataset
    """
    folder = DATA / name
    return dataset_resolver.make(name, cache_root=folder) if folder.is_dir() else get_dataset(dataset=name)


def make_parser(description: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """Make a parser of options that most benchmarks have.

    :param description: the description of the benchmark
    :param defaults: further options by their names in Python, each with its default

    :returns: the parser
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graph", default="MKG-Y" if (DATA / "MKG-Y").is_dir() else "umls")
    parser.add_argument("--batch-size", type=int, default=512)
    for name, default in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    return parser


def _run(function: Callable[..., Any], arguments: tuple[Any, ...], queue: Any) -> None:
    result = function(*arguments)
    # not resource.getrusage: its peak is inherited from the parent process. In kibibytes.
    status = Path("/proc/self/status").read_text(encoding="utf8")
    queue.put((result, int(status.split("VmHWM:")[1].split()[0]) / 1024))


def run_alone(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Call a function in a process of its own, and measure its peak memory (on Linux).

    :param function: the function, defined at the top level of a module
    :param arguments: its arguments

    :returns: what it returns, and the memory in MiB
    """
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_run, args=(function, arguments, queue))
    process.start()
    result: tuple[Any, float] = queue.get()
    process.join()
    return result


def describe(args: argparse.Namespace, *omitted: str, **others: Any) -> dict[str, Any]:
    """Describe a configuration: options, versions, and machine.

    :param args: the options
    :param omitted: the options to leave out
    :param others: what else to describe

    :returns: the configuration
    """
    options = {key: value for key, value in vars(args).items() if key not in {"output", *omitted}}
    versions = dict(torch=torch.__version__, pykeen_dhns=pykeen_dhns.__version__, machine=platform.machine())
    return options | others | versions


def save_result(path: Path, configuration: dict[str, Any], rows: list[dict[str, Any]], **others: Any) -> dict[str, Any]:
    """Save a result: a configuration, rows, and others.

    :param path: the file
    :param configuration: the configuration
    :param rows: the rows
    :param others: what else is to be in the file

    :returns: what was saved
    """
    result = dict(configuration=configuration, rows=rows, **others)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    return result


def load_result(path: Path) -> dict[str, Any]:
    """Load a result.

    :param path: the file

    :returns: its content
    """
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf8"))
    return result


def to_markdown(header: Sequence[str], rows: Sequence[Sequence[str]], num_text: int = 1) -> str:
    """Make a table.

    :param header: the titles of the columns
    :param rows: the rows
    :param num_text: the number of columns with texts, all others have numbers

    :returns: the table, in Markdown
    """
    alignment = ["left"] * num_text + ["right"] * (len(header) - num_text)
    frame = pd.DataFrame(list(rows), columns=list(header))
    table: str = frame.to_markdown(index=False, disable_numparse=True, colalign=alignment)
    return table
