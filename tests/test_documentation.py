"""Test that what the documentation says is true."""

import configparser
import doctest
import importlib.metadata
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from packaging.requirements import Requirement
from packaging.version import Version

import pykeen_dhns
from pykeen_dhns import (
    DHNSNegativeSampler,
    DHNSTrainingLoop,
    DiffHEG,
    HardnessAdaptiveLoss,
    MultimodalModel,
    __version__,
)
from pykeen_dhns.generators import GeneratorConfig
from pykeen_dhns.training import LoopConfig

ROOT = Path(__file__).parents[1]
#: The snippets of the pages that people see first. Both may have the same.
SNIPPETS = [
    snippet
    for page in ("README.md", "docs/index.md")
    for snippet in re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text("utf8"), flags=re.MULTILINE | re.DOTALL)
]
#: Extras whose requirements have lower bounds that are tested
TESTED_EXTRAS = ("examples", "lightning", "safetensors", "tests")


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


@pytest.mark.slow
@pytest.mark.parametrize("snippet", dict.fromkeys(SNIPPETS))
def test_snippets(
    snippet: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The snippets run, and print what they say."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    exec(compile(snippet, "snippet", "exec"), {})  # noqa: S102
    shown = re.findall(r"^print\(.*\)  # ([\d.]+)$", snippet, flags=re.MULTILINE)
    printed = capsys.readouterr().out.split()
    assert [float(x) for x in printed] == pytest.approx([float(x) for x in shown], rel=0.1)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's titles, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links() -> None:
    """Relative links lead somewhere, also within a page."""
    num_anchors = 0
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf8")):
            if target.startswith("https://"):
                continue
            name, _, anchor = target.partition("#")
            other = page.parent / name if name else page
            assert other.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(other), f"{page.name}: {target}"
            num_anchors += bool(anchor)
    assert num_anchors > 10


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_length(page: Path) -> None:
    """No page has more than 1,500 words, apart from code and generated tables."""
    text = page.read_text(encoding="utf8")
    for ignored in (r"^```.*?^```", r"<!-- (\S+) -->.*?<!-- /\1 -->"):
        text = re.sub(ignored, "", text, flags=re.MULTILINE | re.DOTALL)
    assert len(re.findall(r"\S*\w\S*", text)) <= 1500


def modules_with_examples() -> list[str]:
    """Return the names of the modules with examples in their docstrings."""
    package = Path(pykeen_dhns.__file__).parent
    paths = [path for path in package.rglob("*.py") if ">>> " in path.read_text(encoding="utf8")]
    return sorted(".".join(path.relative_to(package.parent).with_suffix("").parts) for path in paths)


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings(name: str) -> None:
    """The examples give what they say."""
    result = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")))
    assert result.attempted
    assert not result.failed


def test_every_argument_is_documented() -> None:
    """Each argument of each public class is described."""
    for cls in (DHNSNegativeSampler, DHNSTrainingLoop, DiffHEG, HardnessAdaptiveLoss, MultimodalModel):
        documentation = cls.__init__.__doc__ or ""
        arguments = set(inspect.signature(cls.__init__).parameters) - {"self"}
        assert all(f":param {name}: " in documentation for name in arguments), cls
        if cls is not DHNSTrainingLoop:  # its ranges are for the arguments of its method train
            assert set(getattr(cls, "hpo_default", ())) <= arguments, cls
    # the loop's own arguments are fields, and a comment describes each
    for config in (GeneratorConfig, LoopConfig):
        source = inspect.getsource(config)
        fields = inspect.get_annotations(config)
        assert all(re.search(rf"^    #: .*\n    {name}: ", source, flags=re.MULTILINE) for name in fields), config
        assert fields.keys() <= set(LoopConfig.names())


def test_version() -> None:
    """The installed package has the version that the code states."""
    assert importlib.metadata.version("pykeen-dhns") == __version__


def test_same_linter() -> None:
    """Pre-commit runs the version of Ruff that CI installs."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf8")
    (version,) = re.findall(r"^ruff==(.*)$", (ROOT / "constraints.txt").read_text(encoding="utf8"), flags=re.MULTILINE)
    assert f"ruff-pre-commit\n    rev: v{version}\n" in hooks


def test_oldest_versions() -> None:
    """What is tested as the oldest versions are those that are allowed."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf8")
    extras = config["options.extras_require"]
    lines = "\n".join([config["options"]["install_requires"], *(extras[name] for name in TESTED_EXTRAS)]).splitlines()
    # comments, and references to other extras, are left out
    allowed = {
        requirement.name: Version(specifier.version)
        for requirement in (Requirement(line) for line in lines if line and not line.startswith(("#", "%")))
        for specifier in requirement.specifier
        if specifier.operator == ">="
    }
    pinned = (ROOT / "constraints-oldest.txt").read_text(encoding="utf8").splitlines()
    tested = {
        requirement.name: Version(str(requirement.specifier).removeprefix("=="))
        for requirement in (Requirement(line) for line in pinned if not line.startswith("#"))
    }
    assert {name: tested.get(name) for name in allowed} == allowed
    python = config["options"]["python_requires"].removeprefix(">=")
    assert f"oldest: python{python}\n" in (ROOT / "tox.ini").read_text(encoding="utf8")
    assert f"with Python {python}," in pinned[0]
