"""Test that what the documentation says is true."""

import configparser
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from pykeen_dhns import (
    DHNSNegativeSampler,
    DHNSTrainingLoop,
    DiffHEG,
    HardnessAdaptiveLoss,
    MultimodalModel,
    __version__,
)

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def load_benchmark(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a benchmark, which is no part of a package."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_snippets(snippet: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The README's snippets run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    exec(compile(snippet, "README.md", "exec"), {})  # noqa: S102


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("selection", "selection"),
        ("hardness", "hardness"),
        ("speed", "speed"),
        ("speed_loop", "speed"),
        ("speed_step", "speed_step"),
        # not named like a package that others may try to import
        ("lightning", "speed_lightning"),
    ],
)
def test_tables(name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are what the results of the benchmarks give."""
    reports = load_benchmark("reports", monkeypatch)
    pages = [ROOT / "docs" / page for page in ("findings.md", "lightning.md")]
    text = README + "".join(page.read_text(encoding="utf8") for page in pages)
    match = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", text, flags=re.DOTALL)
    assert match is not None
    module = load_benchmark(script, monkeypatch)
    if name == "selection":
        results = module.load_results()
    else:
        results = reports.load_result(reports.RESULTS / name / "MKG-Y.json")
    assert match.group(1) == module.table(results)


def test_links() -> None:
    """Relative links lead somewhere."""
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf8")):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_argument_is_documented() -> None:
    """Each argument of each public class is described."""
    for cls in (DHNSNegativeSampler, DHNSTrainingLoop, DiffHEG, HardnessAdaptiveLoss, MultimodalModel):
        documentation = cls.__init__.__doc__ or ""
        arguments = set(inspect.signature(cls.__init__).parameters) - {"self"}
        assert all(f":param {name}: " in documentation for name in arguments), cls
        if cls is not DHNSTrainingLoop:  # whose ranges are those of the arguments of its method train
            assert set(getattr(cls, "hpo_default", ())) <= arguments, cls


def test_version() -> None:
    """The version is the same wherever it is stated."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf8")
    assert config["metadata"]["version"] == __version__
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf8")
