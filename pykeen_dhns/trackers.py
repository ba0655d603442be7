"""A result tracker."""

import json
from typing import Any

from pykeen.trackers import JSONResultTracker, tracker_resolver

__all__ = ["JSONLinesResultTracker"]


class JSONLinesResultTracker(JSONResultTracker):
    """Tracks results to a JSON lines file, also of parameters which are not JSON, as text.

    In PyKEEN 1.11.1, :class:`pykeen.trackers.JSONResultTracker` fails on every pipeline which makes its model by name:
    the loss, an object, is among the parameters.
    """

    # docstr-coverage: inherited
    def _write(self, obj: Any) -> None:
        self.file.write(f"{json.dumps(obj, default=str)}\n")
        self.file.flush()


if JSONLinesResultTracker not in tracker_resolver.lookup_dict.values():
    tracker_resolver.register(JSONLinesResultTracker)
