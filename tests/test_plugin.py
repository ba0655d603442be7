"""Tests for the registration: each import order in a process of its own."""

import os
import pkgutil
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pykeen
import pytest

import pykeen_dhns

#: The whole of PyKEEN, module by module, and ours
FIRST_IMPORTS = [
    "pykeen",
    *(f"pykeen.{module.name}" for module in pkgutil.iter_modules(pykeen.__path__) if module.name != "__main__"),
    "pykeen.triples.instances",
    "pykeen.models.unimodal",
    "pykeen.training.slcwa",
    "pykeen.nn.representation",
    "pykeen.hpo.hpo",
    "pykeen_dhns",
    "pykeen_dhns.sampling",
    "pykeen_dhns.diffheg",
    "pykeen_dhns_plugin",
]

#: A run by name, without any import of ours
RUN = """
from pykeen.pipeline import pipeline
result = pipeline(
    dataset="nations", model="TransE", model_kwargs=dict(embedding_dim=4), negative_sampler="dhns", random_seed=0,
    device="cpu", training_kwargs=dict(num_epochs=1, use_tqdm=False), evaluation_kwargs=dict(use_tqdm=False),
)
assert result.training_loop.negative_sampler.__name__ == "DHNSNegativeSampler"
"""

#: What somebody gets who does not use this package
DESCRIBE = """
import sys
import pykeen
from pykeen.datasets import dataset_resolver
from pykeen.losses import loss_resolver
from pykeen.models import model_resolver
from pykeen.pipeline import pipeline
from pykeen.sampling import negative_sampler_resolver
from pykeen.training import training_loop_resolver
for resolver in (dataset_resolver, loss_resolver, model_resolver, negative_sampler_resolver, training_loop_resolver):
    print(resolver.default, sorted(resolver.options - {"dhns"}))
print(type(pykeen), type(sys.modules["pykeen.sampling"]))
result = pipeline(
    dataset="nations", model="TransE", model_kwargs=dict(embedding_dim=4), random_seed=0, device="cpu",
    training_kwargs=dict(num_epochs=2, use_tqdm=False), evaluation_kwargs=dict(use_tqdm=False),
)
print(result.losses, result.get_metric("mrr"))
print("available:", "dhns" in negative_sampler_resolver.options)
"""


def run(code: str, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run code in a new process, outside of the checkout."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(path or "")}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(name="processes", scope="module")
def _processes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Future[subprocess.CompletedProcess[str]]]:
    """Start all processes, two at a time."""
    folder = tmp_path_factory.mktemp("elsewhere")
    pool = ThreadPoolExecutor(max_workers=2)
    return {module: pool.submit(run, f"import {module}\n{RUN}", folder) for module in FIRST_IMPORTS}


@pytest.mark.parametrize("module", FIRST_IMPORTS)
def test_import_order(module: str, processes: dict[str, Future[subprocess.CompletedProcess[str]]]) -> None:
    """Whatever is imported first, the sampler can be used by name."""
    result = processes[module].result()
    assert result.returncode == 0, result.stderr
    assert "could not" not in result.stderr


@pytest.fixture(name="description", scope="module")
def _description(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Describe PyKEEN with this package."""
    return run(DESCRIBE, tmp_path_factory.mktemp("elsewhere")).stdout.splitlines()


@pytest.mark.parametrize(
    ("file", "content", "cause"),
    [
        ("__init__.py", "raise RuntimeError('a broken package')", "RuntimeError('a broken package')"),
        ("__init__.py", "this is no Python", "SyntaxError"),
        ("sampling.py", "raise AttributeError('a broken module')", "AttributeError('a broken module')"),
        ("sampling.py", "import a_module_that_is_missing", "No module named 'a_module_that_is_missing'"),
    ],
)
def test_broken_package(file: str, content: str, cause: str, description: list[str], tmp_path: Path) -> None:
    """PyKEEN survives whatever is wrong with this package, says what it is, and works as without it."""
    broken = tmp_path / "broken" / "pykeen_dhns"
    broken.mkdir(parents=True)
    (broken / "__init__.py").touch()
    (broken / file).write_text(content, encoding="utf8")
    result = run(DESCRIBE, tmp_path, path=broken.parent)
    assert result.returncode == 0, result.stderr
    assert "could not import pykeen_dhns.sampling" in result.stderr
    assert cause in result.stderr
    *without, available = result.stdout.splitlines()
    assert available == "available: False"

    # the same numbers, names, and modules as with a working package
    *with_package, available = description
    assert available == "available: True"
    assert with_package == without


def test_public_names() -> None:
    """All public names can be imported, others cannot."""
    assert set(pykeen_dhns.__all__) <= set(dir(pykeen_dhns))
    for name in pykeen_dhns.__all__:
        assert getattr(pykeen_dhns, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        pykeen_dhns.Nope  # noqa: B018


def test_package_is_lazy(tmp_path: Path) -> None:
    """The package itself imports neither PyTorch nor PyKEEN."""
    result = run("import sys, pykeen_dhns; print({'torch', 'pykeen'} & set(sys.modules))", tmp_path)
    assert result.stdout.strip() == "set()", result.stderr


def test_diffusion_is_independent(tmp_path: Path) -> None:
    """Neither the diffusion model nor the generator needs PyKEEN."""
    code = "import sys, pykeen_dhns.diffusion, pykeen_dhns.diffheg; print('pykeen' in sys.modules)"
    assert run(code, tmp_path).stdout.strip() == "False"
