"""Run code in a new process, which has imported neither PyKEEN nor this package.

A new process would spend most of its time on the imports of PyKEEN's requirements. Where processes can be forked, they
are forked from a server that has imported these.
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
#: The type depends on the platform
CONTEXT: Any = multiprocessing.get_context(
    "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
)
#: What the server imports. The first step of an optimizer imports the last one.
PRELOADED = ["optuna", "pandas", "scipy.stats", "sklearn.metrics", "torch", "torch._dynamo"]
CONTEXT.set_forkserver_preload(PRELOADED)


def run(code: str, cwd: Path, *arguments: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run code outside of the checkout.

    :param code: the code
    :param cwd: the working directory
    :param arguments: the arguments in ``sys.argv``
    :param path: the first folder to look for packages. Defaults to the working directory.

    :returns: the exit status and the output
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
    """Run a script, as Python does if it is given the script's name."""
    code = f"import runpy, sys; sys.argv[0] = {str(script)!r}; runpy.run_path(sys.argv[0], run_name='__main__')"
    return run(code, cwd, *arguments, path=script.parent)


def execute(code: str, argv: list[str], cwd: Path, path: Path, files: list[Path]) -> None:
    """Run code in the new process, and write its output to files."""
    for descriptor, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), descriptor)
    assert not any(name.startswith("pykeen") for name in sys.modules)
    # keeps what was imported out of the garbage collection that PyKEEN makes in each epoch
    gc.freeze()
    # more than one thread per process only slows such small tensors down
    torch.set_num_threads(1)
    os.chdir(cwd)
    sys.argv[:] = argv
    # without the checkout, as for users who install the package
    sys.path[:] = [str(path), *(entry for entry in sys.path if Path(entry).absolute() != ROOT)]
    exec(compile(code, "code", "exec"), {"__name__": "__main__"})  # noqa: S102
