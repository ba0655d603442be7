"""Run code in a process of its own, into which nothing of PyKEEN's, or ours, was imported before.

Most of a new process's time would go into imports of what PyKEEN needs. Where processes can be forked, they are, from a
server which has imported that.
"""

import gc
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[2]
#: Of a type that depends on the platform
CONTEXT: Any = multiprocessing.get_context(
    "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
)
# the last one is imported by the first step of an optimizer
CONTEXT.set_forkserver_preload(["optuna", "pandas", "scipy.stats", "sklearn.metrics", "torch", "torch._dynamo"])


def run(code: str, cwd: Path, *arguments: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run code outside of the checkout.

    :param code: what to run
    :param cwd: where to run it
    :param arguments: what it finds in ``sys.argv``
    :param path: where to look for packages first

    :returns: how it ended, and what it wrote
    """
    argv = ["-c", *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("stdout", "stderr")]
        process = CONTEXT.Process(target=execute, args=(code, argv, cwd, path or cwd, files))
        process.start()
        process.join()
        assert process.exitcode is not None
        return subprocess.CompletedProcess(argv, process.exitcode, *(file.read_text(encoding="utf8") for file in files))


def run_script(script: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a script, as Python does that is given its name."""
    code = f"import runpy, sys; sys.argv[0] = {str(script)!r}; runpy.run_path(sys.argv[0], run_name='__main__')"
    return run(code, cwd, *arguments, path=script.parent)


def execute(code: str, argv: list[str], cwd: Path, path: Path, files: list[Path]) -> None:
    """Run code in this process, which is a new one, and write to files."""
    for descriptor, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), descriptor)
    assert not any(name.startswith("pykeen") for name in sys.modules)
    # PyKEEN's collections of garbage, one in each epoch, need not look at all that was imported
    gc.freeze()
    # more than one thread per process only slows such small tensors down
    torch.set_num_threads(1)
    os.chdir(cwd)
    sys.argv[:] = argv
    # as it is for somebody who has not cloned the repository
    sys.path[:] = [str(path), *(entry for entry in sys.path if Path(entry).absolute() != ROOT)]
    exec(compile(code, "code", "exec"), {"__name__": "__main__"})  # noqa: S102
