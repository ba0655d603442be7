"""Run commands."""

import inspect
from typing import Any

import pykeen.cli
from click.testing import CliRunner, Result
from pykeen.pipeline import PipelineResult
from pykeen.training import SLCWATrainingLoop

from pykeen_dhns.cli import main

#: Keeps output and errors apart, as Click does since 8.2
SEPARATE: dict[str, Any] = dict(mix_stderr=False) if "mix_stderr" in inspect.signature(CliRunner).parameters else dict()


def invoke(*arguments: Any, command: Any = main) -> Result:
    """Run a command of this package, whatever comes out."""
    return CliRunner(**SEPARATE).invoke(command, [*map(str, arguments)])


def run(*arguments: Any, command: Any = main) -> str:
    """Run a command of this package, and return what it prints."""
    result = invoke(*arguments, command=command)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def run_pykeen(*arguments: Any) -> str:
    """Run a command of PyKEEN, and return what it prints."""
    return run(*arguments, command=pykeen.cli.main)


def loop_of(result: PipelineResult) -> SLCWATrainingLoop:
    """Get the training loop of a run, which has a sampler."""
    assert isinstance(result.training_loop, SLCWATrainingLoop)
    return result.training_loop


def sampler_of(result: PipelineResult) -> Any:
    """Get the sampler of a run, a class or a name."""
    return loop_of(result).negative_sampler


def fail(*arguments: Any) -> str:
    """Run a command that fails, not by a traceback, and return its message, in one line."""
    result = invoke(*arguments)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code != 0
    return " ".join(result.stderr.partition("Error: ")[2].split())
