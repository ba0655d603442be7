"""What a result was obtained with: versions, commit, machine, memory."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ..version import VERSION

if sys.platform != "win32":
    import resource

__all__ = ["describe_commit", "describe_machine", "describe_versions", "peak_memory"]

#: The packages that most results depend on
PACKAGES = ("pykeen", "numpy", "torch", "class-resolver")


def describe_versions() -> dict[str, str]:
    """Get the versions of Python, of this package, and of those that most results depend on.

    :returns: a mapping from names to versions
    """
    return {"python": platform.python_version(), "pykeen-dhns": VERSION} | {name: version(name) for name in PACKAGES}


def describe_commit() -> str:
    """Get the last commit that changed this package.

    :returns: the commit, with a ``+`` if files differ from it, or nothing, if this is no checkout
    """

    def git(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(Path(__file__).parents[1]), *arguments, "--", "."]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603

    if shutil.which("git") and (commit := git("log", "-1", "--format=%H")):
        return commit + ("+" if git("status", "--porcelain") else "")
    return ""


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Describe the machine.

    :param device: the device of the model

    :returns: its processor, cores, and device
    """
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf8").splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return dict(
        processor=names[0] if names else platform.processor() or platform.machine(),
        cores=os.cpu_count(),
        threads=torch.get_num_threads(),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
    )


def peak_memory(device: torch.device) -> dict[str, float]:
    """Get the peak memory of this process so far.

    :param device: the device of the model

    :returns: in MiB, of the process (except on Windows), and of the device, if it has memory of its own
    """
    memory = {}
    if sys.platform != "win32":
        # kibibytes on Linux, bytes on macOS
        unit = 1024**2 if sys.platform == "darwin" else 1024
        memory["process"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    if device.type == "cuda":
        memory["device"] = torch.cuda.max_memory_allocated(device) / 1024**2
    return memory
