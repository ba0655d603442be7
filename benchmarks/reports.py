"""Results of benchmarks: a configuration, and rows."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def save_result(path: Path, configuration: dict[str, Any], rows: list[dict[str, Any]], **others: Any) -> dict[str, Any]:
    """Save a result.

    :param path: the file
    :param configuration: the configuration
    :param rows: the rows
    :param others: what else is to be in the file

    :returns: what was saved
    """
    result = dict(configuration=configuration, rows=rows, **others)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    return result


def load_result(path: Path) -> dict[str, Any]:
    """Load a result.

    :param path: the file

    :returns: its content
    """
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf8"))
    return result
