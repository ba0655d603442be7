"""Tests for the registration: each import order in a process of its own."""

import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pykeen
import pytest

import pykeen_dhns

from .helpers.fresh import run

#: The whole of PyKEEN, module by module, and ours
FIRST_IMPORTS = [
    "pykeen",
    *(f"pykeen.{module.name}" for module in pkgutil.iter_modules(pykeen.__path__) if module.name != "__main__"),
    "pykeen.triples.instances",
    "pykeen.models.unimodal",
    "pykeen.training.slcwa",
    "pykeen.nn.representation",
    "pykeen.nn.text",
    "pykeen.hpo.hpo",
    "pykeen.contrib.lightning",
    *("pykeen_dhns", *(f"pykeen_dhns.{module.name}" for module in pkgutil.iter_modules(pykeen_dhns.__path__))),
    "pykeen_dhns.features.lexical",
    # late modules need it, and PyKEEN becomes ready for them while it is half imported
    "pykeen_dhns.multimodal.fusion",
    # the only one that imports PyKEEN, of a package that does not
    "pykeen_dhns.cli.experiment",
    "pykeen_dhns_plugin",
]

#: All names, then a run with those that the stock training loop can use, without any import of ours
RUN = """
import operator
import types
import pykeen.pipeline
for module, resolver, name, expected in [
    ("sampling", "negative_sampler_resolver", "dhns", "DHNSNegativeSampler"),
    ("sampling", "negative_sampler_resolver", "fastbernoulli", "FastBernoulliNegativeSampler"),
    ("losses", "loss_resolver", "dhns", "HardnessAdaptiveLoss"),
    ("losses", "loss_resolver", "hardnessadaptive", "HardnessAdaptiveLoss"),
    ("nn", "representation_resolver", "multimodal", "MultimodalRepresentation"),
    ("nn.text", "text_encoder_resolver", "lexical", "LexicalTextEncoder"),
    ("models", "model_resolver", "multimodal", "MultimodalModel"),
    ("trackers", "tracker_resolver", "jsonlines", "JSONLinesResultTracker"),
    ("training", "training_loop_resolver", "dhns", "DHNSTrainingLoop"),
    ("datasets", "dataset_resolver", "db15k", "DB15K"),
    ("datasets", "dataset_resolver", "mkgw", "MKGW"),
    ("datasets", "dataset_resolver", "mkgy", "MKGY"),
]:
    found = operator.attrgetter(f"{module}.{resolver}")(pykeen).lookup(name).__name__
    assert found == expected, (module, name, found)
import pykeen_dhns
assert type(pykeen) is type(pykeen_dhns) is types.ModuleType, type(pykeen)
result = pykeen.pipeline.pipeline(
    dataset="nations", model="TransE", model_kwargs=dict(embedding_dim=4), negative_sampler="dhns", loss="dhns",
    negative_sampler_kwargs=dict(num_negs_per_pos=8), random_seed=0, device="cpu",
    training_kwargs=dict(num_epochs=1, use_tqdm=False), evaluation_kwargs=dict(use_tqdm=False),
)
assert result.training_loop.negative_sampler.__name__ == "DHNSNegativeSampler"
assert type(result.model.loss).__name__ == "HardnessAdaptiveLoss"
"""

#: What is there, and what the type of PyKEEN's module is, as its packages are imported one after the other
STEPS = """
import importlib
import sys
resolvers = dict(
    sampling="negative_sampler_resolver", losses="loss_resolver", nn="representation_resolver",
    models="model_resolver", training="training_loop_resolver", datasets="dataset_resolver",
)
resolvers["nn.text"] = "text_encoder_resolver"
for package in ("sampling", "datasets", "nn", "models", "training"):
    importlib.import_module(f"pykeen.{package}")
    found = [
        cls.__name__
        for name, resolver in resolvers.items()
        if f"pykeen.{name}" in sys.modules
        for cls in getattr(sys.modules[f"pykeen.{name}"], resolver).lookup_dict.values()
        if cls.__module__.startswith("pykeen_dhns")
    ]
    print(package, type(sys.modules["pykeen"]).__name__, *sorted(found))
"""

