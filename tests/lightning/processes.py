"""What two processes do, which test_processes.py starts: each of them writes what it has seen to a folder."""

import datetime
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from pykeen.contrib.lightning import SLCWALitModule
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.strategies import DDPStrategy

from pykeen_dhns import DiffHEG, MultimodalModel

from .small import NATIONS, ODD, Record, ShiftedTails, draw_nothing, fit, make_module, state


def whole(num_processes: int, num_triples: int = 122, *, generator: Any = "diffheg", **kwargs: Any) -> dict[str, Any]:
    """Train without drawing anything, so that the number of processes that share a batch must not matter."""
    kwargs = dict(negative_sampler=ShiftedTails) | kwargs
    module = make_module(
        dataset=ODD, generator=generator, batch_size=num_triples // num_processes, random_seed=0, **kwargs
    )
    if isinstance(module.generator, DiffHEG):
        draw_nothing(module.generator)
    record = Record()
    trainer = fit(module, callbacks=[record], limit_val_batches=1.0, **trainer_kwargs(num_processes))
    return dict(**record.result(), val_loss=trainer.callback_metrics["val_loss"])


def trainer_kwargs(num_processes: int) -> dict[str, Any]:
    """Return the arguments of a trainer."""
    if num_processes == 1:
        return {}
    # if one process fails, the other is not to wait for half an hour; but a busy machine may be slow
    strategy = DDPStrategy(
        process_group_backend="gloo", timeout=datetime.timedelta(seconds=300), broadcast_buffers=False
    )
    return dict(strategy=strategy, devices=num_processes)


def make_features(known: int) -> torch.Tensor:
    """Make features of a few entities only."""
    features = torch.randn(NATIONS.num_entities, 5, generator=torch.Generator().manual_seed(0))
    features[known:] = float("nan")
    return features


#: Settings in which nothing is drawn. Only SGD shows that the gradients of a sum are larger.
WHOLE: dict[str, dict[str, Any]] = {
    "sampled": dict(generator="none"),
    "generated": dict(),
    # the pool is the graph
    "shared": dict(num_shared_negs=99, filtered=True, num_negs_per_pos=None, negative_sampler=None, generator="none"),
    "sparse": dict(sparse_gradients=True, optimizer="adagrad", learning_rate=1e-2),
    # a modality that is missing for most entities, so that the two shares of a batch have it for few
    "missing": dict(
        model=MultimodalModel,
        model_kwargs=dict(
            interaction="rotate", embedding_dim=6, modalities=dict(textual=make_features(known=6)), random_seed=0
        ),
        multimodal=True,
        learning_rate=1e-2,
    ),
    "sum": dict(
        model_kwargs=dict(embedding_dim=6, loss="nssa", loss_kwargs=dict(reduction="sum"), random_seed=0),
        optimizer="sgd",
        learning_rate=1e-4,
    ),
}


def remainder() -> dict[str, Any]:
    """Train with batches of 318. A single triple is left over, which is too little for two processes."""
    record = Record()
    fit(make_module(dataset=ODD, batch_size=159), max_epochs=1, callbacks=[record], **trainer_kwargs(2))
    return record.result()


def interrupted(rank: int, folder: Path, hard_fraction: float, **kwargs: Any) -> dict[str, Any]:
    """Train with another seed in each process, then again from a checkpoint on.

    :param rank: the number of this process
    :param folder: where to save
    :param hard_fraction: how many of the negatives are from a sampler that learns
    :param kwargs: when to save

    :returns: what was recorded in both runs, and what they ended with
    """
    results: dict[str, Any] = {}
    saves = ModelCheckpoint(folder, filename="first", **kwargs)
    for name, ckpt_path in (("uninterrupted", None), ("resumed", folder / "first.ckpt")):
        record = Record()
        module = make_module(seed=rank, dataset=ODD, hard_fraction=hard_fraction, batch_size=61)
        fit(
            module,
            max_epochs=3,
            ckpt_path=ckpt_path,
            callbacks=[record] if ckpt_path else [record, saves],
            **trainer_kwargs(2),
        )
        results[name] = dict(**record.result(), state=state(module))
    return results


def multimodal() -> dict[str, Any]:
    """Train a multimodal model, with validation, the control, and gradients of some batches added up."""
    record = Record()
    module = make_module(
        model=MultimodalModel,
        model_kwargs=dict(interaction="distmult", embedding_dim=6, modalities=dict(textual=make_features(known=11))),
        batch_size=100,
        generator="noise",
        multimodal=True,
    )
    trainer = fit(module, callbacks=[record], limit_val_batches=1.0, accumulate_grad_batches=2, **trainer_kwargs(2))
    return dict(**record.result(), val_loss=trainer.callback_metrics["val_loss"])


def stock() -> dict[str, Any]:
    """Train PyKEEN's own module with our sampler."""
    torch.manual_seed(0)
    record = Record()
    module = SLCWALitModule(
        dataset="nations",
        model="TransE",
        model_kwargs=dict(embedding_dim=6, random_seed=0),
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=8),
        batch_size=256,
    )
    fit(module, callbacks=[record], **trainer_kwargs(2))
    return record.result()


def main() -> None:
    """Do everything, one after the other."""
    folder = Path(sys.argv[1])
    warnings.filterwarnings("ignore", message=".*Your `IterableDataset` has `__len__` defined.*")  # PyKEEN's module
    torch.set_num_threads(1)
    results: dict[str, Any] = {f"whole-{name}": whole(2, **kwargs) for name, kwargs in WHOLE.items()}
    rank = torch.distributed.get_rank()
    results |= dict(remainder=remainder(), multimodal=multimodal(), stock=stock())
    # at the end of the second epoch of 14 steps, and in the middle of it
    for name, hard_fraction, when in (
        ("end", 0.5, dict(every_n_epochs=2)),
        ("middle", 0.0, dict(every_n_train_steps=25)),
    ):
        for run, result in interrupted(rank, folder / name, hard_fraction, **when).items():
            results[f"{run}-{name}"] = result
    torch.save(results, folder / f"{rank}.pt")


if __name__ == "__main__":
    main()
