"""Files with arguments, in JSON or YAML."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from .validation import show

__all__ = ["load_file", "to_unique_keys"]


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """A YAML loader for which 1e-3 is a number, as in YAML 1.2, and not a text. No key may be there twice."""

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        # before what an anchor brings along, which may be replaced
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != MERGE]
        if duplicates := [key for i, key in enumerate(keys) if key in keys[:i]]:
            raise ValueError(f"{show(duplicates[0])} is there twice.")
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


#: The tag of a key that brings in what an anchor has
MERGE = "tag:yaml.org,2002:merge"
NUMBER = re.compile(r"[-+]?(\.\d+([eE][-+]?\d+)?|\d+(\.\d*)?[eE][-+]?\d+)$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", NUMBER, "-+.0123456789")


def to_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a mapping of pairs.

    :param pairs: keys and values

    :returns: the mapping

    :raises ValueError: if a key is there twice
    """
    if duplicates := [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]:
        raise ValueError(f"{show(duplicates[0])} is there twice.")
    return dict(pairs)


def load_file(path: Path) -> Any:
    """Load a file.

    :param path: a file whose name ends with ``.json``, ``.yaml``, or ``.yml``

    :returns: its content

    :raises ValueError: if it has another name, cannot be read, or has a key twice
    """
    if path.suffix not in {".json", ".yaml", ".yml"}:
        raise ValueError(f"{path}: the name must end with .json, .yaml, or .yml, for the format that is in it.")
    try:
        text = path.read_text(encoding="utf8")
        if path.suffix == ".json":
            return json.loads(text, object_pairs_hook=to_unique_keys)
        return yaml.load(text, _Loader)  # noqa: S506
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error
