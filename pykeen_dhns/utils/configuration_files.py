"""Files with arguments, in JSON or YAML."""

import json
import re
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
        # without what an anchor brings along, which may be replaced
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != MERGE]
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        to_unique_keys([(key, None) for key in keys])
        return mapping


#: The tag of a key that brings in what an anchor has
MERGE = "tag:yaml.org,2002:merge"
NUMBER = re.compile(r"[-+]?(\.\d+([eE][-+]?\d+)?|\d+(\.\d*)?[eE][-+]?\d+)$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", NUMBER, "-+.0123456789")


def to_unique_keys(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """Make a mapping of pairs.

    :param pairs: keys and values

    :returns: the mapping

    :raises ValueError: if a key is there twice
    """
    mapping: dict[Any, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise ValueError(f"{show(key)} is there twice.")
        mapping[key] = value
    return mapping


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
