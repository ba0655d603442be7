"""Test that the files about a release agree."""

import configparser
import re
import runpy
from pathlib import Path

import yaml

from pykeen_dhns import __version__

ROOT = Path(__file__).parents[1]


def read_config() -> configparser.ConfigParser:
    """Read what the package says of itself."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf8")
    return config


def test_changelog() -> None:
    """The newest section of the changelog that has a number is about this version."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
    versions = re.findall(r"^## \[(\d.*)\] - \d{4}-\d{2}-\d{2}$", changelog, flags=re.MULTILINE)
    assert versions[0] == __version__


def test_citation() -> None:
    """The citation names the addresses that PyPI shows."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    urls = dict(line.split(" = ") for line in read_config()["metadata"]["project_urls"].strip().splitlines())
    assert citation["repository-code"] == urls["Repository"] == read_config()["metadata"]["url"]
    assert citation["url"] == urls["Documentation"]
    assert "version" not in citation  # it is in version.py alone


def test_description() -> None:
    """PyPI shows README.md with links and pictures that lead to the same files of the repository."""
    url = read_config()["metadata"]["url"]
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    description = runpy.run_path(str(ROOT / "setup.py"))["read_description"]()
    assert re.sub(rf"\({url}/(blob|raw)/main/", "(", description) == readme
    assert all(link.startswith("https://") for link in re.findall(r"\]\((.*?)\)", description))
    assert not re.search(r"!\[[^]]*\]\([^)]*/blob/", description)  # a page about a picture is no picture


def test_python_versions() -> None:
    """Workflows and tox try the oldest and the newest Python that the package names."""
    classifiers = read_config()["metadata"]["classifiers"]
    versions = re.findall(r"Python :: (3\.\d+)$", classifiers, flags=re.MULTILINE)
    ends = [versions[0], versions[-1]]
    workflows = ROOT / ".github" / "workflows"
    tests, publish = (yaml.safe_load((workflows / name).read_text("utf8")) for name in ("tests.yml", "publish.yml"))
    assert [row["python"] for row in tests["jobs"]["versions"]["strategy"]["matrix"]["include"]] == ends
    assert publish["jobs"]["wheel"]["strategy"]["matrix"]["python"] == ends
    tox = (ROOT / "tox.ini").read_text(encoding="utf8")
    assert re.findall(r"^    (?:oldest|newest): python(\S+)$", tox, flags=re.MULTILINE) == ends
