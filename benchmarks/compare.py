"""Compare negative samplers: all runs of a file in ``benchmarks/configs``, through PyKEEN's own pipeline.

This is ``pykeen-dhns compare``, which also takes the name of such a file, and whose results are below
``benchmarks/results/compare`` unless ``--output`` says otherwise. A restart does what is not there yet.
"""

import copy
from pathlib import Path
from typing import Any

import click

from pykeen_dhns.cli.compare import compare as command

CONFIGS = Path(__file__).parent / "configs"
RESULTS = Path(__file__).parent / "results" / "compare"


def find_config(config: Path, folder: Path = CONFIGS) -> Path:
    """Find the file of a comparison.

    :param config: the file, or the name of one
    :param folder: where to look for names

    :returns: the file

    :raises ValueError: if there is none
    """
    is_name = not config.suffix and len(config.parts) == 1
    path = next(iter(sorted(folder.glob(f"{config}.*"))), config) if is_name else config
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in folder.iterdir()))
        raise ValueError(f"There is no {path}. In {folder} are: {names}.")
    return path


class ConfigType(click.ParamType[Path]):
    """A file, or the name of one."""

    name = "file or name"

    # docstr-coverage: inherited
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: D102
        try:
            return find_config(Path(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def make_command() -> click.Command:
    """Make the command: the package's own, with names of files, and a folder for results.

    :returns: the command
    """
    parameters = {parameter.name: copy.copy(parameter) for parameter in command.params}
    parameters["config"].type = ConfigType()
    parameters["output"].required, parameters["output"].default = False, RESULTS
    return click.Command("compare.py", params=list(parameters.values()), callback=command.callback, help=command.help)


def main() -> None:
    """Do what is not finished."""
    make_command()(prog_name="compare.py")


if __name__ == "__main__":
    main()
