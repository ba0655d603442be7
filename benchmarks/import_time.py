"""Measure how much longer PyKEEN's import takes with this package installed: fresh processes, in turn."""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tqdm import trange

RESULTS = Path(__file__).parent / "results" / "import_time.json"

#: With the plugin, and with a plugin that has nothing in it
COMMANDS = {
    "installed": "import pykeen.pipeline",
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
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in trange(args.rounds, unit="round"):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", command], check=True, stderr=subprocess.DEVNULL)  # noqa: S603
            times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["installed"] / medians["not installed"]
    args.output.write_text(json.dumps(dict(seconds=times, ratio=ratio), indent=1) + "\n", encoding="utf8")
    print(f"{medians}, ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