#: What somebody gets who does not use this package, and at last, what there is of it
DESCRIBE = """
import sys
import pykeen
from pykeen.datasets import dataset_resolver
from pykeen.losses import loss_resolver
from pykeen.models import model_resolver
from pykeen.nn import representation_resolver
from pykeen.nn.text import text_encoder_resolver
from pykeen.pipeline import pipeline
from pykeen.sampling import negative_sampler_resolver
from pykeen.trackers import tracker_resolver
from pykeen.training import training_loop_resolver
ours = []
for resolver in (
    dataset_resolver, loss_resolver, model_resolver, negative_sampler_resolver, representation_resolver,
    text_encoder_resolver, tracker_resolver, training_loop_resolver,
):
    names = {**resolver.lookup_dict, **resolver.synonyms}
    ours += [cls.__name__ for cls in names.values() if cls.__module__.startswith("pykeen_dhns")]
    print(resolver.default, sorted(name for name, cls in names.items() if cls.__name__ not in ours))
print(type(pykeen), type(sys.modules["pykeen.sampling"]))
result = pipeline(
    dataset="nations", model="TransE", model_kwargs=dict(embedding_dim=4), random_seed=0, device="cpu",
    training_kwargs=dict(num_epochs=2, use_tqdm=False), evaluation_kwargs=dict(use_tqdm=False),
)
print(result.losses, result.get_metric("mrr"))
print("ours:", *ours)
"""


#: Only the names, which is faster
LOOK_UP, _ = RUN.split("result =")
#: The first imports after which the pipeline is run, too. The others are slow, since they are many.
RUN_AFTER = ("pykeen", "pykeen.models", "pykeen.training", "pykeen_dhns", "pykeen_dhns_plugin")


