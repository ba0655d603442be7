"""Measure how much longer PyKEEN's import takes with this package installed: fresh processes, in turn.

Times are CPU times, which other processes change less than the time on the wall.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from common import RESULTS, describe, save_result, to_markdown
from tqdm import trange

#: With the plugin, and with a plugin that has nothing in it
COMMANDS = {
    "not installed": """
import sys, types

class Plugin(types.ModuleType):
    @property
    def PLACEHOLDER(self):
        return sys.modules["pykeen.datasets.nations"].Nations

sys.modules["pykeen_dhns_plugin"] = Plugin("pykeen_dhns_plugin")
import pykeen.pipeline
assert "pykeen_dhns.sampling.sampler" not in sys.modules
""",
    "installed": "import pykeen.pipeline",
}


def table(result: dict[str, Any]) -> str:
    """Make a table.

    :param result: a result

    :returns: the table, in Markdown
    """
    header = ["this package is", "CPU seconds (median)", "ratio"]
    medians = {row["arm"]: statistics.median(row["seconds"]) for row in result["rows"]}
    base = medians["not installed"]
    return to_markdown(header, [[arm, f"{t:.2f}", f"{t / base:.2f}"] for arm, t in medians.items()])


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--output", type=Path, default=RESULTS / "import_time.json", help="a file")
    args = parser.parse_args()
    times: dict[str, list[float]] = {arm: [] for arm in COMMANDS}
    for _ in trange(args.rounds, unit="round"):
        for arm, command in COMMANDS.items():
            started = os.times()
            subprocess.run([sys.executable, "-c", command], check=True, stderr=subprocess.DEVNULL)  # noqa: S603
            ended = os.times()
            # user and system time of children
            times[arm].append(sum(ended[2:4]) - sum(started[2:4]))
    rows = [dict(arm=arm, seconds=seconds) for arm, seconds in times.items()]
    print(table(save_result(args.output, describe(args), rows)))


if __name__ == "__main__":
    main()
