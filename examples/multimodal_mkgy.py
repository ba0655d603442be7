"""The whole method on MKG-Y, with a text modality from nothing but the names of entities.

Everything is said by strings: PyKEEN knows the names once ``pykeen_dhns`` is installed. The names of entities become
features by an encoder that needs no pretrained model. For a run that is worth comparing: ``--epochs 200
--embedding-dim 256 --num-negs 64``, on a GPU.
"""

import argparse
import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from pykeen.datasets import Dataset, get_dataset
from pykeen.pipeline import pipeline

from pykeen_dhns.features import encode_texts, entity_labels, label_to_text

METRICS = {"MRR": "inverse_harmonic_mean_rank", "Hits@1": "hits_at_1", "Hits@3": "hits_at_3", "Hits@10": "hits_at_10"}


def load_dataset(name: str, kwargs: dict[str, Any]) -> Dataset:
    """Load a dataset, or say what to do.

    :param name: the dataset's name
    :param kwargs: its keyword-based parameters

    :returns: the dataset
    """
    try:
        dataset = get_dataset(dataset=name, dataset_kwargs=kwargs)
        print(f"{name}: {dataset.num_entities} entities, {dataset.training.num_triples} training triples")
    except (OSError, ValueError) as error:
        sys.exit(
            f"{error}\n\n{name!r} cannot be loaded. Without a connection, get its files elsewhere, and say where they "
            f"are: --cache-root FOLDER. Or try this example on a dataset that PyKEEN brings along: --dataset umls"
        )
    return dataset


def main() -> None:
    """Encode the names, train, and evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="mkgy", help="any dataset of PyKEEN's whose labels of entities are names")
    parser.add_argument("--cache-root", type=Path, help="the folder with the dataset's files, if it is published ones")
    parser.add_argument("--without-text", action="store_true", help="train without the text modality, to compare")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--embedding-dim", type=int, default=32)
    parser.add_argument("--num-negs", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=Path("multimodal_mkgy"), help="a folder for features and results"
    )
    args = parser.parse_args()
    logging.disable(logging.INFO)
    logging.getLogger("torch_max_mem").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="torch.utils.data")
    started = time.perf_counter()

    dataset_kwargs = {} if args.cache_root is None else dict(cache_root=str(args.cache_root))
    dataset = load_dataset(args.dataset, dataset_kwargs)

    # one row for each entity, in the order of IDs
    features = encode_texts([label_to_text(label) for label in entity_labels(dataset.training)])
    path = args.output / "textual.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, features)
    print(f"{path}: {features.shape[1]} features, {np.isnan(features[:, 0]).sum()} entities without")

    result = pipeline(
        dataset=args.dataset,
        dataset_kwargs=dataset_kwargs,
        model="multimodal",
        model_kwargs=dict(
            interaction="rotate",
            embedding_dim=args.embedding_dim,
            modalities={} if args.without_text else dict(textual=str(path)),
        ),
        training_loop="dhns",
        negative_sampler="dhns",
        negative_sampler_kwargs=dict(num_negs_per_pos=args.num_negs),
        loss="dhns",
        optimizer_kwargs=dict(lr=0.02),
        training_kwargs=dict(num_epochs=args.epochs, batch_size=args.batch_size),
        evaluation_kwargs=dict(batch_size=16),
        random_seed=args.seed,
    )
    result.save_to_directory(args.output / ("without_text" if args.without_text else "with_text"))
    print("\n" + "".join(f"{name:>9}" for name in METRICS))
    print("".join(f"{100 * result.get_metric(f'both.realistic.{metric}'):9.1f}" for metric in METRICS.values()))
    print(f"It took {time.perf_counter() - started:.0f} seconds, and is saved in {args.output}")


if __name__ == "__main__":
    main()