@pytest.mark.parametrize(
    "module", [name if name in RUN_AFTER else pytest.param(name, marks=pytest.mark.slow) for name in FIRST_IMPORTS]
)
def test_import_order(module: str, tmp_path: Path) -> None:
    """Whatever is imported first, all names are there, and can be used."""
    result = run(f"import {module}\n{RUN if module in RUN_AFTER else LOOK_UP}", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "could not" not in result.stderr


@pytest.mark.parametrize(
    ("module", "resolver", "name"),
    [
        ("nn", "representation_resolver", "multimodal"),
        ("models", "model_resolver", "multimodal"),
        ("training", "training_loop_resolver", "dhns"),
    ],
)
def test_no_other_import(module: str, resolver: str, name: str, tmp_path: Path) -> None:
    """Names are there right after the import of their package, which begins before the plugin is imported."""
    result = run(f"from pykeen.{module} import {resolver}; {resolver}.lookup({name!r})", tmp_path)
    assert result.returncode == 0, result.stderr


@pytest.fixture(name="description", scope="module")
def _description(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Describe PyKEEN with this package."""
    return run(DESCRIBE, tmp_path_factory.mktemp("elsewhere")).stdout.splitlines()


def test_steps(tmp_path: Path) -> None:
    """Our modules come as soon as PyKEEN is ready for them, and what waits for this ends with the last one."""
    result = run(STEPS, tmp_path)
    assert result.returncode == 0, result.stderr
    first, last = "DHNSNegativeSampler FastBernoulliNegativeSampler HardnessAdaptiveLoss", "MKGW MKGY"
    at_once, with_text = f"{first} {last}", f"{first} LexicalTextEncoder {last}"
    entities = "MultimodalModel MultimodalRepresentation"
    others = "DHNSTrainingLoop FastBernoulliNegativeSampler HardnessAdaptiveLoss LexicalTextEncoder"
    assert result.stdout.splitlines() == [
        # this does not even look for plugins
        "sampling module",
        f"datasets WatchedPackage DB15K {at_once}",
        f"nn WatchedPackage DB15K {with_text} MultimodalRepresentation",
        f"models WatchedPackage DB15K {with_text} {entities}",
        f"training module DB15K DHNSNegativeSampler {others} {last} {entities}",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "content", "cause", "missing"),
    [
        ("__init__.py", "raise RuntimeError('a broken package')", "RuntimeError('a broken package')", None),
        ("__init__.py", "this is no Python", "SyntaxError", None),
        ("sampling/sampler.py", "raise AttributeError('broken')", "AttributeError('broken')", "DHNSNegativeSampler"),
        (
            "losses/hardness_adaptive.py",
            "raise AttributeError('broken')",
            "AttributeError('broken')",
            "HardnessAdaptiveLoss",
        ),
        ("datasets/base.py", "raise RuntimeError('broken')", "RuntimeError('broken')", "MKGY"),
        ("multimodal/representation.py", "1 / 0", "ZeroDivisionError", "MultimodalRepresentation"),
        ("features/lexical.py", "1 / 0", "ZeroDivisionError", "LexicalTextEncoder"),
        ("multimodal/model.py", "import missing_module", "No module named 'missing_module'", "MultimodalModel"),
        ("_pykeen.py", "raise RuntimeError('broken')", "RuntimeError('broken')", "JSONLinesResultTracker"),
        ("training/loop.py", "raise AttributeError('broken')", "AttributeError('broken')", "DHNSTrainingLoop"),
    ],
)
def test_broken_package(
    file: str, content: str, cause: str, missing: str | None, description: list[str], tmp_path: Path
) -> None:
    """PyKEEN survives whatever is wrong with this package, says what it is, and works as without it."""
    broken = tmp_path / "broken" / "pykeen_dhns"
    shutil.copytree(Path(pykeen_dhns.__file__).parent, broken, ignore=shutil.ignore_patterns("__pycache__"))
    (broken / file).write_text(content, encoding="utf8")
    result = run(DESCRIBE, tmp_path, path=broken.parent)
    assert result.returncode == 0, result.stderr
    # a broken file of a package breaks the package, but for the one that is imported on its own
    parts = Path(file).with_suffix("").parts
    parts = parts if parts[0] in {"features", "multimodal"} else parts[:1]
    module = "pykeen_dhns" if missing is None else ".".join(["pykeen_dhns", *parts])
    assert result.stderr.count(f"could not import {module},") == 1
    assert cause in result.stderr
    *without, ours = result.stdout.splitlines()
    if missing is None:
        assert ours == "ours:"
        assert result.stderr.count("could not import") == 1
    else:
        assert missing not in ours.split()

    # the same numbers, names, and modules as with a working package
    *with_package, ours = description
    assert missing is None or missing in ours.split()
    assert with_package == without


def test_public_names() -> None:
    """All public names can be imported, others cannot."""
    assert set(pykeen_dhns.__all__) <= set(dir(pykeen_dhns))
    for name in pykeen_dhns.__all__:
        assert getattr(pykeen_dhns, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        pykeen_dhns.Nope  # noqa: B018


def import_alone(module: str, cwd: Path) -> set[str]:
    """Import a module into a process without anything else, and return what of PyTorch and PyKEEN comes with it."""
    code = f"import sys, {module}; print(*{{'torch', 'pykeen'}} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_package_is_lazy(tmp_path: Path) -> None:
    """The package itself imports neither PyTorch nor PyKEEN."""
    assert import_alone("pykeen_dhns", tmp_path) == set()


def test_diffusion_is_independent(tmp_path: Path) -> None:
    """Neither the diffusion model nor the generator needs PyKEEN."""
    assert import_alone("pykeen_dhns.diffusion, pykeen_dhns.generators.diffheg", tmp_path) == {"torch"}
