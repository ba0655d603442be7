"""What a result was obtained with: versions, commit, machine."""

import datetime
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

__all__ = ["describe_commit", "describe_machine", "describe_versions", "peak_memory", "today"]

#: The packages that most results depend on
PACKAGES = ("pykeen", "pykeen-dhns", "numpy", "torch", "class-resolver")


def describe_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Get the versions of Python and of packages.

    :param packages: the names of the packages. Those that are not installed are left out.

    :returns: a mapping from names to versions
    """
    versions = {package: _find_version(package) for package in packages}
    return dict(python=platform.python_version(), **{name: found for name, found in versions.items() if found})


def _find_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe_commit() -> str | None:
    """Get the commit of this package, if it runs from a checkout.

    :returns: the commit, with a ``+`` if the package's files differ from it, or None
    """
    folder = Path(__file__).parents[1]

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603

    try:
        if not git("ls-files", "--", str(folder / "__init__.py")):
            # installed below a checkout of something else
            return None
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--", str(folder)) else "")
    except (OSError, subprocess.CalledProcessError):
        return None


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

    :returns: in MiB, of the process, and of the device, if it has memory of its own
    """
    # kibibytes on Linux, bytes on macOS
    unit = 1024**2 if sys.platform == "darwin" else 1024
    memory = dict(process=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
    if device.type == "cuda":
        memory["device"] = torch.cuda.max_memory_allocated(device) / 1024**2
    return memory


def today() -> str:
    """Return the date, as in ISO 8601."""
    return datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
