"""A run, and all processes that it starts, e.g., the workers of a data loader: they end together."""

import contextlib
import os
import signal
import sys
from multiprocessing.process import BaseProcess

__all__ = ["begin_group", "end_group", "kill_group"]


def begin_group() -> None:
    """Make this process the first one of a group. Processes that it starts belong to it, too."""
    if sys.platform != "win32":
        os.setsid()


def end_group() -> None:
    """End the group of this process, and this process with it."""
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def kill_group(process: BaseProcess) -> None:
    """Kill another process, and its group.

    :param process: the first process of the group
    """
    if sys.platform != "win32" and process.pid is not None:
        # it may be over, or may not have begun its group
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
