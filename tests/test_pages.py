"""Test that pages of the documentation run, from top to bottom, and leave nothing out."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pykeen.sampling import negative_sampler_resolver

from pykeen_dhns import (
    DHNSNegativeSampler,
    DiffHEG,
    HardnessAdaptiveLoss,
    MultimodalModel,
    MultimodalRepresentation,
)
from pykeen_dhns.datasets import PublishedDataset
from pykeen_dhns.queries import registry
from pykeen_dhns.sampling.selection import selection_resolver
from pykeen_dhns.training import LoopConfig

from .helpers.pages import read_page, run_page


@pytest.fixture(name="run")
def _run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Run a page in a folder of its own, and undo what it registers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(registry, "QUERIES", dict(registry.QUERIES))
    for resolver in (negative_sampler_resolver, selection_resolver):
        monkeypatch.setattr(resolver, "lookup_dict", dict(resolver.lookup_dict))
    return lambda name: run_page(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("entities", "extending", "faq", "features", "mathematics", "performance", "trackers", "training"),
        *("troubleshooting", "tutorial"),
    ],
)
def test_page(name: str, run: Callable[[str], dict[str, Any]]) -> None:
    """The page's snippets run. What they promise, they check themselves."""
    assert run(name) is not None


@pytest.mark.slow
def test_page_about_datasets(
    published: Path, run: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's snippets run with the published files."""
    monkeypatch.setenv("PYKEEN_DHNS_DATA", str(published))
    assert run("datasets")["mine"].num_entities == 4


@pytest.mark.parametrize(
    "cls",
    [
        DHNSNegativeSampler,
        LoopConfig,
        DiffHEG,
        HardnessAdaptiveLoss,
        MultimodalModel,
        MultimodalRepresentation,
        PublishedDataset,
    ],
)
def test_every_argument(cls: type) -> None:
    """The page about arguments has all of them, apart from what PyKEEN passes. Those of the loop are in its config."""
    arguments = set(inspect.signature(cls).parameters) - {"kwargs", "max_id", "triples_factory"}
    page = read_page("arguments")
    assert {name for name in arguments if f"`{name}`" not in page} == set()
