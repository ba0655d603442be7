"""Build the package, cf. setup.cfg. PyPI shows README.md outside of its repository, so links must be absolute there."""

import re
from configparser import RawConfigParser
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent


def read_description() -> str:
    """Read README.md, and make its relative links, and those to pictures, absolute."""
    config = RawConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf8")
    url = config["metadata"]["url"]
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    readme = re.sub(r"(!\[[^]]*\]\()(?!https:)", rf"\1{url}/raw/main/", readme)
    return re.sub(r"(\]\()(?!https:|#)", rf"\1{url}/blob/main/", readme)


if __name__ == "__main__":
    setup(long_description=read_description())
