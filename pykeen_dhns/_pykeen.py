"""What depends on PyKEEN 1.11 itself: its private members that this package uses, and ways around its faults.

Anything here may break with PyKEEN 1.12, so ``setup.cfg`` does not allow it. To move on to another version, change the
bounds there, run ``tests/test_pykeen.py``, and go through this module.
"""

import inspect
import json
from collections.abc import Mapping
from typing import Any

from pykeen.trackers import JSONResultTracker, tracker_resolver
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle
from typing_extensions import override

__all__ = ["PRIVATE_MEMBERS", "JSONLinesResultTracker", "recreatable"]

#: The private members of PyKEEN's classes that this package calls, reads, or overrides. Tests check that they exist,
#: and that none is missing here.
PRIVATE_MEMBERS: Mapping[str, tuple[str, ...]] = {
    # Our datasets read other files, and must come back from PyKEEN's cache as what they are.
    "pykeen.datasets.base:LazyDataset": (
        "_cache_sub_directories",
        "_load",
        "_load_validation",
        "_testing",
        "_training",
        "_validation",
    ),
    # Our loss reduces rows of its own in the way that its argument says.
    "pykeen.losses:Loss": ("_reduction_method",),
    # To read representations a second time in a step without feeding their regularizers twice.
    "pykeen.models:ERModel": (
        "_get_entity_len",
        "_get_entity_representations_from_inductive_mode",
        "_get_representations",
    ),
    "pykeen.nn.representation:Embedding": ("_embeddings",),
    "pykeen.nn.representation:Representation": ("_plain_forward",),
    # Our tracker writes what is not JSON, too.
    "pykeen.trackers:JSONResultTracker": ("_write",),
    # Our loop adds a loss, keeps its sampler, and saves both. PyKEEN has no public method for any of this.
    "pykeen.training:SLCWATrainingLoop": (
        "_create_training_data_loader",
        "_epoch",
        "_load_state",
        "_process_batch",
        "_save_state",
        "_train",
    ),
    # A callback has to know its loop before training starts, to keep the loop's sampler.
    "pykeen.training.callbacks:TrainingCallback": ("_training_loop",),
    # Our loop makes its own sampler, from the same triples as PyKEEN's loop.
    "pykeen.triples:CoreTriplesFactory": ("_add_inverse_triples_if_necessary",),
    # The same as for the loop, under PyTorch Lightning.
    "pykeen.contrib.lightning:SLCWALitModule": ("_dataloader", "_step"),
}


def recreatable(optimizer: Optimizer) -> RemovableHandle:
    """Let PyKEEN's training loop make a new optimiser from one.

    The loop takes the arguments from the optimiser's state dict. PyTorch's AdamW has something there that its
    constructor does not accept: https://github.com/pykeen/pykeen/issues/1569.

    :param optimizer: the optimiser

    :returns: a context, within which this is possible
    """
    accepted = inspect.signature(type(optimizer)).parameters.keys() | {"params", "initial_lr"}

    def drop(_: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
        groups = [{name: group[name] for name in group.keys() & accepted} for group in state["param_groups"]]
        return {**state, "param_groups": groups}

    return optimizer.register_state_dict_post_hook(drop)


class JSONLinesResultTracker(JSONResultTracker):
    """Tracks results to a JSON lines file. Parameters that are not JSON are written as text.

    In PyKEEN 1.11.1, :class:`pykeen.trackers.JSONResultTracker` fails on every pipeline that makes its model by name,
    since the loss, an object, is among the parameters. We know of no public issue.
    """

    @override
    def _write(self, obj: Any) -> None:
        self.file.write(f"{json.dumps(obj, default=str)}\n")
        self.file.flush()


if JSONLinesResultTracker not in tracker_resolver.lookup_dict.values():
    tracker_resolver.register(JSONLinesResultTracker)
