"""Take times, and measure memory."""

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pykeen.training.callbacks import TrainingCallback

__all__ = ["EpochTimer", "peak_memory"]


class EpochTimer(TrainingCallback):
    """Take the time at the end of each epoch."""

    def __init__(self) -> None:
        """Initialize the timer."""
        super().__init__()
        self.times: list[float] = []

    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:  # noqa: ARG002
        """Take the time."""
        self.times.append(time.perf_counter())

    @property
    def durations(self) -> list[float]:
        """Return how long each epoch took, in seconds, apart from the first one."""
        return [after - before for before, after in zip(self.times[:-1], self.times[1:], strict=True)]


def _measure(function: Callable[..., Any], arguments: tuple[Any, ...], queue: Any) -> None:
    function(*arguments)
    # not resource.getrusage: its peak is inherited from the parent process. In kibibytes.
    status = Path("/proc/self/status").read_text(encoding="utf8")
    queue.put(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def peak_memory(function: Callable[..., Any], *arguments: Any) -> float:
    """Measure the peak memory of a process of its own, which only calls a function (on Linux).

    :param function: the function, defined at the top level of a module
    :param arguments: its arguments

    :returns: the memory in MiB
    """
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_measure, args=(function, arguments, queue))
    process.start()
    result: float = queue.get()
    process.join()
    return result
